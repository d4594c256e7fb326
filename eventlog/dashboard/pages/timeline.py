"""The page Timeline: newest first, a card per event, live, as far back as the history lasts.

`/` is the page, `/timeline/more` what follows a cursor, `/timeline/live` the cards of events that
a stream has just told of. All three take the same filters.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from litestar import Request, Response, get

from eventlog.dashboard import filters, queries
from eventlog.dashboard.local_time import local, with_offset
from eventlog.dashboard.pages import cards
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import Site, site_of
from eventlog.errors import BadArgument
from eventlog.projections.event_list import Before, EventFilter

LIVE_MAX: Final = 60  # events that one look at the live ones may ask for
LIVE_WAIT_S: Final = 2.0

Found = tuple[list[dict[str, Any]], dict[str, str]]


@get("/")
async def timeline(request: Request[Any, Any, Any]) -> Response[str]:
    """The page."""
    site = site_of(request)
    query = filters.asked(request.query_params, filters.EVENT_KEYS)
    wanted = filters.event_filter(query, site.zone)
    # Read before the events are: what comes in between is told by the stream, not lost.
    position = site.broadcast.last
    shown = await _shown(site, query, wanted, None)
    choices = await site.pages.run(queries.choices)
    return page(
        request,
        "timeline.html",
        query=filters.fields(query, filters.EVENT_KEYS),
        filtered=filters.in_words(query, dict(choices.persons)),
        choices=choices,
        position=position,
        today=local(site.now, site.zone).date().isoformat(),
        live=filters.address("/timeline/live", query),
        **shown,
    )


@get("/timeline/more")
async def more(request: Request[Any, Any, Any]) -> Response[str]:
    """The cards that follow a cursor, and where to go on."""
    site = site_of(request)
    query = filters.asked(request.query_params, filters.EVENT_KEYS)
    wanted = filters.event_filter(query, site.zone)
    before = filters.before(request.query_params)
    return page(request, "timeline_cards.html", **await _shown(site, query, wanted, before))


@get("/timeline/live")
async def live(request: Request[Any, Any, Any]) -> Response[str]:
    """The cards of these events, those that the filter shows, once the views have them."""
    site = site_of(request)
    query = filters.asked(request.query_params, filters.EVENT_KEYS)
    wanted = filters.event_filter(query, site.zone)
    ids = _numbers(request.query_params.get("ids", ""))
    position = _numbers(request.query_params.get("position", ""))[-1:]
    if position:
        await site.wait_for_views(min(position[0], site.broadcast.last), LIVE_WAIT_S)

    def look(connection: sqlite3.Connection) -> Found:
        found = queries.events_by_id(connection, ids)
        matching = [event for event in found if filters.matches(event, wanted)]
        return matching, _names(connection, matching)

    found, names = await site.pages.run(look)
    made = [cards.card(event, names, site.zone) for event in found]
    today = local(site.now, site.zone).date()
    return page(
        request, "timeline_cards.html", days=cards.days(made, site.zone, today=today), next=None
    )


async def _shown(
    site: Site, query: dict[str, str], wanted: EventFilter, before: Before | None
) -> dict[str, Any]:
    """A page's days, and the address of the next page, None where the history ends."""

    def look(connection: sqlite3.Connection) -> Found:
        found = queries.events_page(connection, wanted, before, filters.PAGE)
        return found, _names(connection, found)

    found, names = await site.pages.run(look)
    made = [cards.card(event, names, site.zone) for event in found]
    following = None
    if len(found) == filters.PAGE:
        last = filters.cursor(found[-1]["recorded_at"], found[-1]["id"])
        following = filters.address("/timeline/more", query, before=last)
    after = None if before is None else with_offset(before[0])
    today = local(site.now, site.zone).date()
    return {"days": cards.days(made, site.zone, today=today, after=after), "next": following}


def _names(connection: sqlite3.Connection, found: list[dict[str, Any]]) -> dict[str, str]:
    return queries.names_to_show(connection, (event["person_name"] for event in found))


def _numbers(text: str) -> list[int]:
    """Ids or positions, separated by commas. Raises BadArgument."""
    parts = text.split(",") if text else []
    if len(parts) > LIVE_MAX:
        raise BadArgument(f"ids: {LIVE_MAX} at most")
    if not all(part.isascii() and part.isdigit() and len(part) < 19 for part in parts):  # noqa: PLR2004 - fits 63 bits
        raise BadArgument("ids: are numbers separated by commas")
    return [int(part) for part in parts]
