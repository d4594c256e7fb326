"""Home Assistant: what its integrations know of locks, doors and doorbells."""
