"""A log with sealed names for tests: its paths, a person's visit, a search of all its bytes."""

from __future__ import annotations

import base64
import json
import sqlite3
import unicodedata
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eventlog import EventStore, FaceResult, Motion, PersonNamed, UnlockAction
from eventlog.facts import Fact
from eventlog.maintenance.forgetting import erasing
from eventlog.maintenance.forgetting.erasing import Erased

T0 = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)


class Places:
    """Where a sealed log of a test lies: the log's folder, and apart from it the keys."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "log"
        self.keys = folder / "keys"
        self.db = self.log / "events.db"
        self.log.mkdir(exist_ok=True)

    def store(self) -> EventStore:
        """A store that seals names; not open yet."""
        return EventStore(str(self.db), str(self.log / "thumbnails"), keys_dir=str(self.keys))

    def without_keys(self) -> EventStore:
        """A store of the same log without the folder of keys."""
        return EventStore(str(self.db), str(self.log / "thumbnails"))

    @property
    def seals(self) -> Path:
        """The file of seals."""
        (found,) = self.keys.glob("*.seals")
        return found

    def found(self, *texts: str) -> dict[str, int]:
        """How often any form of these texts is in each file, its name included; without zeros."""
        counts = {}
        for file in [*self.log.rglob("*"), *self.keys.rglob("*")]:
            data = file.name.encode() + (file.read_bytes() if file.is_file() else b"")
            count = sum(data.count(form) for text in texts for form in forms(text))
            if count:
                counts[file.name] = count
        return counts

    def dump(self) -> list[str]:
        """Every row of the read tables, as SQL; the sequences behind their ids last, by name.

        Which view got its first id first depends on how the records came in batches.
        """
        with closing(sqlite3.connect(self.db)) as connection:
            lines = [line for line in connection.iterdump() if '"journal"' not in line]
        sequences = [line for line in lines if "sqlite_sequence" in line]
        return [line for line in lines if line not in sequences] + sorted(sequences)

    def journal(self) -> list[tuple[Any, ...]]:
        """Every row of the journal."""
        with closing(sqlite3.connect(self.db)) as connection:
            return connection.execute("SELECT * FROM journal ORDER BY position").fetchall()


def forms(text: str) -> Iterator[bytes]:
    """The text as files may hold it: raw, composed or not, hex, base64, JSON, UTF-16."""
    for one in {text, *(unicodedata.normalize(form, text) for form in ("NFC", "NFD"))}:
        raw = one.encode()
        yield from {raw, raw.hex().encode(), raw.hex().upper().encode()}
        yield from {json.dumps(one)[1:-1].encode(), one.encode("utf-16-le")}
        for skipped in range(3):  # base64 at each offset, without the letters that depend on others
            encoded = base64.b64encode(b"\0" * skipped + raw)
            yield encoded[4 if skipped else 0 : -4]


def visit(name: str) -> list[Fact]:
    """A visit at which somebody is recognised and let in."""
    return [
        Motion(camera_id="front", recorded_at=T0),
        FaceResult(name=name, distance=0.3, nearest=name),
        UnlockAction(granted=True, door_action="unlocked", person=name, user_ref=f"ref {name}"),
    ]


def named(name: str) -> PersonNamed:
    """The same person with a name to show."""
    return PersonNamed(name=name, display_name=f"shown {name}")


async def forget(store: EventStore, name: str, *, timeout_s: float = 60.0) -> Erased:
    """Erase a person with everything that belongs to the name."""
    person = await erasing.find_person(store, name)
    assert person is not None
    return await erasing.erase(
        store, person.seals, reason="asked", requested_at=T0, timeout_s=timeout_s
    )
