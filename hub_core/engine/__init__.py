"""Where children run, and their guard from outside.

What they take, where they work, as whom they run.
"""
