"""Reads at a start which parts and sources the journal has as stopped or silent."""

from __future__ import annotations

import sqlite3

from eventlog import codecs
from eventlog.errors import BadRecord
from eventlog.facts import FIRST_START, PartBack, PartStopped, SourceBack, SourceSilent
from eventlog.record import Record
from eventlog.sources.live.reconcile import Known


def parts_down(connection: sqlite3.Connection) -> dict[str, float]:
    """The parts that are down by the journal, and when that was last recorded, in unix seconds."""
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


def sources_silent(connection: sqlite3.Connection) -> set[str]:
    """The sources that the journal says are silent."""
    silent: set[str] = set()
    for record in of_kinds(connection, ("source_silent", "source_back")):
        match record.fact:
            case SourceSilent(source=source, reason=reason) if reason != FIRST_START:
                silent.add(source)
            case SourceBack(source=source):
                silent.discard(source)
            case _:
                continue
    return silent


def known_of(connection: sqlite3.Connection, source: str, key_prefix: str) -> Known:
    """What the journal knows of a source whose keys begin with a prefix."""
    started_at: float | None = None
    unfinished = False
    for record in of_kinds(connection, ("source_silent", "source_back")):
        match record.fact:
            case SourceSilent(source=named, reason=reason, since=since) if named == source:
                if reason == FIRST_START:
                    started_at, unfinished = since.timestamp(), True
            case SourceBack(source=named) if named == source:
                unfinished = False
            case _:
                continue
    last_good = newest_of(connection, key_prefix)
    return Known(last_good=last_good, started_at=started_at, unfinished=unfinished)


def newest_of(connection: sqlite3.Connection, key_prefix: str) -> float | None:
    """When the newest record under keys with a prefix was appended, in unix seconds."""
    row = connection.execute(
        "SELECT appended_at FROM journal WHERE key GLOB ? ORDER BY position DESC LIMIT 1",
        (f"{key_prefix}*",),
    ).fetchone()
    return None if row is None else row[0] / 1_000_000


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
