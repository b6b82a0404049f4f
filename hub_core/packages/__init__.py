"""What people install: packages, how they are found and loaded, and the libraries they need."""
