"""Forgets one person: pictures, names and copies in reach, and a list of what is out of reach."""
