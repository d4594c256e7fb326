"""The events before and after one, in the list that its page was opened from.

Knows the filters and the search of the timeline, and no template.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from litestar import Request
from msgspec import Struct

from eventlog.dashboard import filters, search
from eventlog.dashboard.listing import events_asked
from eventlog.dashboard.site import site_of


class Neighbours(Struct, frozen=True):
    """The addresses of the next newer and the next older event; None at an end of the list."""

    newer: str | None
    older: str | None


async def of_event(request: Request[Any, Any, Any], event: dict[str, Any]) -> Neighbours:
    """The neighbours of an event that a page shows."""
    site = site_of(request)
    asked = await events_asked(request)
    place = event["listed_at"], event["id"]

    def look(connection: sqlite3.Connection) -> list[search.Page]:
        return [
            search.found(
                *(connection, asked.wanted, asked.search, site.zone, place), limit=1, newer=newer
            )
            for newer in (True, False)
        ]

    newer, older = (
        filters.address(f"/events/{found.events[0]['id']}", asked.query) if found.events else None
        for found in await site.pages.run(look)
    )
    return Neighbours(newer, older)
