"""Connectors that come with the hub: sources, readers, writers and sinks."""
