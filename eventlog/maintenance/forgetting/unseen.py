"""Finds persons who were not recorded for so long that the config wants them forgotten."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from eventlog import codecs
from eventlog.errors import BadRecord
from eventlog.evidence.seals import Slot, State, What
from eventlog.evidence.seals_file import SealsFile
from eventlog.facts import SEALABLE
from eventlog.journal.progress import Progress, tell
from eventlog.maintenance.personal_texts import seals

_ROWS: Final = (
    "SELECT position, kind, version, appended_at, body FROM journal WHERE position > ?"
    " AND kind IN ({kinds}) ORDER BY position LIMIT 2000"
)


def unseen(
    connection: sqlite3.Connection,
    file: SealsFile,
    before_us: int,
    progress: Progress | None = None,
) -> list[tuple[bytes, ...]]:
    """The seals of each person whose newest record is older than a time.

    Args:
        connection: The log.
        file: What opens its names; a person is known by the slots that belong together.
        before_us: The time, microseconds since 1970. A person without a record counts from when the
            name was sealed.
        progress: Called with the position reached and the last one; None for no calls.
    """
    last = _last_seen(connection, progress)
    persons: dict[bytes, list[Slot]] = {}
    for slot in file.slots():
        if slot.state is not State.ERASED:
            owner = slot.sealed if slot.what is What.NAME else slot.person
            persons.setdefault(owner, []).append(slot)
    return [
        tuple(slot.sealed for slot in slots)
        for slots in persons.values()
        if _seen_at(slots, last) < before_us
    ]


def _seen_at(slots: Sequence[Slot], last: Mapping[bytes, int]) -> int:
    recorded = [last[slot.sealed] for slot in slots if slot.sealed in last]
    return max(recorded or [slot.made_at_us for slot in slots])


def _last_seen(connection: sqlite3.Connection, progress: Progress | None) -> dict[bytes, int]:
    """When each seal was recorded last, by the time of append."""
    sql = _ROWS.format(kinds=", ".join("?" * len(SEALABLE)))
    last: dict[bytes, int] = {}
    after = 0
    (end,) = connection.execute("SELECT ifnull(max(position), 0) FROM journal").fetchone()
    while rows := connection.execute(sql, (after, *SEALABLE)).fetchall():
        for position, kind, version, appended_at, body in rows:
            after = position
            try:
                fact = codecs.decode(kind, version, body, position=position)
            except BadRecord:
                continue  # the views park it, and status counts it
            for _, seal in seals(fact):
                last[seal] = max(last.get(seal, 0), appended_at)
        tell(progress, after, end)
    return last
