"""Opens sealed names in records: the text where it is known, "erased person" where it was erased.

The journal is asked first: what one of its `person_erased` names is erased, whatever a file of
seals says. Then the file is asked. Where neither knows a seal, a follower that writes views stops
with KeysMissing; a reader goes on and shows the seal.

Knows no file: a function looks seals up.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from msgspec.structs import replace

from eventlog import codecs
from eventlog.errors import KeysMissing
from eventlog.facts import Sealed
from eventlog.journal import sealing
from eventlog.projections.names import ERASED
from eventlog.record import Record

# The seal of a name that could not be sealed: an unlock action enters the journal all the same.
NOT_KEPT: Final = bytes(32)
NOT_KEPT_TEXT: Final = "a name that could not be kept"

# The text of a seal; ERASED_SEAL where it was erased, None where the file does not know the seal.
Lookup: TypeAlias = Callable[[bytes], str | None]
# No text of a person is empty.
ERASED_SEAL: Final = ""


class Opening:
    """Opens the names of records for one reader of a journal."""

    def __init__(self, lookup: Lookup | None = None, *, required: bool = False) -> None:
        """Know no erasure yet.

        Args:
            lookup: Answers the text of a seal. None opens nothing.
            required: Whether a seal that nothing knows raises KeysMissing.
        """
        self.required = required
        self.erased: set[bytes] = set()
        self._lookup = lookup
        self._read_to = 0

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Read the erasures that the journal has got since the last time."""
        for position, fact in sealing.erased_after(connection, self._read_to):
            self.erased.update(fact.sealed)
            self._read_to = position

    def opened(self, connection: sqlite3.Connection, records: Sequence[Record]) -> list[Record]:
        """Records with their names opened. Raises KeysMissing."""
        if not any(codecs.sealed_field(record.fact) for record in records):
            return list(records)
        self.refresh(connection)
        return [self.open(record) for record in records]

    def open(self, record: Record) -> Record:
        """A record with its names opened, by what was read of erasures. Raises KeysMissing."""
        seals: list[tuple[str, bytes]] = []
        erased: list[bytes] = []
        texts: dict[str, str] = {}
        for path, value in codecs.personal(record.fact):
            if not isinstance(value, Sealed):
                continue
            text = self.text(value.sealed)
            if text is None:
                if self.required:
                    raise KeysMissing(
                        f"nothing opens the sealed name in record {record.position}: set KEYS_DIR"
                        " to the folder of the log's keys"
                    )
                continue
            if text == ERASED_SEAL or value.sealed == NOT_KEPT:
                erased.append(value.sealed)
            texts[path] = text or ERASED
            seals.append((path, value.sealed))
        if not seals:
            return record
        fact = codecs.with_personal(record.fact, texts)
        return replace(record, fact=fact, seals=tuple(seals), erased=tuple(erased))

    def text(self, seal: bytes) -> str | None:
        """The text of a seal; ERASED_SEAL where it was erased, None where nothing knows it."""
        if seal in self.erased:
            return ERASED_SEAL
        if seal == NOT_KEPT:
            return NOT_KEPT_TEXT
        return None if self._lookup is None else self._lookup(seal)
