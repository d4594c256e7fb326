"""Everything that a log keeps of one person, as a file for that person: records and pictures.

A zip file. `records.jsonl` has a line for each record that names the person, and for what else was
recorded of the same visits; names of other persons stay sealed. `pictures/` has the pictures of the
visits. Knows no command.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final
from zipfile import ZIP_DEFLATED, ZipFile

import msgspec

from eventlog import codecs
from eventlog.errors import BadArgument, BadRecord
from eventlog.facts import Sealed, personal_fields
from eventlog.followers.opening import Opening
from eventlog.journal import table as journal
from eventlog.maintenance.forgetting import pictures
from eventlog.maintenance.forgetting.erasing import Person
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.projections.times import shown_us
from eventlog.record import StoredRecord
from eventlog.storage.durable_files import written_whole
from eventlog.storage.error_translation import translated
from eventlog.storage.read_only import opened

_BODIES: Final = (
    "SELECT position FROM journal WHERE event_id IS NULL AND instr(body, ?) ORDER BY position"
)


def write(
    db_path: Path, thumbnails: Thumbnails, person: Person, texts: dict[bytes, str], target: Path
) -> tuple[int, int]:
    """Write all that is kept of a person.

    Args:
        db_path: The log.
        thumbnails: Its pictures.
        person: See `find_person`.
        texts: The text of each of the person's seals.
        target: A new file.

    Returns:
        How many records and how many pictures are in it.

    Raises:
        BadArgument: There is something at the target.
        DatabaseError: The log can't be read, or the file not be written.
    """
    if target.exists():
        raise BadArgument(f"{target} exists already; nothing is written over it")
    with opened(db_path) as log, translated(db_path):
        connection = log.connection
        events = pictures.events_of(connection, person.seals)
        lines = list(_lines(connection, person, texts, events))
        found = pictures.of_events(connection, events)
    with translated(target):
        saved = _pack(target, lines, [thumbnails.find(picture.path) for picture in found])
    return len(lines), saved


def _pack(target: Path, lines: Sequence[bytes], files: Sequence[Path | None]) -> int:
    """Write the zip, which appears complete or not at all; how many pictures are in it."""
    there = [path for path in files if path is not None]
    with written_whole(target) as out, ZipFile(out, "w", ZIP_DEFLATED) as archive:
        archive.writestr("records.jsonl", b"".join(line + b"\n" for line in lines))
        for path in there:
            archive.write(path, f"pictures/{path.name}")
    return len(there)


def _lines(
    connection: sqlite3.Connection, person: Person, texts: dict[bytes, str], events: set[int]
) -> Iterator[bytes]:
    opening = Opening(texts.get)
    for row in _rows(connection, person, events):
        yield msgspec.json.encode(_plain(row, opening))


def _rows(
    connection: sqlite3.Connection, person: Person, events: set[int]
) -> Iterator[StoredRecord]:
    """The records of the person's visits, and those of no visit that name the person."""
    for event_id in sorted(events):
        for row in journal.read_event(connection, event_id):
            if not _is_of_another(row, person):
                yield row
    alone: set[int] = set()
    for seal in person.seals:
        alone.update(position for (position,) in connection.execute(_BODIES, (seal,)))
    for position in sorted(alone):
        found = journal.read_one(connection, position)
        if found is not None:
            yield found


def _is_of_another(row: StoredRecord, person: Person) -> bool:
    """Whether a record names somebody, and not this person."""
    try:
        fact = codecs.decode(row.kind, row.version, row.body, position=row.position)
    except BadRecord:
        return False
    named = [value for _, value in personal_fields(fact)]
    seals = {value.sealed for value in named if isinstance(value, Sealed)}
    return bool(named) and not seals & set(person.seals)


def _plain(row: StoredRecord, opening: Opening) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "position": row.position,
        "event_id": row.event_id,
        "appended_at": shown_us(row.appended_at),
    }
    try:
        record = opening.open(codecs.decode_record(row))
    except BadRecord as error:
        return {**plain, "kind": row.kind, "unreadable": str(error)}
    return {**plain, "fact": codecs.to_builtins(record.fact)}
