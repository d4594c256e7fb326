"""Whole-log operations: verify, salvage, export and import, backup, status."""
