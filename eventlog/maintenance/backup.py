"""A consistent copy of a log while others write, verified before it gets its name.

SQLite's own backup reads all pages in one read transaction, so that it never starts again. The
live database file is not opened by our own code, because closing it would drop SQLite's locks in
this process. Knows only where the log ends.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from eventlog.journal.head_file import mark_of, read_mark, write_head
from eventlog.journal.progress import Progress
from eventlog.maintenance.new_log import publish, spare_file
from eventlog.maintenance.verify.findings import Report
from eventlog.maintenance.verify.log import verify
from eventlog.storage.error_translation import translated
from eventlog.storage.read_only import opened


def backup(db_path: Path, target: Path, *, progress: Progress | None = None) -> Report:
    """Copy a log with its views, and give the copy a head file of its own.

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
    with opened(db_path) as log, spare_file(target) as spare:
        with translated(target), closing(sqlite3.connect(spare, isolation_level=None)) as copy:
            spare.chmod(0o600)
            copy.execute("PRAGMA synchronous = OFF")  # the file is synced before it gets its name
            log.connection.backup(copy, pages=-1)
            mark = mark_of(copy)
        write_head(spare, mark if known is None else known)
        report = verify(spare, progress=progress)
        write_head(spare, mark)
        publish(spare, target)
    return report
