"""A whole journal takes the place of an empty one, in a log that others may have open.

Its rows go into a table beside the journal in short transactions with room between them, so that
nobody waits for long, and one transaction lets the two tables change places. Until then the log is
as it was, and it stays so where something was appended meanwhile. What a kill leaves is a table
that nobody reads; the next import clears it away.

The two have the same columns and indexes, so it is enough that `sqlite_schema` says of each where
the other begins: names, guards and their text stay. Knows nothing of where the rows come from.
"""

from __future__ import annotations

import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Final

from eventlog.errors import BadArgument, DatabaseError
from eventlog.journal import table as journal
from eventlog.journal.head_file import HeadFile, HeadMark, mark_of
from eventlog.storage import wal_file as wal
from eventlog.storage.connections import connect_writer, require_ours, transaction
from eventlog.storage.error_translation import translated
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path, wal_path

# So many rows hold the lock for some 20 ms.
STEP_ROWS: Final = 1000
# Others that wait for the lock look for it more often than this.
ROOM_S: Final = 0.002
WAL_LIMIT_BYTES: Final = 4 * 1024 * 1024

_BESIDE: Final = "imported_journal"
_JOURNAL: Final = re.compile(r"\bjournal")
_HAS_TABLE: Final = "SELECT 1 FROM main.sqlite_schema WHERE name = ?"
_DEFINED: Final = (
    "SELECT sql FROM whole.sqlite_schema"
    " WHERE tbl_name = 'journal' AND type IN ('table', 'index') ORDER BY type DESC"
)
_COPY_SOME: Final = (
    f"INSERT INTO {_BESIDE} SELECT * FROM whole.journal"  # noqa: S608 - our own name
    f" WHERE position > (SELECT ifnull(max(position), 0) FROM {_BESIDE}) ORDER BY position LIMIT ?"
)
_DELETE_SOME: Final = (
    f"DELETE FROM {_BESIDE} WHERE position IN"  # noqa: S608 - our own name
    f" (SELECT position FROM {_BESIDE} ORDER BY position LIMIT ?)"
)
_ROOTS: Final = (
    "SELECT name, rootpage FROM main.sqlite_schema"
    " WHERE tbl_name = ? AND type IN ('table', 'index')"
)
_BEGINS_AT: Final = "UPDATE main.sqlite_schema SET rootpage = ? WHERE name = ?"


def require_empty(connection: sqlite3.Connection, db_path: Path) -> None:
    """Raise BadArgument where the log has records."""
    end = journal.last_position(connection)
    if end:
        raise BadArgument(f"{db_path} has {end} records; an import goes into an empty log")


def take_over(db_path: Path, whole: Path) -> HeadMark:
    """Give the empty log at `db_path` the id and the records of a whole one; answers its head.

    Wholly or not at all. Raises BadArgument where the log has records, ForeignDatabase,
    LockTimeout, DatabaseError.
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
    """One of them: a connection that may write, and the lock around all that it does."""

    def __init__(self, connection: sqlite3.Connection, lock: FileLock, db_path: Path) -> None:
        self._connection = connection
        self._lock = lock
        self._db_path = db_path

    def run(self, whole: Path) -> HeadMark:
        self._connection.execute("ATTACH ? AS whole", (str(whole),))
        # What is cleared away must not lie in free pages, where a salvage would take it for ours.
        self._connection.execute("PRAGMA main.secure_delete = ON")
        self._clear_away()
        try:
            self._make_beside()
            while self._step(_COPY_SOME):
                pass
            return self._change_places()
        except BaseException:
            self._clear_away()
            raise

    def _make_beside(self) -> None:
        with self._lock, transaction(self._connection):
            require_empty(self._connection, self._db_path)
            for (sql,) in self._connection.execute(_DEFINED).fetchall():
                self._connection.execute(_JOURNAL.sub(_BESIDE, sql))

    def _step(self, sql: str) -> bool:
        """Bring some rows, or take some away; whether there were any."""
        with self._lock:
            with transaction(self._connection):
                changed = self._connection.execute(sql, (STEP_ROWS,)).rowcount
            if wal.bytes_in_use(wal_path(self._db_path)) > WAL_LIMIT_BYTES:
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        time.sleep(ROOM_S)
        return changed > 0

    def _change_places(self) -> HeadMark:
        connection = self._connection
        with self._lock:
            connection.execute("PRAGMA synchronous = FULL")
            try:
                with transaction(connection):
                    require_empty(connection, self._db_path)
                    (log_id,) = connection.execute("SELECT log_id FROM whole.log").fetchone()
                    journal.make_log_id(connection, log_id)
                    _exchange_roots(connection)
                    connection.execute(f"DROP TABLE {_BESIDE}")
            finally:
                # Read the schema again: this connection may have what was rolled back in mind.
                connection.execute("PRAGMA writable_schema = RESET")
            mark = mark_of(connection)
            with closing(HeadFile(self._db_path)) as head_file:
                head_file.write(mark)
        return mark

    def _clear_away(self) -> None:
        """Take the table beside the journal away, where there is one."""
        if self._connection.execute(_HAS_TABLE, (_BESIDE,)).fetchone() is None:
            return
        while self._step(_DELETE_SOME):
            pass
        with self._lock, transaction(self._connection):
            self._connection.execute(f"DROP TABLE {_BESIDE}")


def _exchange_roots(connection: sqlite3.Connection) -> None:
    """Let each of the two tables, and each of their indexes, begin where its twin did."""
    live = dict(connection.execute(_ROOTS, ("journal",)).fetchall())
    beside = dict(connection.execute(_ROOTS, (_BESIDE,)).fetchall())
    twins = {name: _JOURNAL.sub(_BESIDE, name) for name in live}
    if set(twins.values()) != beside.keys():
        raise DatabaseError("the journal has other indexes than this program makes: verify tells")
    connection.execute("PRAGMA writable_schema = ON")
    for name, twin in twins.items():
        connection.execute(_BEGINS_AT, (beside[twin], name))
        connection.execute(_BEGINS_AT, (live[name], twin))
    (version,) = connection.execute("PRAGMA schema_version").fetchone()
    # Every other connection, and every prepared statement, reads the schema again.
    connection.execute(f"PRAGMA schema_version = {version + 1}")
    connection.execute("PRAGMA writable_schema = RESET")
