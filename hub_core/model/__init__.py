"""The nouns of the hub: frozen values, without I/O."""
