"""Converts the rows of a plain store to appends.

A plain store has the contract's three tables, with values that were never checked. A value that
no fact can hold becomes "not known", and is kept unchanged in the meta of the row's append, in
a map under `legacy`:

    id                the row's id
    values            what the facts do not give back of the row, by column
    detections        the ids of the event's detections, in the order of their facts
    detection_values  the same as `values` for detections, each with its `id`; one whose id is
                      not among `detections` became no fact and is there completely

No meta holds what may be a person's name: the facts of such a row leave the name out, and the row
is kept in a table (`RowFacts.aside`). So are columns that the contract does not know (`further`).

Pure. Knows rows as maps from column to value, and no SQL.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from eventlog import codecs
from eventlog.errors import BadFact
from eventlog.facts import (
    AlertSent,
    Confidence,
    Distance,
    Fact,
    Finite,
    PersonalText,
    PersonNamed,
    Text,
    ThumbnailSaved,
    Word,
)
from eventlog.journal.append import Append, EncodedFact
from eventlog.projections.times import canonical, created_at, since_epoch_us
from eventlog.record import instant
from eventlog.store.compat.write_event import facts_of_visit, recorded_at_of

Row: TypeAlias = dict[str, Any]
Table: TypeAlias = Literal["events", "detections", "persons"]

# What the contract's column may hold.
PlainAction: TypeAlias = Literal["unlocked", "locked", "none"]

# The camera of rows whose camera_id no fact can hold: the contract's default would be a guess.
UNKNOWN_CAMERA: Final = "unknown"

# The contract's defaults, for tables that lack the column.
_EVENT_DEFAULTS: Final[Row] = {
    "camera_id": "front_door",
    "event_type": "motion",
    "unlock_granted": 0,
    "door_action": "none",
    "alert_sent": 0,
}
_EVENT_COLUMNS: Final = frozenset(
    {
        *("id", "recorded_at", "recording_id", "person_name", "face_confidence", "face_distance"),
        *("thumbnail_path", "created_at", *_EVENT_DEFAULTS),
    }
)
_CORNERS: Final = ("bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2")
COLUMNS: Final[Mapping[Table, frozenset[str]]] = {
    "events": _EVENT_COLUMNS,
    "detections": frozenset({"id", "event_id", "label", "confidence", *_CORNERS}),
    "persons": frozenset({"id", "name", "display_name", "created_at"}),
}

# datetime.fromisoformat also takes digits without dashes, and reads seconds since 1970 as a date.
_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d([.,]\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?")


class RowFacts(Struct, frozen=True):
    """The facts of one row of `events` (with its detections) or `persons`.

    `append` is None if the row gives no fact; `exceptions` counts the rows, detections included,
    with a value that no fact can hold; `aside` asks for the row to be kept in a table, `further`
    for the columns of these rows that the contract does not know.
    """

    table: Table
    id: int
    append: Append | None
    exceptions: int
    aside: bool
    further: tuple[tuple[Table, int], ...] = ()


def event_of_row(row: Row, detections: Sequence[Row], event_id: int, now_us: int) -> RowFacts:
    """The append that opens a row's event under `event_id`; its key is `legacy:<id>`.

    Where a time can't be read, the row's other time is taken, and else `now_us`.
    """
    reading = _Reading({**_EVENT_DEFAULTS, **row}, _EVENT_COLUMNS)
    reading.refused = event_id != row["id"]
    seen, unread = _read_detections(row["id"], detections)
    recorded = reading.moment("recorded_at", canonical)
    created = reading.moment("created_at", _created_at)
    at_us = _first_us(created, recorded, now_us)
    facts = [
        *_visit(reading, recorded or instant(at_us), [detection.row for detection in seen]),
        *_afterwards(reading),
    ]
    in_part = [{"id": one.row["id"], **one.kept} for one in seen if one.kept]
    meta = _meta(
        row,
        values=reading.kept,
        detections=[one.row["id"] for one in seen],
        detection_values=[*in_part, *(one.known_columns() for one in unread)],
    )
    exceptions = sum(one.refused for one in (reading, *seen, *unread))
    append = _append(facts, key=f"legacy:{row['id']}", at_us=at_us, meta=meta, event_id=event_id)
    read: list[tuple[Table, _Reading]] = [("events", reading)]
    read += [("detections", one) for one in (*seen, *unread)]
    further = tuple((table, one.row["id"]) for table, one in read if one.further)
    return RowFacts("events", row["id"], append, exceptions, reading.aside, further)


def person_of_row(row: Row, now_us: int) -> RowFacts:
    """The append that names a row's person; its key is `legacy:person:<id>`.

    Further columns of a person are as personal as the name, so no meta holds them.
    """
    reading = _Reading(row, frozenset(row))
    name = reading.name("name")
    display_name = reading.name("display_name")
    created = reading.moment("created_at", _created_at)
    further = any(row[column] is not None for column in row.keys() - COLUMNS["persons"])
    if name is None:
        return RowFacts("persons", row["id"], None, 1, aside=True)
    append = _append(
        [PersonNamed(name=name, display_name=display_name)],
        key=f"legacy:person:{row['id']}",
        at_us=_first_us(created, None, now_us),
        meta=_meta(row, values=reading.kept),
    )
    return RowFacts("persons", row["id"], append, int(reading.refused), reading.aside or further)


class _Reading:
    """Reads one row: returns the values that a fact can hold, and keeps the others."""

    def __init__(self, row: Row, known: frozenset[str]) -> None:
        self.row = row
        self.kept: Row = {}
        self._known = known
        self.further = any(row[column] is not None for column in row.keys() - known)
        self.refused = False
        self.aside = False

    def known_columns(self) -> Row:
        """The row without the columns that the contract does not know."""
        return {column: value for column, value in self.row.items() if column in self._known}

    def value(self, column: str, wanted: object, otherwise: object = None) -> Any:  # noqa: ANN401 - as `wanted` says
        """The column's value where it fits the type, else `otherwise`."""
        value = self.row.get(column)
        if _fits(value, wanted):
            return value
        self._keep(column, value)
        return otherwise

    def name(self, column: str) -> str | None:
        """A name; one that no fact can hold is kept only if it is empty, and so no name."""
        value: str | None = self.row.get(column)
        if _fits(value, PersonalText):
            return value
        if value:
            self.refused = self.aside = True
        elif value is not None:
            self._keep(column, value)
        return None

    def flag(self, column: str) -> bool:
        """0 or 1; another number is true where it is not 0, as for SQLite."""
        value = self.row[column]
        if value not in {0, 1}:
            self._keep(column, value)
        return isinstance(value, int | float) and value != 0

    def moment(self, column: str, written: Callable[[datetime], str]) -> datetime | None:
        """A time, None if it can't be read. Another spelling than `written`'s is kept."""
        value = self.row.get(column)
        at = _moment(value)
        if at is None:
            if column in self.row:
                self._keep(column, value)
        elif written(at) != value:
            self.kept[column] = value
        return at

    def _keep(self, column: str, value: object) -> None:
        self.kept[column] = value
        # NULL says nothing that a fact could refuse.
        self.refused |= value is not None


def _visit(reading: _Reading, recorded_at: datetime, detections: Sequence[Row]) -> list[Fact]:
    name = reading.name("person_name")
    confidence = reading.value("face_confidence", Confidence | None)
    distance = reading.value("face_distance", Distance | None)
    if reading.aside:  # without its name the face would be a stranger's
        confidence = distance = None
    return facts_of_visit(
        camera_id=reading.value("camera_id", Word, UNKNOWN_CAMERA),
        recorded_at=recorded_at,
        recording_id=reading.value("recording_id", Text | None),
        event_type=reading.value("event_type", Literal["motion", "ding"], "motion"),
        person_name=name,
        face_confidence=confidence,
        face_distance=distance,
        unlock_granted=reading.flag("unlock_granted"),
        door_action=reading.value("door_action", PlainAction, "none"),
        detections=detections,
    )


def _afterwards(reading: _Reading) -> list[Fact]:
    facts: list[Fact] = []
    path = reading.value("thumbnail_path", Text | None)
    if path is not None:
        facts.append(ThumbnailSaved(path=path))
    if reading.flag("alert_sent"):
        facts.append(AlertSent())
    return facts


def _read_detections(event: int, rows: Sequence[Row]) -> tuple[list[_Reading], list[_Reading]]:
    """The detections that give a fact, with the corners that it can hold, and the others."""
    seen: list[_Reading] = []
    unread: list[_Reading] = []
    for row in rows:
        reading = _Reading(row, COLUMNS["detections"])
        label = reading.value("label", Word)
        confidence = reading.value("confidence", Confidence)
        if label is None or confidence is None:
            reading.refused = True
            unread.append(reading)
            continue
        corners = {corner: reading.value(corner, Finite | None) for corner in _CORNERS}
        if row["event_id"] != event:  # '7', where the event is 7
            reading.kept["event_id"] = row["event_id"]
        reading.row = {**row, **corners}
        seen.append(reading)
    return seen, unread


def _append(
    facts: Sequence[Fact], *, key: str, at_us: int, meta: bytes, event_id: int | None = None
) -> Append:
    return Append(
        tuple(EncodedFact(*codecs.encode(fact)) for fact in facts),
        opens=event_id is not None,
        event_id=event_id,
        key=key,
        appended_at_us=at_us,
        meta=meta,
    )


def _meta(row: Row, **rest: object) -> bytes:
    said = {name: value for name, value in rest.items() if value}
    return codecs.encode_meta({"legacy": {"id": row["id"], **said}})


def _created_at(at: datetime) -> str:
    return created_at(since_epoch_us(at))


def _first_us(created: datetime | None, recorded: datetime | None, now_us: int) -> int:
    at = created or recorded
    return now_us if at is None else since_epoch_us(at)


def _moment(value: object) -> datetime | None:
    if not isinstance(value, str) or not _ISO.fullmatch(value):
        return None
    try:
        return recorded_at_of(value, kind="event")
    except BadFact:
        return None


def _fits(value: object, wanted: object) -> bool:
    try:
        held = msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        return False
    return bool(held == value)  # a float can't hold every integer
