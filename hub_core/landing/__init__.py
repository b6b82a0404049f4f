"""Parts, landings and submissions on disk."""
