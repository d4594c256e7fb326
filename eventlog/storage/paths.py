"""The paths of all files of a log: next to the database file, and never next to a link to it.

SQLite follows a link and keeps its WAL next to the file itself. The lock, the head file and all
others must be there too, or two programs that use two names for one log would have two locks.

Only this file makes such paths. Does not know what the files contain.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

from eventlog.errors import BadArgument, MissingFolder, NotADatabase
from eventlog.storage.error_translation import translated
from eventlog.storage.side_files import check_side_file


def real_path(path: Path) -> Path:
    """The file that a path leads to, which may not exist yet. Raises OSError."""
    return path.resolve() if path.is_symlink() else path


def absolute_path(path: Path) -> Path:
    """The absolute path, which a later chdir does not change. Raises DatabaseError."""
    with translated(path):
        return path.absolute()


def beside(db_path: Path, ending: str) -> Path:
    """The path of the database file with this ending added. Raises OSError."""
    path = real_path(db_path)
    return path.with_name(path.name + ending)


def wal_path(db_path: Path) -> Path:
    """SQLite's WAL of the database."""
    return beside(db_path, "-wal")


def rollback_path(db_path: Path) -> Path:
    """SQLite's rollback journal, which exists only before the database has a WAL."""
    return beside(db_path, "-journal")


def lock_path(db_path: Path) -> Path:
    """The file that writers lock."""
    return beside(db_path, ".lock")


def replay_path(db_path: Path) -> Path:
    """The file that a replay locks: one replay at a time."""
    return beside(db_path, ".replay")


def run_path(db_path: Path) -> Path:
    """The file that `eventlog run` locks: one process runs a door."""
    return beside(db_path, ".run")


def head_path(db_path: Path) -> Path:
    """Where the journal ended."""
    return beside(db_path, ".head")


def old_head_path(db_path: Path, number: int) -> Path:
    """A head file that was kept aside: the first one, the second one and so on."""
    return beside(db_path, ".head.old" if number == 1 else f".head.old-{number}")


def mark_path(db_path: Path, name: str) -> Path:
    """The mark of a store that has the log open; "" gives the beginning of all of them."""
    return beside(db_path, f".open-{name}")


def reserve_path(db_path: Path) -> Path:
    """Room that is kept for unlock records."""
    return beside(db_path, ".reserve")


def users_path(db_path: Path) -> Path:
    """The dashboard's accounts."""
    return beside(db_path, ".users")


def verified_path(db_path: Path) -> Path:
    """What the last `verify` said."""
    return beside(db_path, ".verified")


def heads_path(db_path: Path) -> Path:
    """The signed heads."""
    return beside(db_path, ".heads")


def tree_path(db_path: Path) -> Path:
    """The Merkle tree's full blocks."""
    return beside(db_path, ".tree")


def outside_path(db_path: Path) -> Path:
    """What is known of the heads that are kept outside."""
    return beside(db_path, ".outside")


def checked_path(db_path: str | Path) -> Path:
    """The path, if a database can be there.

    Raises BadArgument for ':memory:' and similar, MissingFolder, NotADatabase, and UnsafeFile
    where a file of SQLite's next to it is a link, a pipe or has several names.
    """
    text = str(db_path)
    if not text or ":memory:" in text or text.startswith("file:") or "\0" in text:
        raise BadArgument(f"a log needs a file of its own, not {text!r}")
    path = Path(text)
    with translated(path):
        if not path.parent.is_dir():
            raise MissingFolder(f"there is no folder {path.parent} for the database")
        if path.is_dir():
            raise NotADatabase(f"{path} is a folder")
        if path.exists() and not path.is_file():  # opening a pipe waits for its other end
            raise NotADatabase(f"{path} is a pipe, a socket or a device")
    check_sqlites_own(path)
    return path


def check_sqlites_own(db_path: Path) -> None:
    """Raise UnsafeFile where SQLite would write into a file that is not the log's."""
    for ending in ("-wal", "-shm", "-journal"):
        path = beside(db_path, ending)
        with translated(path), suppress(FileNotFoundError):
            check_side_file(path)


PATH_LENGTH_MAX: Final = 4000  # the limit of system calls, less the endings of the other files


def require_path(name: str, given: object) -> str:
    """The path as text. Raises BadArgument for a value that can't be the path of a file."""
    path = os.fspath(given) if isinstance(given, os.PathLike) else given
    if not isinstance(path, str):
        raise BadArgument(f"{name} is a path, not a {type(path).__name__}")
    if "\0" in path or len(path) > PATH_LENGTH_MAX:
        raise BadArgument(f"{name} is a path of {PATH_LENGTH_MAX} characters at most, without NUL")
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise BadArgument(f"{name} is a path that UTF-8 can hold") from error
    return path
