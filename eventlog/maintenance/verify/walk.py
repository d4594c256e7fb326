"""Reads every row of the journal in the order in which they are stored, through damage.

One cursor reads from page to page, in the order on the disk, so that a row with a wrong position
hides none of its neighbours. Where SQLite can't read on, positions are asked for one by one until
one answers; those that do not are a gap.

Knows SQLite's errors, not what a row should hold.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

from eventlog.journal import table as journal
from eventlog.record import StoredRecord

# A cursor is opened again after this many rows, so that no snapshot is held for long.
ROWS_PER_CURSOR: Final = 20_000

BEFORE_ALL: Final = -(2**63)
NO_LIMIT: Final = -1
HIGHEST: Final = (
    "SELECT max(position) FROM journal",
    "SELECT max(position) FROM journal INDEXED BY journal_event_id WHERE event_id IS NOT NULL",
)
# What SQLite says of a page that it can't make sense of, or that the disk does not give.
_UNREADABLE: Final = frozenset(
    {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_ERROR}
)
# If the schema is damaged, Python can't even read the text of SQLite's error.
ERRORS: Final = (sqlite3.Error, UnicodeDecodeError)


class Gap(NamedTuple):
    """Positions, both ends included, at which no row can be read, and SQLite's error."""

    first: int
    last: int
    reason: str


def damage(error: sqlite3.Error | UnicodeDecodeError) -> str:
    """The damage that an error describes. Raises the error again if the file is only busy."""
    if isinstance(error, UnicodeDecodeError):
        return "malformed database schema: its text is not UTF-8"
    code = getattr(error, "sqlite_errorcode", None)
    if code is None or code & 0xFF not in _UNREADABLE:
        raise error
    return f"{error} ({error.sqlite_errorname})"


def read_any_text(connection: sqlite3.Connection) -> None:
    """Let text that is not UTF-8 be read: with lone surrogates, which no valid text has."""
    connection.text_factory = lambda stored: stored.decode("utf-8", "surrogateescape")


def walk(connection: sqlite3.Connection, at_least: int = 0) -> Iterator[StoredRecord | Gap]:
    """Rows and gaps from the journal's beginning to its end.

    `at_least` is a position that the journal is known to have reached. Raises SQLite's errors
    where they do not speak of damage.
    """
    rows = _Rows(connection)
    while True:
        try:
            yield from rows.read_on()
        except ERRORS as error:
            reason = damage(error)
        else:
            return
        highest = max(at_least, _highest(connection))
        first = rows.last + 1
        found = next(
            (row for p in range(first, highest + 1) if (row := _probe(connection, p))), None
        )
        end = highest if found is None else found.position - 1
        if end >= first:
            yield Gap(first, end, reason)
        if found is None:
            return
        rows.last = found.position
        yield found


class _Rows:
    """Rows after `last`, the newest position that two rows or the count agree on."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.last = 0
        self._doubtful: int | None = None
        self._started = False

    def read_on(self) -> Iterator[StoredRecord]:
        rested = True
        while rested:
            rested = False
            rows = self._cursor()
            self._started = True
            for count, row in enumerate(map(StoredRecord._make, rows), start=1):
                in_order = self._agrees(row.position)
                yield row
                # Only a row in its place says where to read on.
                if in_order and count >= ROWS_PER_CURSOR:
                    rested = True
                    break

    def _agrees(self, position: int) -> bool:
        agreed = position == self.last + 1 or (
            self._doubtful is not None and position == self._doubtful + 1
        )
        if agreed:
            self.last, self._doubtful = position, None
        else:
            self._doubtful = position
        return agreed

    def _cursor(self) -> sqlite3.Cursor:
        # The first cursor begins before every row, whatever position the first row has.
        after = self.last if self._started else BEFORE_ALL
        return self._connection.execute(journal.READ_AFTER, (after, NO_LIMIT))


def _probe(connection: sqlite3.Connection, position: int) -> StoredRecord | None:
    try:
        return journal.read_one(connection, position)
    except ERRORS as error:
        damage(error)
        return None


def _highest(connection: sqlite3.Connection) -> int:
    highest = 0
    for sql in HIGHEST:
        try:
            (found,) = connection.execute(sql).fetchone()
        except ERRORS as error:
            damage(error)
        else:
            highest = max(highest, found or 0)
    return highest
