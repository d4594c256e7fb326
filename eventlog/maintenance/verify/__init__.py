"""The checks of `verify`, one question a file."""
