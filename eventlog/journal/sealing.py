"""The table `sealing` and the erasures: since when names are sealed, and which were erased.

The first append with a sealed name writes the one row of `sealing`. From then on no name may enter
the journal in clear. `seals_id` is the id of the file that opens the seals. The table is made when
a store is opened with a folder of keys, so a log whose names are in clear has none.

Knows no file of seals, and of facts only `person_erased`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol

from eventlog import codecs
from eventlog.errors import BadRecord
from eventlog.facts import PersonErased
from eventlog.journal.append import Append
from eventlog.storage.connections import has_table

TABLE: Final = "sealing"
INDEX: Final = "journal_erased"
STATEMENTS: Final = (
    """CREATE TABLE sealing (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    since    INTEGER NOT NULL CHECK (since > 0),
    seals_id BLOB    NOT NULL CHECK (length(seals_id) = 16)
) STRICT""",
    "CREATE INDEX sealing_no_blob_handle ON sealing (seals_id) WHERE one < 0",
    """CREATE TRIGGER sealing_insert_once BEFORE INSERT ON sealing
WHEN EXISTS (SELECT 1 FROM sealing)
BEGIN
    SELECT raise(ABORT, 'sealing: a log is sealed once');
END""",
    """CREATE TRIGGER sealing_no_update BEFORE UPDATE ON sealing
BEGIN
    SELECT raise(ABORT, 'sealing: a sealed log stays sealed');
END""",
    """CREATE TRIGGER sealing_no_delete BEFORE DELETE ON sealing
BEGIN
    SELECT raise(ABORT, 'sealing: a sealed log stays sealed');
END""",
    f"CREATE INDEX {INDEX} ON journal (position) WHERE kind = 'person_erased'",
)
_ERASED_AFTER: Final = (
    "SELECT position, version, body FROM journal"
    " WHERE kind = 'person_erased' AND position > ? ORDER BY position"
)


class Sealing(NamedTuple):
    """Since which position names are sealed, and which file opens them."""

    since: int
    seals_id: bytes


class Sealer(Protocol):
    """What seals the names of appends, inside the writer's lock."""

    def look(self, connection: sqlite3.Connection, *, anew: bool = False) -> None:
        """Before the appends of a commit: read what the journal says of seals, if it may be new."""

    def sealed(self, append: Append) -> Append:
        """The append with its names sealed. Raises KeysMissing, DatabaseError."""

    def as_ours(
        self, ours: Append, stored: list[tuple[str, int, bytes]]
    ) -> list[tuple[str, int, bytes]]:
        """Stored facts with our texts in place of the seals that stand for them.

        Raises KeysMissing.
        """

    def begin(self, connection: sqlite3.Connection, position: int) -> None:
        """In the transaction of a commit: note the first sealed record."""

    @property
    def begins(self) -> bool:
        """Whether what was sealed last is the first of the log."""


def read(connection: sqlite3.Connection) -> Sealing | None:
    """Since when the log is sealed; None if its names are in clear."""
    if not has_table(connection, TABLE):
        return None
    row = connection.execute("SELECT since, seals_id FROM sealing").fetchone()
    return None if row is None else Sealing(*row)


def make_table(connection: sqlite3.Connection) -> None:
    """Make the table where it is missing, inside a transaction of the caller's."""
    if not has_table(connection, TABLE):
        for statement in STATEMENTS:
            connection.execute(statement)


def begin(connection: sqlite3.Connection, since: int, seals_id: bytes) -> None:
    """Seal the log from a position on, inside a transaction of the caller's."""
    connection.execute("INSERT INTO sealing VALUES (1, ?, ?)", (since, seals_id))


def erased_after(connection: sqlite3.Connection, after: int) -> Iterator[tuple[int, PersonErased]]:
    """The erasures after a position, each with its own; one that can't be read is left out."""
    for position, version, body in connection.execute(_ERASED_AFTER, (after,)).fetchall():
        try:
            fact = codecs.decode("person_erased", version, body, position=position)
        except BadRecord:
            continue
        if isinstance(fact, PersonErased):
            yield position, fact
