"""Replaces a log that has names in plain text by one with sealed names.

The old files are overwritten once and deleted. No process may have the log open. A kill leaves the
old log, or the new one with the old file next to it under the name `.in-clear`, which the next call
overwrites and deletes. `sealed_copy.py` writes the new log.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from eventlog.errors import BadArgument, DatabaseMissing
from eventlog.evidence import unfinished
from eventlog.evidence.keys import KeysDir
from eventlog.journal import sealing
from eventlog.journal.head_file import mark_of, write_head
from eventlog.journal.progress import Progress
from eventlog.maintenance.new_log import spare_file
from eventlog.maintenance.sealed_copy import Resealed, copy_sealed
from eventlog.storage.connections import connect_writer, require_ours
from eventlog.storage.durable_files import overwrite, sync
from eventlog.storage.error_translation import translated
from eventlog.storage.lock import FileLock
from eventlog.storage.open_marks import left_behind
from eventlog.storage.paths import (
    beside,
    head_path,
    heads_path,
    lock_path,
    mark_path,
    outside_path,
    real_path,
    tree_path,
    verified_path,
)


def reseal(
    db_path: Path,
    keys_dir: Path,
    *,
    keep: Callable[[KeysDir], object],
    progress: Progress | None = None,
) -> Resealed:
    """Seal the names of a log.

    Args:
        db_path: The log. No process may have it open.
        keys_dir: The folder of keys, which gets the new log's seals file.
        keep: Copies the new log's keys to a second place; the log stays as it was where it raises.
        progress: Called with the position reached and the last one; None for no calls.

    Returns:
        What was done.

    Raises:
        BadArgument: The log is open, or its names are sealed already.
        DatabaseError: The log stays as it was.
    """
    path = real_path(db_path)
    finish(path)
    if not path.exists():
        raise DatabaseMissing(f"there is no log at {path}")
    with closing(FileLock(lock_path(path))) as lock:
        connection = connect_writer(path, lock)
        with lock, translated(path):
            try:
                _require_sealable(connection, path)
                with spare_file(beside(path, ".sealed")) as spare:
                    done = copy_sealed(connection, spare, keys_dir, path, progress)
                    _keep(KeysDir(keys_dir, done.new_log_id), keep)
                    _close_to_one_file(connection, path)
                    _swap(spare, path)
                    unfinished.finish(KeysDir(keys_dir, done.new_log_id))
            finally:
                connection.close()
    finish(path)
    return done


def _keep(keys: KeysDir, keep: Callable[[KeysDir], object]) -> None:
    try:
        keep(keys)
    except BaseException:
        keys.file("seals").unlink()
        raise


def finish(db_path: Path) -> bool:
    """Overwrite and delete what an earlier call left of the old log; whether there was anything."""
    path = real_path(db_path)
    old = _old_file(path)
    if not old.exists():
        return False
    with translated(path):
        if old.samefile(path):  # it was killed before the exchange
            old.unlink()
            return True
        for file in (*_of_old_log(path), old):
            overwrite(file)
        sync(path.parent)
    return True


# ── the exchange ───────────────────────────────────────────────────────────────────────────


def _require_sealable(connection: sqlite3.Connection, path: Path) -> None:
    """Raise BadArgument where a process has the log open, or it is sealed. Inside the lock."""
    require_ours(connection, path)
    if sealing.read(connection) is not None:
        raise BadArgument(f"the names of {path} are sealed already")
    free = {mark.name for mark in left_behind(path)}
    marks = mark_path(path, "")
    for mark in marks.parent.iterdir():
        if mark.name.startswith(marks.name) and mark.name not in free:
            raise BadArgument(f"{path} is open in another process: stop it first")


def _close_to_one_file(connection: sqlite3.Connection, path: Path) -> None:
    """Put what the WAL holds into the database, and close it, so that no WAL is left."""
    busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if busy:
        raise BadArgument(f"{path} is being read by another process: stop it first")
    connection.close()


def _swap(spare: Path, path: Path) -> None:
    """Give the new file the old one's name; the old one keeps another until it is overwritten."""
    with closing(sqlite3.connect(spare)) as connection:
        mark = mark_of(connection)
    write_head(spare, mark)
    sync(spare)
    os.link(path, _old_file(path))
    sync(path.parent)
    head_path(spare).rename(head_path(path))
    spare.rename(path)
    sync(path.parent)


def _old_file(path: Path) -> Path:
    return beside(path, ".in-clear")


def _of_old_log(path: Path) -> list[Path]:
    """The files of the old log that mean nothing for the new one, and may hold its names."""
    older = sorted(path.parent.glob(f"{path.name}.head.old*"))
    return [tree_path(path), heads_path(path), outside_path(path), verified_path(path), *older]
