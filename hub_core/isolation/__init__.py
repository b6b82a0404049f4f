"""A child seen from outside: what it takes, where it works, as whom it runs."""
