"""The stages: one verb a module, none knows another."""
