"""What the journal already says of this process's parts and sources, read at a start."""

from __future__ import annotations

import sqlite3

from eventlog import codecs
from eventlog.errors import BadRecord
from eventlog.facts import PartBack, PartStopped
from eventlog.record import Record


def parts_down(connection: sqlite3.Connection) -> dict[str, float]:
    """The parts that the journal says are down, and when it was last told, in unix seconds."""
    down: dict[str, float] = {}
    for record in of_kinds(connection, ("part_stopped", "part_back")):
        match record.fact:
            case PartStopped(part=part):
                down[part] = record.appended_at_us / 1_000_000
            case PartBack(part=part):
                down.pop(part, None)
            case _:
                continue
    return down


def of_kinds(connection: sqlite3.Connection, kinds: tuple[str, ...]) -> list[Record]:
    """The readable records of some rare kinds, in order."""
    marks = ", ".join("?" * len(kinds))
    rows = connection.execute(
        "SELECT position, event_id, kind, version, appended_at, key, body FROM journal"  # noqa: S608 - marks only
        f" WHERE kind IN ({marks}) ORDER BY position",
        kinds,
    )
    found = []
    for position, event_id, kind, version, appended_at_us, key, body in rows:
        try:
            fact = codecs.decode(kind, version, body, position=position)
        except BadRecord:
            continue  # `verify` names it
        found.append(Record(position, event_id, appended_at_us, key, fact))
    return found
