"""Files, locks, paths and SQLite connections: what the system gives, made safe. Knows no table."""
