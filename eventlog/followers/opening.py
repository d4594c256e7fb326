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

from eventlog.errors import KeysMissing
from eventlog.facts import Sealed, seals_in, with_personal
from eventlog.journal import sealing
from eventlog.projections.names import ERASED
from eventlog.record import Record

# The seal of a name that could not be sealed: an unlock action enters the journal nevertheless.
NOT_KEPT: Final = bytes(32)
NOT_KEPT_TEXT: Final = "a name that could not be kept"

# The text of a seal; ERASED_SEAL where it was erased, LOST_SEAL where the owner has said that
# nothing opens it any more, None if the file does not know the seal.
Lookup: TypeAlias = Callable[[bytes], str | None]
# No text of a person is empty, or so long.
ERASED_SEAL: Final = ""
LOST_SEAL: Final = "\0" * 300
LOST_TEXT: Final = "a lost name"
_SHOWN: Final = {ERASED_SEAL: ERASED, LOST_SEAL: LOST_TEXT}


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
        self._texts: dict[bytes, str] = {}  # of one batch: each seal is looked up once in it

    def refresh(self, connection: sqlite3.Connection) -> None:
        """Read the erasures that the journal has got since the last time."""
        self._texts.clear()
        for position, fact in sealing.erased_after(connection, self._read_to):
            self.erased.update(fact.sealed)
            self._read_to = position

    def opened(self, connection: sqlite3.Connection, records: Sequence[Record]) -> list[Record]:
        """Records with their names opened. Raises KeysMissing."""
        found = [seals_in(record.fact) for record in records]
        if not any(found):
            return list(records)
        self.refresh(connection)
        return [
            self._opened(record, seals) if seals else record
            for record, seals in zip(records, found, strict=True)
        ]

    def open(self, record: Record) -> Record:
        """A record with its names opened, by what was read of erasures. Raises KeysMissing."""
        self._texts.clear()
        seals = seals_in(record.fact)
        return self._opened(record, seals) if seals else record

    def _opened(self, record: Record, sealed: Sequence[tuple[str, bytes]]) -> Record:
        seals: list[tuple[str, bytes]] = []
        erased: list[bytes] = []
        texts: dict[str, str | Sealed] = {}
        for path, seal in sealed:
            text = self._texts.get(seal)
            if text is None:
                text = self.text(seal)
                if text is None:
                    if self.required:
                        raise KeysMissing(
                            f"nothing opens the sealed name in record {record.position}: set"
                            " KEYS_DIR to the folder of the log's keys"
                        )
                    continue
                self._texts[seal] = text
            if text in _SHOWN or seal == NOT_KEPT:
                erased.append(seal)
            texts[path] = _SHOWN.get(text, text)
            seals.append((path, seal))
        if not seals:
            return record
        return Record(
            record.position,
            record.event_id,
            record.appended_at_us,
            record.key,
            with_personal(record.fact, texts),
            record.hash,
            record.meta,
            tuple(seals),
            tuple(erased),
        )

    def text(self, seal: bytes) -> str | None:
        """The text of a seal, as a Lookup answers it; None if nothing knows it."""
        if seal in self.erased:
            return ERASED_SEAL
        if seal == NOT_KEPT:
            return NOT_KEPT_TEXT
        return None if self._lookup is None else self._lookup(seal)
