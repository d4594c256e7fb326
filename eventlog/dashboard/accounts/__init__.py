"""Accounts of the dashboard: users, sessions, tokens and limits on guesses, in DB_PATH.users."""
