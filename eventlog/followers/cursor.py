"""A consumer's position in the journal, and the hash that identifies the history it has read.

A position alone cannot show that the journal is another one: after a backup was restored, the same
positions are given to other records. So a cursor can also have the hash at its position, written
`position:hash`. The hash of a record depends on every record before it. Knows the journal's table,
and no consumer.
"""

from __future__ import annotations

import re
import sqlite3
from typing import Final, TypeAlias

from msgspec import Struct

from eventlog.errors import BadArgument, JournalHole, OtherHistory, PastHead
from eventlog.journal import table as journal
from eventlog.record import ID_MAX, Head, StoredRecord

# 8 hex digits are what `eventlog show` prints; 64 are the complete hash.
_TEXT: Final = re.compile(r"([0-9]{1,19})(?::([0-9a-f]{8,64}))?", re.ASCII)
_FORM: Final = (
    "a cursor is a position (a whole number, 0 to 2**63 - 1) or position:hash, with 8 to 64 hex"
    " digits of the record's hash"
)


class Cursor(Struct, frozen=True):
    """A place in the journal where a consumer stopped.

    Args:
        position: The last position that it has read; 0 is the beginning.
        hash: The first 8 to 64 hex digits of the hash there; "", the default, is not known.
    """

    position: int
    hash: str = ""

    def __str__(self) -> str:
        """The cursor as text, as `parse` reads it."""
        return f"{self.position}:{self.hash}" if self.hash else str(self.position)


# What a caller may give as a cursor: a position, the text of a cursor, or a cursor.
CursorLike: TypeAlias = int | str | Cursor


def parse(given: object) -> Cursor:
    """Read a cursor.

    Args:
        given: A position, a text (`"10"` or `"10:9f86d081…"`), or a Cursor. Position 0 is the
            beginning of the journal.

    Returns:
        The cursor.

    Raises:
        BadArgument: It is not a cursor.
    """
    if isinstance(given, Cursor):
        given = str(given)
    if type(given) is int and 0 <= given <= ID_MAX:
        return Cursor(given)
    match = _TEXT.fullmatch(given.lower()) if isinstance(given, str) else None
    if match is None or int(match[1]) > ID_MAX:
        raise BadArgument(_FORM)
    return Cursor(int(match[1]), match[2] or "")


def of_row(stored: StoredRecord) -> Cursor:
    """The cursor after a stored record; without the hash if that is damaged."""
    stored_hash: object = stored.hash  # whatever its type says
    return Cursor(stored.position, stored_hash.hex() if isinstance(stored_hash, bytes) else "")


def at_head(head: Head) -> Cursor:
    """The cursor after the newest record."""
    return Cursor(head.position, head.hash.hex())


def require_known(connection: sqlite3.Connection, cursor: Cursor) -> None:
    """Raise an error for a cursor that does not belong to this journal.

    Args:
        connection: A connection to the log.
        cursor: The cursor of a consumer that wants to continue.

    Raises:
        PastHead: The journal ends before its position.
        OtherHistory: The journal has another hash at its position.
        JournalHole: The record at its position is missing.
    """
    head = journal.head(connection)
    if cursor.position > head.position:
        raise PastHead(cursor.position, head.position)
    if cursor.hash and not _hash_at(connection, cursor.position).startswith(cursor.hash):
        raise OtherHistory(cursor.position)


def _hash_at(connection: sqlite3.Connection, position: int) -> str:
    if position == 0:
        return journal.genesis(connection).hex()
    row = journal.read_one(connection, position)
    if row is None:
        raise JournalHole(position, position + 1)
    return row.hash.hex()
