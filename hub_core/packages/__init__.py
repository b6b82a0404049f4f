"""What people install.

Packages found, loaded and asked for their hooks, and the libraries that they need.
"""
