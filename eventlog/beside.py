"""Where what belongs to a log lies: beside the database file, and never beside a link to it.

SQLite follows a link and keeps its WAL beside the file itself. Lock, head file and all the rest
must lie there too, or two programs that know one log by two names would have two locks.

Knows no file by what it is for.
"""

from __future__ import annotations

from pathlib import Path


def real_path(path: Path) -> Path:
    """The file that a path leads to, which may not be there yet. Raises OSError."""
    return path.resolve() if path.is_symlink() else path


def beside(db_path: Path, ending: str) -> Path:
    """The path that differs from the database file's own by this at its end. Raises OSError."""
    path = real_path(db_path)
    return path.with_name(path.name + ending)
