"""Queries of the pages beyond the views' own: pure functions.

Each takes a read-only connection, is served by an index, and is bounded however long the history
is. Knows the views' columns; who runs it on which thread is not its concern.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import starmap
from typing import Any, Final
from zoneinfo import ZoneInfo

from msgspec import Struct

from eventlog.dashboard.local_time import instant, local
from eventlog.dashboard.names import Person, labels
from eventlog.projections import event_list, events, persons
from eventlog.projections.times import canonical

COMPARED_MAX: Final = 2_000  # persons whose names are compared with those shown
CHOICES_MAX: Final = 200  # cameras, labels or persons that a filter offers
HEAT_DAYS: Final = 84
HEAT_VISITS: Final = 5_000  # of one person, the newest

Heat = Counter[tuple[int, int]]  # (weekday, hour) → visits; Monday is 0

# The distinct values of an index's first column, each found by one step into the index.
_DISTINCT: Final = (
    "WITH RECURSIVE found(value) AS (SELECT min({column}) FROM {table} UNION ALL"
    " SELECT (SELECT min({column}) FROM {table} WHERE {column} > value) FROM found"
    " WHERE value IS NOT NULL) SELECT value FROM found WHERE value IS NOT NULL LIMIT ?"
)
_CAMERAS: Final = _DISTINCT.format(column="camera_id", table="events")
_LABELS: Final = _DISTINCT.format(column="label", table="detections")
_PERSONS: Final = "SELECT id, name, display_name FROM persons WHERE name > ? ORDER BY name LIMIT ?"
# The oldest first: who comes later may imitate them, and no flood of new names hides one.
_EVERYBODY: Final = "SELECT name, display_name FROM persons ORDER BY id LIMIT ?"
_LAST_OF_CAMERA: Final = "SELECT max(listed_at) FROM events WHERE camera_id = ?"
_VISITS: Final = "SELECT count(*), max(listed_at) FROM events WHERE "
_BY_PERSON: Final = "person_name = ?"
_HOURS: Final = (
    "SELECT substr(listed_at, 1, 16), count(*) FROM (SELECT listed_at FROM events WHERE {whose}"
    " AND listed_at >= ? ORDER BY listed_at DESC LIMIT ?) GROUP BY 1"
)


class Visits(Struct, frozen=True, kw_only=True):
    """How often somebody was there: `name` None is all strangers together.

    `last_seen` is as the read tables have it; `heat` counts the newest HEAT_VISITS visits of the
    last HEAT_DAYS days by the door's weekday and hour.
    """

    name: str | None
    display_name: str | None
    visits: int
    last_seen: str | None
    heat: Heat


class Choices(Struct, frozen=True):
    """What a filter offers."""

    cameras: list[str]
    labels: list[str]
    persons: list[tuple[str, str]]  # the id, and the name to show


def events_by_id(connection: sqlite3.Connection, ids: Iterable[int]) -> list[dict[str, Any]]:
    """These events, those that there are, newest first."""
    found: list[dict[str, Any]] = []
    for event_id in ids:
        found += event_list.nest(connection.execute(*event_list.one_event(event_id)).fetchall())
    return sorted(found, key=lambda event: (event["listed_at"], event["id"]), reverse=True)


def label_choices(connection: sqlite3.Connection) -> list[str]:
    """The labels that were seen, the first CHOICES_MAX of them."""
    return [row[0] for row in connection.execute(_LABELS, (CHOICES_MAX,))]


def choices(connection: sqlite3.Connection) -> Choices:
    """What the filters of the lists offer."""
    named = connection.execute(_PERSONS, ("", CHOICES_MAX)).fetchall()
    ids = {name: str(person) for person, name, _ in named}
    names = names_to_show(connection, ids)
    return Choices(
        cameras=[row[0] for row in connection.execute(_CAMERAS, (CHOICES_MAX,))],
        labels=label_choices(connection),
        persons=[(ids[name], shown) for name, shown in names.items()],
    )


def names_to_show(connection: sqlite3.Connection, names: Iterable[str | None]) -> dict[str, str]:
    """How each of these persons is shown: see `names.labels`."""
    wanted = sorted({name for name in names if name is not None})
    if not wanted:
        return {}
    marks = ", ".join("?" * len(wanted))
    sql = f"SELECT name, display_name FROM persons WHERE name IN ({marks})"  # noqa: S608 - marks only
    everybody = [
        *connection.execute(_EVERYBODY, (COMPARED_MAX,)),
        *connection.execute(sql, wanted),
    ]
    return labels(wanted, starmap(Person, everybody))


def persons_after(
    connection: sqlite3.Connection, after: str, limit: int
) -> list[tuple[int, str, str | None]]:
    """Persons whose name comes after one, by name: id, name and name to show."""
    return connection.execute(_PERSONS, (after, limit)).fetchall()


def all_persons(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """All persons, by name; rows are the view's columns."""
    rows = connection.execute(*persons.listed()).fetchall()
    return [dict(zip(persons.COLUMNS, row, strict=True)) for row in rows]


def visits_of(
    connection: sqlite3.Connection,
    name: str | None,
    display_name: str | None,
    *,
    now: datetime,
    door: ZoneInfo,
) -> Visits:
    """How often a person, or with None any stranger, was there."""
    whose = events.STRANGER if name is None else _BY_PERSON
    parameters = () if name is None else (name,)
    count, last_seen = connection.execute(_VISITS + whose, parameters).fetchone()
    since = canonical(now - timedelta(days=HEAT_DAYS))
    rows = connection.execute(_HOURS.format(whose=whose), (*parameters, since, HEAT_VISITS))
    return Visits(
        name=name,
        display_name=display_name,
        visits=count,
        last_seen=last_seen,
        heat=_heat(rows, door),
    )


def _heat(rows: Iterable[tuple[str, int]], door: ZoneInfo) -> Heat:
    heat: Heat = Counter()
    for minute, count in rows:
        at = local(instant(minute), door)
        heat[at.weekday(), at.hour] += count
    return heat


def cameras_last_seen(connection: sqlite3.Connection) -> list[tuple[str, str]]:
    """Each camera with when it recorded an event last, the longest silent first."""
    cameras = [row[0] for row in connection.execute(_CAMERAS, (CHOICES_MAX,))]
    seen = [
        (camera, str(connection.execute(_LAST_OF_CAMERA, (camera,)).fetchone()[0]))
        for camera in cameras
    ]
    return sorted(seen, key=lambda pair: pair[1])
