"""Where children run, and their guard from outside: what they take, where they work, as whom they run."""
