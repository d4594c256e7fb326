"""The checks of `verify`, one subject a file."""
