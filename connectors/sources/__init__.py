"""Sources: fetch a payload over one protocol."""
