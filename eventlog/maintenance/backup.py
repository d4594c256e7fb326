"""Copies a log's journal while others write, and verifies the copy before it gets its name.

The records are copied row by row: no view, no free page and no left-over of a row that was deleted
is in the copy, so that it holds no name that was erased. The first start over the copy fills the
views again. A log too damaged to be read so is copied page by page instead, and the report says it.

The live database file is not opened by our own code, because closing it would drop SQLite's locks
in this process.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from eventlog.followers.swap import NEW, OLD
from eventlog.journal import table as journal
from eventlog.journal.head_file import HeadMark, mark_of, read_mark, write_head
from eventlog.journal.progress import Progress
from eventlog.maintenance.new_log import copy_guarded, new_log, publish, spare_file
from eventlog.maintenance.verify.findings import Finding, Report
from eventlog.maintenance.verify.log import verify
from eventlog.projections import VIEWS
from eventlog.record import StoredRecord
from eventlog.storage.error_translation import translated
from eventlog.storage.read_only import opened

_ROWS: Final = 1000
_OWN: Final = frozenset({"journal", "log", "checkpoints", "parked", "tree", "sealing"})
_VIEW_TABLES: Final = frozenset(table for view in VIEWS for table in view.tables)
_TABLES: Final = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)


def backup(db_path: Path, target: Path, *, progress: Progress | None = None) -> Report:
    """Copy a log's records, and give the copy a head file of its own.

    A damaged log is copied as well, so that nothing is lost by waiting; the report says so.

    Args:
        db_path: The log.
        target: The new file.
        progress: Called while the copy is verified; None for no calls.

    Returns:
        What `verify` finds in the copy, compared with the log's own head file.

    Raises:
        BadArgument: There is something at the target.
        DatabaseMissing: There is no log.
        DiskFull: The copy has no room.
        DiskFailure: The log can't be copied.
    """
    known, _ = read_mark(db_path)  # first: the journal may grow until it is copied
    notes: list[Finding] = []
    with opened(db_path) as log, spare_file(target) as spare:
        with translated(target):
            try:
                mark = _copy_records(log.connection, spare)
                notes += _left_out(log.connection)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                spare.unlink(missing_ok=True)
                mark = _copy_pages(log.connection, spare)
                said = "it is damaged and was copied page by page, views and free pages included"
                notes.append(Finding("file", said, "note"))
        write_head(spare, mark if known is None else known)
        report = verify(spare, progress=progress)
        write_head(spare, mark)
        publish(spare, target)
    return replace(report, notes=(*report.notes, *notes))


def _copy_records(source: sqlite3.Connection, spare: Path) -> HeadMark:
    """Copy every record up to the end of now, as it is stored; nothing of it is checked here."""
    end = journal.last_position(source)
    with new_log(spare, journal.log_id(source)) as connection:
        copy_guarded(source, connection)
        for after in range(0, end, _ROWS):
            # Text that is not UTF-8 fails here: as U+FFFD it would be another record.
            rows = source.execute(journal.READ_AFTER, (after, min(_ROWS, end - after))).fetchall()
            journal.insert(connection, [StoredRecord._make(row) for row in rows])
        mark = mark_of(connection)
        if mark.position != end:
            raise sqlite3.DatabaseError("the journal has a hole")
    return mark


def _copy_pages(source: sqlite3.Connection, spare: Path) -> HeadMark:
    """Copy the database as it is, damage included."""
    for path in spare.parent.iterdir():
        path.unlink()
    with closing(sqlite3.connect(spare, isolation_level=None)) as copy:
        spare.chmod(0o600)
        copy.execute("PRAGMA synchronous = OFF")  # the file is synced before it gets its name
        source.backup(copy, pages=-1)
        return mark_of(copy)


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the journal's rows can't be read or are none; and not that a disk failed."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    return code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CONSTRAINT}


def _left_out(connection: sqlite3.Connection) -> list[Finding]:
    """The tables of others (not the log's or a view's), whose rows are not in the copy."""
    ours = {*_OWN, *(f"{prefix}{name}" for prefix in ("", NEW, OLD) for name in _VIEW_TABLES)}
    found = []
    for (name,) in connection.execute(_TABLES).fetchall():
        if name not in ours:
            quoted = name.replace('"', '""')
            (rows,) = connection.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()  # noqa: S608 - quoted
            said = f"its {rows} rows are not in the copy: only the journal is"
            found.append(Finding(f"table {name}", said, "note"))
    return found
