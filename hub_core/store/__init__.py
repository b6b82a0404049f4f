"""The database: what is small and must be transactional."""
