"""What people declare: the operator in hub.toml, a province in its package."""
