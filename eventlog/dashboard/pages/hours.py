"""Reads whole hours of the list: an hour's animals and cars are one line, however many there are.

Looks at HOUR_MAX events at most. Knows no request and no template.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from eventlog.dashboard import filters, search
from eventlog.dashboard.listing import Asked
from eventlog.dashboard.pages import folding
from eventlog.projections.event_list import Before, EventFilter

HOUR_MAX: Final = 1_000  # events that are looked at: one every four seconds
HOUR: Final = timedelta(hours=1)

Event: TypeAlias = dict[str, Any]


def to_the_hours_end(
    connection: sqlite3.Connection,
    asked: Asked[EventFilter],
    door: ZoneInfo,
    page: search.Page,
) -> search.Page:
    """A page, and what is left of the hour that it ends in, if it folds events of that hour."""
    begin = folding.rest_of_hour(page.events, door)
    if begin is None or page.resume is None:
        return page
    rest = _of_hour(connection, asked, door, begin, place=page.resume, most=HOUR_MAX)
    if not rest.events:
        return page
    last = rest.events[-1]
    resume = rest.resume or (last["listed_at"], last["id"])
    return search.Page([*page.events, *rest.events], resume)


def with_their_hours(
    connection: sqlite3.Connection,
    asked: Asked[EventFilter],
    door: ZoneInfo,
    events: Sequence[Event],
) -> list[Event]:
    """These events, and the animals and cars of their hours, newest first."""
    found = {event["id"]: event for event in events}
    left = HOUR_MAX
    for begin in sorted({folding.hour_of(event, door) for event in events}, reverse=True):
        if left <= 0:
            break
        hour = _of_hour(connection, asked, door, begin, place=None, most=left)
        left -= len(hour.events)
        found |= {event["id"]: event for event in hour.events if folding.is_minor(event)}
    return sorted(found.values(), key=lambda e: (e["listed_at"], e["id"]), reverse=True)


def bounds(wanted: EventFilter, begin: datetime) -> tuple[datetime, datetime]:
    """From when to when a list shows events of an hour."""
    end = begin.astimezone(UTC) + HOUR
    since = begin if wanted.since is None else max(begin, wanted.since)
    return since, end if wanted.until is None else min(end, wanted.until)


def _of_hour(
    connection: sqlite3.Connection,
    asked: Asked[EventFilter],
    door: ZoneInfo,
    begin: datetime,
    *,
    place: Before | None,
    most: int,
) -> search.Page:
    """The events of an hour from a place on; and where to go on, None at its end.

    It ends early with `most` events, or with a page of those that are cards of their own.
    """
    since, until = bounds(asked.wanted, begin)
    of_hour = replace(asked.wanted, since=since, until=until)
    events: list[Event] = []
    cards = 0
    while len(events) < most and cards < filters.PAGE_MAX:
        some = search.found(connection, of_hour, asked.search, door, place, limit=filters.PAGE_MAX)
        events += some.events
        cards += sum(not folding.is_minor(event) for event in some.events)
        place = some.resume
        if place is None:
            break
    return search.Page(events, place)
