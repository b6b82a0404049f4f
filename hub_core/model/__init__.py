"""The nouns of the hub: frozen, without I/O."""
