"""Sinks: send a document over one protocol."""
