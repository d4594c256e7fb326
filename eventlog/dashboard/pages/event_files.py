"""The events that a filter shows, all of them, as files: CSV and JSON.

A batch is read at a time, so that a file of the longest history takes no memory.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any, Final

from litestar import Request, get
from litestar.response import Stream

from eventlog.dashboard import exports, search
from eventlog.dashboard.api import conversion, responses
from eventlog.dashboard.api.endpoints import may_continue
from eventlog.dashboard.listing import Asked, events_asked
from eventlog.dashboard.pages.cards import MULTIPLIED
from eventlog.dashboard.site import Site, site_of, visitor_of
from eventlog.projections.event_list import Before, EventFilter

BATCH: Final = 500
_FIELDS: Final = tuple(name for name in responses.Event.__struct_fields__ if name != "detections")
COLUMNS: Final = (*_FIELDS, "seen", "plates")


@get("/events.csv")
async def as_csv(request: Request[Any, Any, Any]) -> Stream:
    """A line for each event; `seen` holds the labels with their numbers."""
    batches = await _begun(request)
    return exports.csv_file(_lines(batches), COLUMNS, "events")


@get("/events.json")
async def as_json(request: Request[Any, Any, Any]) -> Stream:
    """The events as the API has them, in one array."""
    batches = await _begun(request)
    return exports.json_file(batches, "events")


async def _begun(request: Request[Any, Any, Any]) -> AsyncIterator[list[responses.Event]]:
    site, visitor = site_of(request), visitor_of(request)
    found = _all(site, await events_asked(request))
    return await exports.begun(found, lambda: may_continue(site, visitor))


async def _all(site: Site, asked: Asked[EventFilter]) -> AsyncIterator[list[responses.Event]]:
    place: Before | None = asked.before
    while True:
        start = place

        def look(connection: sqlite3.Connection, start: Before | None = start) -> search.Page:
            wanted, zone = asked.wanted, site.zone
            return search.found(connection, wanted, asked.search, zone, start, limit=BATCH)

        some = await site.figures.run(look)
        yield [conversion.event(row) for row in some.events]
        place = some.resume
        if place is None:
            return


async def _lines(batches: AsyncIterator[list[responses.Event]]) -> AsyncIterator[list[list[Any]]]:
    async for batch in batches:
        yield [_line(event) for event in batch]


def _line(event: responses.Event) -> list[Any]:
    counted = Counter(one.label for one in event.detections)
    seen = (label if n == 1 else f"{label} {MULTIPLIED}{n}" for label, n in counted.items())
    plates = dict.fromkeys(one.plate for one in event.detections if one.plate is not None)
    return [
        *(getattr(event, column) for column in _FIELDS),
        "; ".join(seen),
        "; ".join(plates),
    ]
