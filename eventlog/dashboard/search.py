"""Finds events by a text and by the time of day, in addition to the lists' filters: pure functions.

A text is looked for in names of persons, labels, number plates, and the rules and actors of unlock
actions; capitals do not matter. Each way to a match walks an index, newest first, and the ways are
merged. A page looks at BUDGET rows at most and says where to go on, so that it costs the same
however long the history is. Knows the views' columns, and no request.
"""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import Struct
from msgspec.structs import replace

from eventlog.dashboard import filters
from eventlog.dashboard.local_time import instant, local
from eventlog.dashboard.queries import events_by_id, label_choices
from eventlog.projections import event_list
from eventlog.projections.event_list import Before, EventFilter
from eventlog.projections.times import canonical_us, since_epoch_us
from eventlog.record import ID_MAX

BUDGET: Final = 1_000  # events that one page looks at
ROWS_MAX: Final = 2_000  # unlock actions or plates that one page looks at
WAYS_MAX: Final = 12  # persons or labels that each have a way; beyond, all events are looked at
PERSONS_MAX: Final = 2_000
PLATE_LABELS: Final = ("bus", "car", "license_plate", "motorcycle", "truck", "van")
_CHUNK: Final = 50
_SLACK_US: Final = 3_600_000_000  # an action may be listed so long after its event

_NAMES: Final = "SELECT name, display_name FROM persons ORDER BY name LIMIT ?"
ACTIONS: Final = (
    "SELECT event_id, listed_at, coalesce(rule, '') || char(10) || coalesce(actor, '')"
    " FROM unlock_actions WHERE listed_at {than} ? ORDER BY listed_at {order} LIMIT ?"
)
PLATES: Final = (
    "SELECT event_id, event_recorded_us, plate FROM detections WHERE label = ?"
    " AND event_recorded_us {than} ? ORDER BY event_recorded_us {order} LIMIT ?"
)
_OF_EVENT: Final = "SELECT rule, actor FROM unlock_actions WHERE event_id = ? LIMIT ?"

Event = dict[str, Any]


class Search(Struct, frozen=True, kw_only=True):
    """What is searched for: a text, and minutes of the door's day; a night goes over midnight."""

    text: str = ""
    begin: int | None = None
    end: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it asks for nothing."""
        return not self.text and self.begin is None and self.end is None


EVERYTHING: Final = Search()


class Page(Struct, frozen=True):
    """Events in the list's order, and the place to go on from; None at the end of the history."""

    events: list[Event]
    resume: Before | None


class _Way(Struct, frozen=True):
    events: Iterator[Event]
    ends_at: str | None = None  # beyond this time nothing was looked at


def found(
    connection: sqlite3.Connection,
    wanted: EventFilter,
    search: Search,
    door: ZoneInfo,
    place: Before | None = None,
    *,
    limit: int = filters.PAGE,
    newer: bool = False,
) -> Page:
    """A page of the events that a filter and a search show.

    Args:
        connection: A read-only one.
        wanted: The filter.
        search: The search.
        door: The zone of the times of day.
        place: The (listed_at, id) that the page comes after; None begins with the newest.
        limit: How many events at most.
        newer: Whether the page goes towards the present from `place`, which is then given.

    Returns:
        The page. It may hold fewer than `limit` and yet have a place to go on from.
    """
    if search.is_empty:
        shown = _listed(connection, wanted, place, limit, newer=newer)
        return Page(shown, _place(shown[-1]) if len(shown) == limit else None)
    ways = _ways(connection, wanted, search.text.casefold(), place, newer=newer)
    ends = [way.ends_at for way in ways if way.ends_at is not None]
    end = None if not ends else (min(ends) if newer else max(ends))
    shown, looked = [], set[int]()
    merged = heapq.merge(*(way.events for way in ways), key=_place, reverse=not newer)
    for number, event in enumerate(merged, 1):
        at = event["listed_at"]
        if end is not None and (at >= end if newer else at <= end):
            break
        if event["id"] not in looked and _is_in(event, wanted, search, door):
            shown.append(event)
        looked.add(event["id"])
        if len(shown) == limit or number == BUDGET:
            return Page(shown, _place(event))
    return Page(shown, None if end is None else (end, ID_MAX))


def is_found(
    connection: sqlite3.Connection,
    event: Event,
    wanted: EventFilter,
    search: Search,
    door: ZoneInfo,
) -> bool:
    """Whether a filter and a search show one event, with its detections."""
    if not _is_in(event, wanted, search, door):
        return False
    if not search.text:
        return True
    text = search.text.casefold()
    names, labels = _matching(connection, text)
    return (
        _is_named(event, names, labels)
        or any(_has_plate(detection["plate"], text) for detection in event["detections"])
        or any(
            text in word.casefold()
            for row in connection.execute(_OF_EVENT, (event["id"], ROWS_MAX))
            for word in row
            if word is not None
        )
    )


def _is_in(event: Event, wanted: EventFilter, search: Search, door: ZoneInfo) -> bool:
    if not filters.matches(event, wanted):
        return False
    if search.begin is None and search.end is None:
        return True
    at = local(instant(event["listed_at"]), door)
    minute = at.hour * 60 + at.minute
    begin, end = search.begin or 0, 24 * 60 if search.end is None else search.end
    if begin <= end:
        return begin <= minute < end
    return minute >= begin or minute < end


# ── the ways to a match ────────────────────────────────────────────────────────────────────


def _ways(
    connection: sqlite3.Connection,
    wanted: EventFilter,
    text: str,
    place: Before | None,
    *,
    newer: bool,
) -> list[_Way]:
    def walk(one: EventFilter) -> _Way:
        return _Way(_walked(connection, one, place, newer=newer))

    if not text:
        return [walk(wanted)]
    names, labels = _matching(connection, text)
    named = [
        _actions(connection, text, place, newer=newer),
        *(_plates(connection, label, text, place, newer=newer) for label in PLATE_LABELS),
    ]
    if len(names) > WAYS_MAX or len(labels) > WAYS_MAX:
        everything = walk(wanted).events
        return [_Way(e for e in everything if _is_named(e, names, labels)), *named]
    # The event's own filter is held against each event afterwards.
    by_name = [walk(replace(wanted, person=name, label=None)) for name in sorted(names)]
    by_label = [walk(replace(wanted, label=label, person=None)) for label in sorted(labels)]
    return [*by_name, *by_label, *named]


def _matching(connection: sqlite3.Connection, text: str) -> tuple[set[str], set[str]]:
    """The names of persons and the labels that hold a text."""
    names = {
        name
        for name, shown in connection.execute(_NAMES, (PERSONS_MAX,))
        if text in name.casefold() or text in (shown or "").casefold()
    }
    return names, {label for label in label_choices(connection) if text in label.casefold()}


def _is_named(event: Mapping[str, Any], names: set[str], labels: set[str]) -> bool:
    return event["person_name"] in names or any(d["label"] in labels for d in event["detections"])


def _has_plate(plate: str | None, text: str) -> bool:
    return plate is not None and _bare(text) in _bare(plate)


def _bare(plate: str) -> str:
    """A plate without what people leave out: '' in no plate."""
    return "".join(plate.casefold().replace("-", " ").split()) or "\n"


def _walked(
    connection: sqlite3.Connection, wanted: EventFilter, place: Before | None, *, newer: bool
) -> Iterator[Event]:
    """The events of a filter from a place on, read a few at a time."""
    while True:
        some = _listed(connection, wanted, place, _CHUNK, newer=newer)
        yield from some
        if len(some) < _CHUNK:
            return
        place = _place(some[-1])


def _listed(
    connection: sqlite3.Connection,
    wanted: EventFilter,
    place: Before | None,
    limit: int,
    *,
    newer: bool,
) -> list[Event]:
    query = event_list.recent_events(wanted, before=place, limit=limit, newer=newer)
    rows = event_list.nest(connection.execute(*query).fetchall())
    return rows[::-1] if newer else rows


def _actions(
    connection: sqlite3.Connection, text: str, place: Before | None, *, newer: bool
) -> _Way:
    """Events by the rules and actors of their unlock actions."""
    start = _start_us(place, newer=newer)
    sql = ACTIONS.format(**_direction(newer=newer))
    rows = connection.execute(sql, (canonical_us(start), ROWS_MAX)).fetchall()
    ids = [row[0] for row in rows if row[0] is not None and text in row[2].casefold()]
    ends_at = None if len(rows) < ROWS_MAX else rows[-1][1]
    return _Way(_by_id(connection, ids, place, newer=newer), ends_at)


def _plates(
    connection: sqlite3.Connection, label: str, text: str, place: Before | None, *, newer: bool
) -> _Way:
    """Events by the number plates of their detections with a label."""
    start = _start_us(place, newer=newer)
    sql = PLATES.format(**_direction(newer=newer))
    rows = connection.execute(sql, (label, start, ROWS_MAX)).fetchall()
    ids = [row[0] for row in rows if _has_plate(row[2], text)]
    ends_at = None if len(rows) < ROWS_MAX else canonical_us(rows[-1][1])
    return _Way(_by_id(connection, ids, place, newer=newer), ends_at)


def _direction(*, newer: bool) -> dict[str, str]:
    return {"than": ">=", "order": ""} if newer else {"than": "<=", "order": "DESC"}


def _start_us(place: Before | None, *, newer: bool) -> int:
    if place is None:
        return since_epoch_us(instant("9999-01-01T00:00:00"))
    at_us = since_epoch_us(instant(place[0]))
    return at_us if newer else at_us + _SLACK_US


def _by_id(
    connection: sqlite3.Connection, ids: Sequence[int], place: Before | None, *, newer: bool
) -> Iterator[Event]:
    """These events after a place, in the list's order; read a few at a time."""
    keys: list[Before] = []
    once = list(dict.fromkeys(ids))
    for start in range(0, len(once), 500):
        some = once[start : start + 500]
        marks = ", ".join("?" * len(some))
        sql = f"SELECT listed_at, id FROM events WHERE id IN ({marks})"  # noqa: S608 - marks only
        keys += connection.execute(sql, some).fetchall()
    if place is not None:
        after = tuple(place)
        keys = [key for key in keys if (key > after if newer else key < after)]
    keys.sort(reverse=not newer)
    for start in range(0, len(keys), _CHUNK):
        some_events = events_by_id(connection, [key[1] for key in keys[start : start + _CHUNK]])
        yield from some_events[::-1] if newer else some_events


def _place(event: Mapping[str, Any]) -> Before:
    return event["listed_at"], event["id"]
