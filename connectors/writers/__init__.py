"""Writers: a release in one format."""
