"""Puts an imported journal in place of an empty one, in a log that others may have open.

Its rows go into a table of their own in short transactions with room between them, so that no one
waits for long, and one transaction lets the two tables change their content. Until then the log is
as it was, and it stays so where something was appended meanwhile. What a kill leaves is a table
that nobody reads; the next import removes it. Knows nothing of where the rows come from.
"""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from eventlog.errors import BadArgument, DatabaseError
from eventlog.evidence import tree_secret
from eventlog.journal import sealing
from eventlog.journal import table as journal
from eventlog.journal.head_file import HeadFile, HeadMark, mark_of
from eventlog.maintenance.new_log import keep_other_head
from eventlog.storage import wal_file as wal
from eventlog.storage.connections import connect_writer, has_table, require_ours, transaction
from eventlog.storage.error_translation import translated
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path, wal_path
from eventlog.storage.schema_roots import exchange

# This many rows hold the lock for about 20 ms.
STEP_ROWS: Final = 1000
# A pause for other writers, which look for the lock more often than this.
ROOM_S: Final = 0.002
WAL_LIMIT_BYTES: Final = 4 * 1024 * 1024

_IMPORTED: Final = "imported_journal"
_JOURNAL: Final = re.compile(r"\bjournal")
_DEFINED: Final = (
    "SELECT sql FROM whole.sqlite_schema"
    " WHERE tbl_name = 'journal' AND type IN ('table', 'index') ORDER BY type DESC"
)
_COPY_SOME: Final = (
    f"INSERT INTO {_IMPORTED} SELECT * FROM whole.journal"  # noqa: S608 - our own name
    f" WHERE position > (SELECT ifnull(max(position), 0) FROM {_IMPORTED})"
    " ORDER BY position LIMIT ?"
)
_DELETE_SOME: Final = (
    f"DELETE FROM {_IMPORTED} WHERE position IN"  # noqa: S608 - our own name
    f" (SELECT position FROM {_IMPORTED} ORDER BY position LIMIT ?)"
)
_OBJECTS: Final = (
    "SELECT name FROM main.sqlite_schema WHERE tbl_name = ? AND type IN ('table', 'index')"
)


def require_empty(connection: sqlite3.Connection, db_path: Path) -> None:
    """Raise BadArgument where the log has records."""
    end = journal.last_position(connection)
    if end:
        raise BadArgument(f"{db_path} has {end} records; an import goes into an empty log")


def take_over(db_path: Path, whole: Path) -> HeadMark:
    """Give an empty log the id and the records of another one, all or none.

    Args:
        db_path: The log without records.
        whole: The complete log; nothing is read from it afterwards.

    Returns:
        The new head.

    Raises:
        BadArgument: The log has records.
        ForeignDatabase: It is not a log.
        LockTimeout: Another process held the lock for too long.
        DatabaseError: The log stays as it was.
    """
    with closing(FileLock(lock_path(db_path))) as lock, translated(db_path):
        connection = connect_writer(db_path, lock)
        try:
            require_ours(connection, db_path)
            return _Exchange(connection, lock, db_path).run(whole)
        finally:
            with lock:  # it may be the last close
                connection.close()


class _Exchange:
    """One exchange: a connection that may write, and the lock around each of its transactions."""

    def __init__(self, connection: sqlite3.Connection, lock: FileLock, db_path: Path) -> None:
        self._connection = connection
        self._lock = lock
        self._db_path = db_path

    def run(self, whole: Path) -> HeadMark:
        self._connection.execute("ATTACH ? AS whole", (str(whole),))
        # Overwrite what is deleted: a salvage would take records in free pages for ours.
        self._connection.execute("PRAGMA main.secure_delete = ON")
        self._clear_away()
        try:
            self._make_table()
            while self._step(_COPY_SOME):
                pass
            return self._change_places(whole)
        except BaseException:
            self._clear_away()
            raise

    def _make_table(self) -> None:
        with self._lock, transaction(self._connection):
            require_empty(self._connection, self._db_path)
            _match_sealing(self._connection)
            for (sql,) in self._connection.execute(_DEFINED).fetchall():
                self._connection.execute(_JOURNAL.sub(_IMPORTED, sql))

    def _step(self, sql: str) -> bool:
        """Copy or delete some rows; whether there were any."""
        with self._lock:
            with transaction(self._connection):
                changed = self._connection.execute(sql, (STEP_ROWS,)).rowcount
            if wal.bytes_in_use(wal_path(self._db_path)) > WAL_LIMIT_BYTES:
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        time.sleep(ROOM_S)
        return changed > 0

    def _change_places(self, whole: Path) -> HeadMark:
        connection = self._connection
        with self._lock:
            connection.execute("PRAGMA synchronous = FULL")
            try:
                with transaction(connection):
                    require_empty(connection, self._db_path)
                    (log_id,) = connection.execute("SELECT log_id FROM whole.log").fetchone()
                    journal.make_log_id(connection, log_id)
                    _take_secret(connection)
                    _take_sealing(connection)
                    _exchange_roots(connection)
                    connection.execute(f"DROP TABLE {_IMPORTED}")
            finally:
                # Read the schema again: this connection may have what was rolled back in mind.
                connection.execute("PRAGMA writable_schema = RESET")
            mark = mark_of(connection)
            keep_other_head(self._db_path, whole)
            with closing(HeadFile(self._db_path)) as head_file:
                head_file.write(mark)
        return mark

    def _clear_away(self) -> None:
        """Remove the table of imported rows, where there is one."""
        if not has_table(self._connection, _IMPORTED):
            return
        while self._step(_DELETE_SOME):
            pass
        with self._lock, transaction(self._connection):
            self._connection.execute(f"DROP TABLE {_IMPORTED}")


def _take_secret(connection: sqlite3.Connection) -> None:
    """The secret of the imported log's tree, in place of one that an empty log may have."""
    if not has_table(connection, tree_secret.TABLE, "whole.sqlite_schema"):
        return
    (secret,) = connection.execute("SELECT secret FROM whole.tree").fetchone()
    connection.execute("DROP TABLE IF EXISTS main.tree")
    tree_secret.put(connection, secret)


def _match_sealing(connection: sqlite3.Connection) -> None:
    """Have the table `sealing`, and its index on the journal, where the imported log has them."""
    if not has_table(connection, sealing.TABLE, "whole.sqlite_schema"):
        connection.execute(f"DROP TABLE IF EXISTS main.{sealing.TABLE}")
        connection.execute(f"DROP INDEX IF EXISTS main.{sealing.INDEX}")
    else:
        sealing.make_table(connection)


def _take_sealing(connection: sqlite3.Connection) -> None:
    """Since when the imported log is sealed: a sealed log stays sealed."""
    if has_table(connection, sealing.TABLE, "whole.sqlite_schema"):
        row = connection.execute("SELECT since, seals_id FROM whole.sealing").fetchone()
        if row is not None:
            sealing.begin(connection, *row)


def _exchange_roots(connection: sqlite3.Connection) -> None:
    """Let the two tables change their content, with their indexes."""
    live, imported = (
        {name for (name,) in connection.execute(_OBJECTS, (table,))}
        for table in ("journal", _IMPORTED)
    )
    twins = {name: _JOURNAL.sub(_IMPORTED, name) for name in live}
    if set(twins.values()) != imported:
        raise DatabaseError("the journal has other indexes than this program makes: run verify")
    exchange(connection, twins)
