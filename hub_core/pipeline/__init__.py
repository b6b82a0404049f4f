"""The order of the path in the hub; nothing else knows it.

One step of the path a module, hence so many modules.
"""
