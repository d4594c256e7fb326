"""The one process of a door: its config, the supervisor of its parts, and their health."""
