"""The SQL of the journal: inserts rows, reads rows, and finds where the journal ends.

Owns the tables `journal` and `log`. Every function takes a connection and runs one or two
statements. The caller holds the lock when it writes. Knows stored rows, and no fact.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from importlib.resources import files
from itertools import chain as flatten
from typing import Any, Final

from eventlog.errors import BadRecord, JournalHole
from eventlog.journal import chain
from eventlog.record import Head, Position, Receipt, StoredRecord, shape_error

COLUMNS: Final = ", ".join(StoredRecord._fields)
_ROW: Final = "(" + ", ".join("?" * len(StoredRecord._fields)) + ")"
# One statement for many rows is a third faster than as many statements; this many rows stay far
# below SQLite's limit of variables, and each row count is prepared once.
ROWS_PER_STATEMENT: Final = 64

READ_AFTER: Final = f"SELECT {COLUMNS} FROM journal WHERE position > ? ORDER BY position LIMIT ?"
READ_FACTS_AFTER: Final = (
    "SELECT position, event_id, kind, version, appended_at, key, meta, body FROM journal"
    " WHERE position > ? ORDER BY position LIMIT ?"
)
READ_EVENT: Final = f"SELECT {COLUMNS} FROM journal WHERE event_id = ? ORDER BY position"
READ_ONE: Final = f"SELECT {COLUMNS} FROM journal WHERE position = ?"
LAST: Final = "SELECT position, hash FROM journal ORDER BY position DESC LIMIT 1"
LAST_POSITION: Final = "SELECT ifnull(max(position), 0) FROM journal"
# Ids above this come from damage only; the next event's must not follow them.
EVENT_ID_MAX: Final = 2**63 - 2**32
LAST_EVENT: Final = f"SELECT ifnull(max(event_id), 0) FROM journal WHERE event_id <= {EVENT_ID_MAX}"
META_OF_KEY: Final = "SELECT meta FROM journal WHERE key = ?"
HAS_EVENT: Final = "SELECT 1 FROM journal WHERE event_id = ? LIMIT 1"
BY_KEY: Final = (
    "SELECT position, append_size, event_id, kind, (SELECT max(position) FROM journal)"
    " FROM journal WHERE key = ?"
)
OF_APPEND: Final = (
    "SELECT kind, version, body FROM journal WHERE position >= ? AND position < ? ORDER BY position"
)
POSITION_AT: Final = "SELECT max(position) FROM journal WHERE appended_at <= ?"
LOG_ID: Final = "SELECT log_id FROM log"


@cache
def insert_sql(rows: int) -> str:
    """The statement that inserts this many rows."""
    return f"INSERT INTO journal ({COLUMNS}) VALUES {', '.join([_ROW] * rows)}"


def insert(connection: sqlite3.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Insert rows. More than ROWS_PER_STATEMENT need a transaction around them to be one write."""
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        some = rows[start : start + ROWS_PER_STATEMENT]
        connection.execute(insert_sql(len(some)), list(flatten.from_iterable(some)))


def log_id(connection: sqlite3.Connection) -> bytes:
    """The log's 16 bytes."""
    row: tuple[bytes] = connection.execute(LOG_ID).fetchone()
    return row[0]


def make_log_id(connection: sqlite3.Connection, new_id: bytes) -> None:
    """Set the log's id; the schema refuses another one once there are records."""
    connection.execute(
        "UPDATE log SET log_id = ?" if _has_log_id(connection) else "INSERT INTO log VALUES (1, ?)",
        (new_id,),
    )


def head(connection: sqlite3.Connection) -> Head:
    """Where the journal ends."""
    row = connection.execute(LAST).fetchone()
    if row is None:
        return Head(Position(0), genesis(connection))
    return Head(Position(row[0]), row[1])


def genesis(connection: sqlite3.Connection) -> bytes:
    """The hash before the first record."""
    return chain.genesis(log_id(connection))


def last_position(connection: sqlite3.Connection) -> int:
    """The newest record's position; 0 if there is none."""
    row: tuple[int] = connection.execute(LAST_POSITION).fetchone()
    return row[0]


def last_event(connection: sqlite3.Connection) -> int:
    """The highest event id; 0 if there is none."""
    row: tuple[int] = connection.execute(LAST_EVENT).fetchone()
    return row[0]


def has_event(connection: sqlite3.Connection, event_id: int) -> bool:
    """Whether the event exists."""
    return connection.execute(HAS_EVENT, (event_id,)).fetchone() is not None


def find_append(connection: sqlite3.Connection, key: str) -> Receipt | None:
    """The receipt of the append that used the key.

    Raises BadRecord if its first record says that the append goes on past the journal's end.
    """
    row = connection.execute(BY_KEY, (key,)).fetchone()
    if row is None:
        return None
    first, size, event_id, kind, end = row
    # With a flipped bit, the receipt could have more positions than fit into memory.
    if first + size - 1 > end:
        raise BadRecord(first, kind, "says that its append continues past the journal's end")
    return Receipt(tuple(map(Position, range(first, first + size))), event_id)


def meta_of_key(connection: sqlite3.Connection, key: str) -> tuple[bytes | None] | None:
    """The meta of the append that used the key; None if no append did."""
    row: tuple[bytes | None] | None = connection.execute(META_OF_KEY, (key,)).fetchone()
    return row


def opener_of(connection: sqlite3.Connection, event_id: int) -> StoredRecord | None:
    """The first row of an event; None if there is no such event."""
    rows = _read(connection, f"{READ_EVENT} LIMIT 1", (event_id,))
    return StoredRecord._make(rows[0]) if rows else None


def facts_of(connection: sqlite3.Connection, receipt: Receipt) -> list[tuple[str, int, bytes]]:
    """The stored kind, version and body of each record of an append."""
    positions = receipt.positions
    return connection.execute(OF_APPEND, (positions[0], positions[-1] + 1)).fetchall()


def read_after(connection: sqlite3.Connection, after: int, limit: int) -> list[StoredRecord]:
    """Up to `limit` rows after a position, in order."""
    return [StoredRecord._make(row) for row in _read(connection, READ_AFTER, (after, limit))]


def read_facts_after(
    connection: sqlite3.Connection, after: int, limit: int
) -> list[tuple[int, int | None, str, int, int, str | None, bytes | None, bytes]]:
    """The columns that views need, of up to `limit` rows after a position, in order.

    Position, event id, kind, version, time of append, key, meta and body.
    """
    return _read(connection, READ_FACTS_AFTER, (after, limit))


def read_all(
    connection: sqlite3.Connection, *, after: int = 0, batch: int = 1000
) -> Iterator[StoredRecord]:
    """Every row after a position, a batch at a time, so that no read holds a snapshot for long.

    Raises JournalHole if positions do not grow, which only a damaged file does.
    """
    while rows := read_after(connection, after, batch):
        for row in rows:
            if row.position <= after:
                raise JournalHole(after + 1, row.position)
            after = row.position
            yield row


def read_event(connection: sqlite3.Connection, event_id: int) -> list[StoredRecord]:
    """All rows of one event, in order."""
    return [StoredRecord._make(row) for row in _read(connection, READ_EVENT, (event_id,))]


def read_one(connection: sqlite3.Connection, position: int) -> StoredRecord | None:
    """The row at a position."""
    rows = _read(connection, READ_ONE, (position,))
    return StoredRecord._make(rows[0]) if rows else None


def append_of(connection: sqlite3.Connection, position: int) -> StoredRecord | None:
    """The first row of the append that a record belongs to, which has its meta.

    None if that can't be found: there is no such record, or it is damaged.
    """
    row = read_one(connection, position)
    if row is None or shape_error(row) is not None:
        return None
    first = read_one(connection, position - row.append_index) if row.append_index else row
    return None if first is None or shape_error(first) is not None else first


def position_at(connection: sqlite3.Connection, appended_at_us: int) -> int:
    """The last position that was appended at or before a time; reads the whole journal."""
    row: tuple[int | None] = connection.execute(POSITION_AT, (appended_at_us,)).fetchone()
    return row[0] or 0


def _read(connection: sqlite3.Connection, sql: str, parameters: tuple[int, ...]) -> list[Any]:
    """Complete rows. In text that is not UTF-8, bad bytes become U+FFFD, which no kind holds."""
    try:
        return connection.execute(sql, parameters).fetchall()
    except sqlite3.OperationalError as error:
        # One flipped bit in one text would keep all rows from everybody. The complaint is
        # Python's own, which knows no code of SQLite's.
        if hasattr(error, "sqlite_errorcode"):
            raise
    as_before, connection.text_factory = connection.text_factory, _with_marks
    try:
        return connection.execute(sql, parameters).fetchall()
    finally:
        connection.text_factory = as_before


def _with_marks(stored: bytes) -> str:
    return stored.decode("utf-8", "replace")


def _has_log_id(connection: sqlite3.Connection) -> bool:
    return connection.execute(LOG_ID).fetchone() is not None


SCHEMA: Final = (files("eventlog.journal") / "schema.sql").read_text(encoding="utf-8")
