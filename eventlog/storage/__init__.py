"""Safe use of files, locks, paths and SQLite connections. Knows no table."""
