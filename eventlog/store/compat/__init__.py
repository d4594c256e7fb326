"""What only today's pipeline and its database need: `write_event`, `store.db`, old tables."""
