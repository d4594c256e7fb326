"""Queries for the event list and for one event, with nested detections: pure functions.

Reads the tables of the views `events` and `detections` and owns neither. Each function answers
SQL and its parameters; who runs them is not its concern. A list and its detections are one
query: an index gives the page's ids, then its rows and their detections are read.

Which index a list walks is chosen here. Of several filters the narrowest leads (label, then
person, stranger, outcome, ding, camera) and the others are looked up row by row; a unary plus
keeps the planner from their indexes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from eventlog.projections import detections, events
from eventlog.projections.outcomes import Outcome
from eventlog.projections.paging import require_filter, require_page, require_place
from eventlog.projections.times import canonical, since_epoch_us

Query = tuple[str, tuple[Any, ...]]
Before = tuple[str, int]


class EventFilter(Struct, frozen=True, kw_only=True):
    """Which events a list shows. Fields that are None or False are ignored; all others must hold.

    Args:
        camera_id: The camera.
        event_type: "motion" or "ding".
        person: The event's person.
        stranger: True selects events in which a face was seen and no person recognised.
        label: A detection of that label.
        outcome: "granted" where any unlock action of the event was granted, "refused" where any was
            refused, though the door may have opened later; "trial", "failed", "timed_out" and
            "unknown" where it came to that, and else "none".
        since: The first `listed_at`, an aware datetime.
        until: The first `listed_at` that is left out.
    """

    camera_id: str | None = None
    event_type: Literal["motion", "ding"] | None = None
    person: str | None = None
    stranger: bool = False
    label: str | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None


EVERYTHING: Final = EventFilter()

# A seal as text: JSON holds no bytes.
_SEALED: Final = "iif(e.sealed IS NULL, NULL, lower(hex(e.sealed)))"
_OF_EVENT: Final = tuple(_SEALED if name == "sealed" else f"e.{name}" for name in events.COLUMNS)
_EVENT: Final = ", ".join(_OF_EVENT)
_DETECTION: Final = ", ".join(f"d.{name}" for name in detections.COLUMNS)
_WIDTH: Final = len(events.COLUMNS)
_BESIDE: Final = " LEFT JOIN detections d ON d.event_id = e.id"
_SELECT: Final = f"SELECT {_EVENT}, {_DETECTION} FROM "

# SQLite's JSON writes 15 digits of a number; 18 as text are the same number when they are read.
_AS_TEXT: Final = "iif(typeof({0}) = 'real', printf('%!.18g', {0}), {0})"
_COLUMNS: Final = (
    *((cell, cell.removeprefix("e.") in events.REALS) for cell in _OF_EVENT),
    *((f"d.{name}", name in detections.REALS) for name in detections.COLUMNS),
)
_CELLS: Final = ", ".join(_AS_TEXT.format(name) if real else name for name, real in _COLUMNS)
_PACK: Final = f"SELECT json_group_array(json_array({_CELLS})) FROM "
_REAL_AT: Final = tuple(at for at, (_, real) in enumerate(_COLUMNS) if real)

ONE: Final = _SELECT + "events e" + _BESIDE + " WHERE e.id = ?"


def one_event(event_id: int) -> Query:
    """One event with its detections, for `nest`."""
    return ONE, (event_id,)


def recent_events(
    wanted: EventFilter = EVERYTHING,
    *,
    before: Before | None = None,
    limit: int = 20,
    offset: int = 0,
    newer: bool = False,
) -> Query:
    """A page of events with their detections, for `nest`.

    Newest `listed_at` first, then the higher id: that is `recorded_at`, or the time of the append
    where the clock can't be believed. `before` is the (listed_at, id) of the last event of the page
    before this one; a page by `before` takes the same time at any depth, an
    `offset` walks what it skips. With `newer`, the page holds the events that come next after
    `before`, the other way. Raises BadArgument for what no list can be asked.
    """
    page, parameters = _page(wanted, before, limit, offset, newer=newer)
    return _SELECT + page, parameters


def by_recorded_at(limit: int = 20, offset: int = 0) -> Query:
    """A page of events with their detections, newest `recorded_at` first, whatever it says.

    Raises BadArgument for what no list can be asked.
    """
    require_page(limit, offset)
    ids = "SELECT id FROM events ORDER BY recorded_at DESC, id DESC LIMIT ? OFFSET ?"
    page = f"({ids}) page CROSS JOIN events e ON e.id = page.id"
    return _SELECT + page + _BESIDE, (limit, offset)


def packed_events(
    wanted: EventFilter = EVERYTHING,
    *,
    before: Before | None = None,
    limit: int = 20,
    offset: int = 0,
) -> Query:
    """The same page as one row with one text, for `unpack`.

    Each fetch of a row releases Python's global lock and waits for it again: next to busy
    writers a page of fifty rows takes three times as long as this one. SQLite refuses it where a
    column holds bytes, which only a damaged one does.
    """
    page, parameters = _page(wanted, before, limit, offset)
    return _PACK + page, parameters


def unpack(text: str) -> list[dict[str, Any]]:
    """What `nest` makes of the rows of `recent_events`, from the text of `packed_events`."""
    rows: list[list[Any]] = msgspec.json.decode(text)
    for row in rows:
        for at in _REAL_AT:
            if type(row[at]) is str:
                row[at] = _number(row[at])
    return nest(rows)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text  # a stranger's, in a column of numbers


def _page(
    wanted: EventFilter, before: Before | None, limit: int, offset: int, *, newer: bool = False
) -> tuple[str, tuple[Any, ...]]:
    """What a page is selected from. Raises BadArgument."""
    require_page(limit, offset)
    require_filter(wanted, EventFilter)
    place = None if before is None else require_place(before)
    if wanted.label is not None and wanted.person is None:
        ids, parameters = _ids_by_label(wanted.label, wanted, place)
    else:
        ids, parameters = _ids_by_event(wanted, place)
    if newer:
        ids = ids.replace(_OLDER, _NEWER).replace(" DESC", "")
    page = f"({ids} LIMIT ? OFFSET ?) page CROSS JOIN events e ON e.id = page.id"
    return page + _BESIDE, (*parameters, limit, offset)


def nest(rows: Iterable[Sequence[Any]]) -> list[dict[str, Any]]:
    """Rows of `one_event` or `recent_events` as events, each with its list of 'detections'.

    An event has all columns of its table, a detection those of `detections.COLUMNS`; detections
    come in the order of the journal. SQL promises no order through a join, so it is made here.
    """
    found: dict[int, dict[str, Any]] = {}
    for row in rows:
        values = tuple(row)
        event = found.get(values[0])
        if event is None:
            event = dict(zip(events.COLUMNS, values, strict=False))
            event["detections"] = []
            found[values[0]] = event
        if values[_WIDTH] is not None:
            detection = dict(zip(detections.COLUMNS, values[_WIDTH:], strict=True))
            event["detections"].append(detection)
    for event in found.values():
        event["detections"].sort(key=_id)
    return sorted(found.values(), key=_newest, reverse=True)


def _id(row: dict[str, Any]) -> int:
    number: int = row["id"]
    return number


def _newest(event: dict[str, Any]) -> tuple[str, int]:
    return event["listed_at"], event["id"]


# ── the ids of a page ──────────────────────────────────────────────────────────────────────


_Place = tuple[datetime, int]
_OLDER: Final = " < (?, ?)"
_NEWER: Final = " > (?, ?)"


class _Term(Struct, frozen=True):
    condition: str  # begins with the column
    parameters: tuple[Any, ...] = ()


def _narrowing(wanted: EventFilter) -> list[_Term]:
    """The filters that one index each serves, the narrowest first."""
    terms: list[_Term] = []
    if wanted.person is not None:
        terms.append(_Term("person_name = ?", (wanted.person,)))
    if wanted.stranger:
        terms.append(_Term(events.STRANGER))
    if wanted.outcome is not None:
        # Written out: a partial index serves no parameter.
        refused = wanted.outcome == "refused"
        terms.append(_Term(events.REFUSED) if refused else _Term("outcome = ?", (wanted.outcome,)))
    if wanted.event_type is not None:
        # Written out: a partial index serves no parameter.
        terms.append(_Term(events.DING if wanted.event_type == "ding" else "event_type = 'motion'"))
    if wanted.camera_id is not None:
        terms.append(_Term("camera_id = ?", (wanted.camera_id,)))
    return terms


def _ids_by_event(wanted: EventFilter, place: _Place | None) -> Query:
    narrowing = _narrowing(wanted)
    conditions = [f"{'' if n == 0 else '+'}e.{term.condition}" for n, term in enumerate(narrowing)]
    parameters = [value for term in narrowing for value in term.parameters]
    if wanted.label is not None:
        conditions.append(detections.HAS_LABEL)
        parameters.append(wanted.label)
    if wanted.since is not None:
        conditions.append("e.listed_at >= ?")
        parameters.append(canonical(wanted.since))
    if wanted.until is not None:
        conditions.append("e.listed_at < ?")
        parameters.append(canonical(wanted.until))
    if place is not None:
        conditions.append(f"(e.listed_at, e.id){_OLDER}")
        parameters.extend((canonical(place[0]), place[1]))
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    order = " ORDER BY e.listed_at DESC, e.id DESC"
    ids = f"SELECT e.id FROM events e{where}{order}"
    return ids, tuple(parameters)


def _ids_by_label(label: str, wanted: EventFilter, place: _Place | None) -> Query:
    narrowing = _narrowing(wanted)
    conditions = ["d.label = ?"]
    parameters: list[Any] = [label]
    if wanted.since is not None:
        conditions.append("d.event_recorded_us >= ?")
        parameters.append(since_epoch_us(wanted.since))
    if wanted.until is not None:
        conditions.append("d.event_recorded_us < ?")
        parameters.append(since_epoch_us(wanted.until))
    if place is not None:
        conditions.append(f"(d.event_recorded_us, d.event_id){_OLDER}")
        parameters.extend((since_epoch_us(place[0]), place[1]))
    conditions += [f"e.{term.condition}" for term in narrowing]
    parameters += [value for term in narrowing for value in term.parameters]
    joined = " CROSS JOIN events e ON e.id = d.event_id" if narrowing else ""
    where = f"{joined} WHERE {' AND '.join(conditions)}"
    # An event with several detections of the label comes once.
    once = " GROUP BY d.event_recorded_us, d.event_id"
    order = " ORDER BY d.event_recorded_us DESC, d.event_id DESC"
    ids = f"SELECT d.event_id AS id FROM detections d{where}{once}{order}"
    return ids, tuple(parameters)
