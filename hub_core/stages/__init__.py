"""The stages: one verb a module; no stage imports another."""
