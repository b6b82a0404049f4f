"""Where children run, and their guard from outside.

What they use, where they work, and as whom they run.
"""
