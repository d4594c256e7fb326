"""Home Assistant: what its integrations report of locks, doors and doorbells."""
