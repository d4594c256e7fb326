"""Makes a new database file, which appears complete or not at all, for import, backup, salvage.

The file is written in a folder of its own next to the target. When it is complete it is synced and
gets the target's name, after its head file. An existing file is never overwritten. What a kill
leaves is a folder `.NAME.new-…`, which may be deleted.

Knows how a log is made and named, and nothing of where its rows come from.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from eventlog.errors import BadArgument, DatabaseError
from eventlog.evidence import tree_secret
from eventlog.journal import sealing
from eventlog.journal import table as journal
from eventlog.journal.head_file import holds, keep_aside, mark_of, read_mark, write_head
from eventlog.storage.connections import connect_writer
from eventlog.storage.durable_files import sync
from eventlog.storage.error_translation import translated
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import (
    checked_path,
    head_path,
    lock_path,
    rollback_path,
    wal_path,
)
from eventlog.store import opening

log = logging.getLogger("eventlog")

# File systems without hard links, as on USB sticks, say one of these.
_NO_LINKS: Final = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


@contextmanager
def spare_file(target: Path) -> Iterator[Path]:
    """The path of a file to be written in place of `target`, in a folder that is removed after.

    Raises BadArgument if there is something at the target, MissingFolder.
    """
    require_free(target)
    with translated(target):
        folder = Path(tempfile.mkdtemp(prefix=f".{target.name}.new-", dir=target.parent))
    try:
        yield folder / target.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if folder.exists():
            log.warning("%s is left over and may be deleted", folder)


def require_free(target: Path) -> None:
    """Raise BadArgument where the target, or a WAL that would be read as its own, exists."""
    checked_path(target)
    if target.exists() or target.is_symlink():
        raise BadArgument(f"{target} exists already; nothing is written over it")
    for path in (wal_path(target), rollback_path(target)):
        if path.exists() and path.stat().st_size > 0:
            raise BadArgument(f"{path} exists already, and would be read into the new database")


@contextmanager
def new_log(path: Path, log_id: bytes) -> Iterator[sqlite3.Connection]:
    """Make an empty log in a spare file and yield it, open for rows; then write its head file.

    Nothing of it is synced before `publish`.
    """
    lock = FileLock(lock_path(path))
    try:
        connection = connect_writer(path, lock)
        try:
            opening.prepare(connection, path)
            journal.make_log_id(connection, log_id)
            # No other process sees the file, and an incomplete one is deleted: no WAL, no sync.
            connection.execute("PRAGMA journal_mode = OFF")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")
            _back_to_wal(connection)
            write_head(path, mark_of(connection))
        finally:
            connection.close()
    finally:
        lock.close()


def copy_guarded(source: sqlite3.Connection, connection: sqlite3.Connection) -> None:
    """Copy what a log has next to its journal and may never lose.

    The secret of its tree, and since when its names are sealed: a sealed log stays sealed.
    """
    secret = tree_secret.read(source)
    if secret is not None:
        tree_secret.put(connection, secret)
    sealed = sealing.read(source)
    if sealed is not None:
        sealing.make_table(connection)
        sealing.begin(connection, sealed.since, sealed.seals_id)


def _back_to_wal(connection: sqlite3.Connection) -> None:
    (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise DatabaseError(f"the new database refuses WAL and stays in mode {mode}")


def keep_other_head(target: Path, new: Path) -> None:
    """Keep a head file that knows of records that the new log does not hold, and say so.

    It is the only proof of what was lost. `target` is the database that is replaced or restored,
    `new` the one with the new records. Raises OSError, and SQLite's errors.
    """
    if not os.path.lexists(head_path(target)):
        return
    known, damage = read_mark(target)
    with closing(sqlite3.connect(f"file:{quote(str(new))}?mode=ro", uri=True)) as connection:
        head = journal.head(connection)
        if damage is not None:
            said = f"the head file could not be read: {damage}"
        elif known is None or known.position == 0 or holds(connection, known):
            return
        else:
            others = "" if known.log_id == journal.log_id(connection) else " of another log"
            said = f"the head file knew {known.position}{others}, this holds {head.position}"
    log.warning("%s: %s; it is kept as %s", target, said, keep_aside(target))


def publish(spare: Path, target: Path) -> None:
    """Sync a spare file and its head file, and give them the target's names, the head file first.

    Raises BadArgument if there is something at the target now, DatabaseError.
    """
    with translated(target):
        sync(spare)
        require_free(target)
        keep_other_head(target, spare)
        head_path(spare).rename(head_path(target))
        try:
            os.link(spare, target)
        except FileExistsError as error:
            raise BadArgument(f"{target} exists already; nothing is written over it") from error
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            spare.rename(target)
        sync(target.parent)
