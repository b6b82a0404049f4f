"""Readers: one format into frames."""
