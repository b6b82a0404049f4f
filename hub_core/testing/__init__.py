"""The kit for plugin authors and for the hub itself: suites, sample systems, a sample ministry."""
