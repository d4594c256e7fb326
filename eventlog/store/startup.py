"""Checks at a start: stops that were not clean, and a head file that differs from the journal.

    marks of stores that were not closed  ──▶ an unclean stop for each, in the journal
    a head beyond the journal's end       ──▶ an unclean stop that names it; the file is kept aside
    a damaged head file                   ──▶ kept aside, with a warning
    an older head file, or none           ──▶ written again

Knows how a log is made and opened (`opening.py`), and nothing of appends.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import NamedTuple

from eventlog.facts import UncleanStop
from eventlog.journal import table as journal
from eventlog.journal.clock import MACHINE, Machine
from eventlog.journal.head_file import (
    BadHeadFile,
    HeadFile,
    HeadMark,
    holds,
    keep_aside,
    known_mark,
    read_head,
)
from eventlog.record import Head
from eventlog.storage.open_marks import OpenMark, identity, left_behind
from eventlog.store import opening

log = logging.getLogger("eventlog")


class Start(NamedTuple):
    """What a start finds: its own files, the marks of stores that died, and what to record of them.

    `end` is the journal's last position; `unclean` has each unclean stop under its idempotency key.
    """

    end: int
    head_file: HeadFile
    presence: OpenMark
    marks: list[Path]
    unclean: dict[str, UncleanStop]

    def close(self) -> None:
        """Close the head file and take the mark away."""
        self.head_file.close()
        try:
            self.presence.leave()
        except OSError as error:
            # The next start takes this stop for an unclean one, which loses nothing.
            log.warning("the mark of an open store can't be taken away: %s", error.strerror)
            self.presence.drop()

    def drop(self) -> None:
        """Close the head file and keep the mark: the store was not closed."""
        self.head_file.close()
        self.presence.drop()


def find(
    connection: sqlite3.Connection,
    path: Path,
    machine: Machine = MACHINE,
    keys_dir: Path | None = None,
) -> Start:
    """Make or open the log, and say what was found.

    Args:
        connection: The writer's, inside the lock.
        path: The log's own path.
        machine: Where the time and random bytes come from; this machine by default.
        keys_dir: The folder of keys, if the names of a plain store are to be sealed.

    Raises:
        ForeignDatabase, NewerDatabase: Nothing is changed then; and SQLite's and the system's
            errors.
    """
    if opening.prepare(connection, path, machine, keys_dir):
        log.warning("a new log is made at %s", path)
    marks = left_behind(path)
    end = journal.head(connection)
    astray = _head_astray(connection, path, end.position)
    stop = astray or UncleanStop(journal_position=end.position)
    unclean = {f"unclean:{identity(mark)}": stop for mark in marks}
    if astray is not None and not marks:
        unclean[f"unclean:{astray.head_position}:{end.position}"] = astray
    if marks:
        log.warning("%s was not closed; its journal ends at %d", path, end.position)
    presence = OpenMark(path, machine.random_bytes(16).hex())
    try:
        head_file = HeadFile(path)
        if astray is None:
            _write_head(head_file, connection, path, end)
    except BaseException:
        presence.leave()
        raise
    return Start(end.position, head_file, presence, marks, unclean)


def _write_head(head_file: HeadFile, connection: sqlite3.Connection, path: Path, end: Head) -> None:
    """Write the head file of a log that had none, or an older one."""
    log_id = journal.log_id(connection)
    mark = known_mark(path, log_id)
    if mark is None or mark.position < end.position:
        durable = end.position if mark is None else mark.durable_position
        head_file.write(HeadMark(log_id, end.position, durable, end.hash))


def _head_astray(connection: sqlite3.Connection, path: Path, end: int) -> UncleanStop | None:
    """What the head file says that the journal does not, as a fact; the file is kept aside.

    A head beyond the journal's end, of another log, or of another record at its position.
    """
    try:
        mark = read_head(path)
    except BadHeadFile as error:
        log.warning("the head file of %s is damaged: %s; it is kept aside", path, error)
        keep_aside(path)
        return None
    if mark is None:
        return None
    if holds(connection, mark):
        return None
    log.error("%s ends at %d; its head file names another %d", path, end, mark.position)
    keep_aside(path)
    return UncleanStop(
        journal_position=end, head_position=max(mark.position, 0), head_hash=mark.hash
    )
