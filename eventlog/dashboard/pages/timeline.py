"""The page Timeline: a card for each event, newest first, updated live.

`/` is the page, `/timeline/more` what follows a cursor, `/timeline/live` the cards of events that
a stream has announced. All three take the same filters.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from litestar import Request, Response, get
from msgspec.structs import replace

from eventlog.dashboard import filters, queries, search
from eventlog.dashboard.late_marks import late_events
from eventlog.dashboard.listing import Asked, events_asked
from eventlog.dashboard.local_time import exact, instant, local, with_offset
from eventlog.dashboard.names import isolated
from eventlog.dashboard.pages import calendar, cards, folding, gaps, today
from eventlog.dashboard.pages.gaps import Gap
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import Site, site_of
from eventlog.errors import BadArgument
from eventlog.projections.event_list import Before, EventFilter
from eventlog.projections.times import canonical

LIVE_MAX: Final = 60  # events that one look at the live ones may ask for
LIVE_WAIT_S: Final = 2.0

Found = tuple[list[dict[str, Any]], dict[str, str]]


@get("/")
async def timeline(request: Request[Any, Any, Any]) -> Response[str]:
    """The page."""
    site = site_of(request)
    asked = await events_asked(request)
    # Read before the events: what comes in between is sent by the stream, not lost.
    position = site.broadcast.last
    shown = await _shown(site, asked, asked.before, whole=True)
    choices = await site.pages.run(queries.choices)
    glance = None if asked.query or asked.before else await today.glanced(request)
    return page(
        request,
        "timeline.html",
        query=asked.fields,
        filtered=filters.in_words(asked.query, dict(choices.persons)),
        chips=filters.chips("/", asked.query, dict(choices.persons)),
        calendar=await calendar.month(request, asked.query),
        csv=filters.address("/events.csv", asked.query),
        json=filters.address("/events.json", asked.query),
        choices=choices,
        glance=glance,
        position=position,
        today=local(site.now, site.zone).date().isoformat(),
        live=None if asked.before else filters.address("/timeline/live", asked.query),
        newest=filters.address("/", asked.query) if asked.before else None,
        **shown,
    )


@get("/timeline/more")
async def more(request: Request[Any, Any, Any]) -> Response[str]:
    """The cards that follow a cursor, and where to go on."""
    asked = await events_asked(request)
    shown = await _shown(site_of(request), asked, asked.before)
    return page(request, "timeline_cards.html", **shown)


@get("/timeline/live")
async def live(request: Request[Any, Any, Any]) -> Response[str]:
    """The cards of these events, those that the filter shows, once the views have them."""
    site = site_of(request)
    asked = await events_asked(request)
    wanted = asked.wanted
    ids = _numbers(request.query_params.get("ids", ""))
    position = _numbers(request.query_params.get("position", ""))[-1:]
    if position:
        await site.wait_for_views(min(position[0], site.broadcast.last), LIVE_WAIT_S)

    def look(connection: sqlite3.Connection) -> Found:
        found = queries.events_by_id(connection, ids)
        matching = [
            event
            for event in found
            if search.is_found(connection, event, wanted, asked.search, site.zone)
        ]
        return matching, _names(connection, matching)

    found, names = await site.pages.run(look)
    made = [cards.card(event, names, site.zone) for event in found]
    day = local(site.now, site.zone).date()
    return page(
        request,
        "timeline_cards.html",
        days=folding.as_they_are(cards.days(made, site.zone, today=day)),
        next=None,
        looked_to=None,
        within=filters.address("", asked.query),
    )


async def _shown(
    site: Site, asked: Asked[EventFilter], before: Before | None, *, whole: bool = False
) -> dict[str, Any]:
    """The days after a cursor, and where to go on: a fragment's address and a page's, or None.

    `whole` says that they begin a page, so that the first day has its title.
    """
    # A list for one label shows each of its events.
    folds = not {"label", "text"} & set(asked.query)

    def look(connection: sqlite3.Connection) -> tuple[search.Page, dict[str, str], list[Gap]]:
        wanted, zone = asked.wanted, site.zone
        some = search.found(connection, wanted, asked.search, zone, before, limit=asked.limit)
        if folds:
            some = _with_the_hour(connection, site, asked, some)
        between = _gaps(connection, site, asked, before, some.events)
        return some, _names(connection, some.events), between

    some, names, between = await site.pages.run(look)
    found = some.events
    made = [cards.card(event, names, site.zone) for event in found]
    after = None if before is None or whole else with_offset(before[0])
    day = local(site.now, site.zone).date()
    days = cards.days(made, site.zone, today=day, after=after)
    minor = frozenset(event["id"] for event in found if folding.is_minor(event))
    shown = folding.folded(days, minor, site.zone) if folds else folding.as_they_are(days)
    return {
        "days": folding.with_gaps(shown, between, site.zone, today=day, after=after),
        "next": asked.after("/timeline/more", some.resume),
        "next_page": asked.after("/", some.resume),
        "looked_to": None
        if some.resume is None or len(found) >= asked.limit
        else exact(instant(some.resume[0]), site.zone),
        "within": filters.address("", asked.query),
    }


def _with_the_hour(
    connection: sqlite3.Connection, site: Site, asked: Asked[EventFilter], some: search.Page
) -> search.Page:
    """A page, and what is left of the hour that it ends in, if it folds events of that hour."""
    begin = folding.rest_of_hour(some.events, site.zone)
    if begin is None or some.resume is None:
        return some
    since = asked.wanted.since
    wanted = replace(asked.wanted, since=begin if since is None else max(since, begin))
    rest = search.found(
        connection, wanted, asked.search, site.zone, some.resume, limit=filters.PAGE_MAX
    )
    if not rest.events:
        return some
    last = rest.events[-1]
    return search.Page([*some.events, *rest.events], rest.resume or (last["listed_at"], last["id"]))


def _gaps(
    connection: sqlite3.Connection,
    site: Site,
    asked: Asked[EventFilter],
    before: Before | None,
    found: list[dict[str, Any]],
) -> list[Gap]:
    """The gaps between the events of a page; none where only some events are asked for."""
    if asked.query.keys() - {"day"}:
        return []
    wanted = asked.wanted
    upper = None if wanted.until is None else canonical(wanted.until)
    lower = None if wanted.since is None else canonical(wanted.since)
    return gaps.between(
        connection,
        site.zone,
        canonical(site.now),
        lower=lower if asked.cursor_after(found) is None else found[-1]["listed_at"],
        upper=upper if before is None else before[0],
    )


def _names(connection: sqlite3.Connection, found: list[dict[str, Any]]) -> dict[str, str]:
    """The names to show; events that came late, or whose door action did, are marked as `late`."""
    late = late_events(connection, found)
    for event in found:
        event["late"] = event["id"] in late
    return isolated(queries.names_to_show(connection, (e["person_name"] for e in found)))


def _numbers(text: str) -> list[int]:
    """Ids or positions, separated by commas. Raises BadArgument."""
    parts = text.split(",") if text else []
    if len(parts) > LIVE_MAX:
        raise BadArgument(f"ids: {LIVE_MAX} at most")
    numbers = [number for part in parts if (number := filters.whole_number(part)) is not None]
    if len(numbers) < len(parts):
        raise BadArgument("ids: are numbers separated by commas")
    return numbers
