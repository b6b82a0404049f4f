"""The order of the path in the hub; nothing else knows it."""
