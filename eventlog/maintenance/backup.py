"""A consistent copy of a log in one step while others write, checked before it has its name.

SQLite's own backup reads all pages in one read transaction, so that it never has to begin again;
the live database file itself is not opened by us, which would drop SQLite's locks in this
process. Knows nothing of what the log holds but where it ends.
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
    """Copy the log at `db_path` to `target`, views and all, with a head file of its own.

    Answers what `verify` says of the copy, held against the log's own head file. A backup of a
    damaged log is made all the same, so that nothing is lost by waiting; the findings tell.
    `progress` is that of `verify`.

    Raises BadArgument where something lies at the target, DatabaseMissing, DiskFull, and
    DiskFailure where the log can't be copied.
    """
    known, _ = read_mark(db_path)  # first: the journal may grow until it is copied
    with opened(db_path) as log, spare_file(target) as spare:
        with translated(target), closing(sqlite3.connect(spare, isolation_level=None)) as copy:
            spare.chmod(0o600)
            copy.execute("PRAGMA synchronous = OFF")  # it is synced whole before it has its name
            log.connection.backup(copy, pages=-1)
            mark = mark_of(copy)
        write_head(spare, mark if known is None else known)
        report = verify(spare, progress=progress)
        write_head(spare, mark)
        publish(spare, target)
    return report
