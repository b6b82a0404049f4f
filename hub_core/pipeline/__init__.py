"""The order in which the hub takes the steps of the path; nothing else knows it.

Each step is a module of its own, hence so many modules.
"""
