"""The rules by which figures add up.

Along the calendar, up the org tree, as quotients and by formula.
"""
