"""The page Timeline: a card for each event, newest first, updated live.

`/` is the page, `/timeline/more` what follows a cursor, `/timeline/live` the cards of events that
a stream has announced. All three take the same filters.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any, Final

from litestar import Request, Response, get
from msgspec import Struct

from eventlog.dashboard import filters, queries, search
from eventlog.dashboard.listing import Asked, events_asked
from eventlog.dashboard.local_time import exact, instant, local, with_offset
from eventlog.dashboard.names import isolated
from eventlog.dashboard.pages import calendar, cards, folding, gaps, hours, today
from eventlog.dashboard.pages.gaps import Gap
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import Site, site_of
from eventlog.errors import BadArgument
from eventlog.projections.event_list import Before, EventFilter
from eventlog.projections.times import canonical
from eventlog.store.late_marks import late_events

LIVE_MAX: Final = 60  # events that one look at the live ones may ask for
LIVE_WAIT_S: Final = 2.0


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
    ids, silences = _numbers(request, "ids"), _numbers(request, "gaps")
    position = _numbers(request, "position")[-1:]
    if position:
        await site.wait_for_views(min(position[0], site.broadcast.last), LIVE_WAIT_S)

    def look(connection: sqlite3.Connection) -> _Found:
        wanted, zone = asked.wanted, site.zone
        found = [
            event
            for event in queries.events_by_id(connection, ids)
            if search.is_found(connection, event, wanted, asked.search, zone)
        ]
        if _folds(asked):
            found = hours.with_their_hours(connection, asked, zone, found)
        between = _gaps(connection, site, asked, positions=silences)
        return _with_names(connection, site, asked, found, between)

    found = await site.pages.run(look)
    return page(
        request,
        "timeline_cards.html",
        days=_days(site, asked, found),
        next=None,
        looked_to=None,
        within=filters.address("", asked.query),
    )


class _Found(Struct, frozen=True):
    """Events with the names to show, what the lines of hours only count, and gaps among them."""

    events: list[dict[str, Any]]
    left: dict[datetime, folding.Left]
    names: dict[str, str]
    gaps: list[Gap]


async def _shown(
    site: Site, asked: Asked[EventFilter], before: Before | None, *, whole: bool = False
) -> dict[str, Any]:
    """The days after a cursor, and where to go on: a fragment's address and a page's, or None.

    `whole` says that they begin a page, so that the first day has its title.
    """

    def look(connection: sqlite3.Connection) -> tuple[search.Page, _Found]:
        wanted, zone = asked.wanted, site.zone
        some = search.found(connection, wanted, asked.search, zone, before, limit=asked.limit)
        if _folds(asked):
            some = hours.to_the_hours_end(connection, asked, zone, some)
        more = asked.cursor_after(some.events) is not None
        between = _gaps(
            connection,
            site,
            asked,
            lower=some.events[-1]["listed_at"] if more else None,
            upper=None if before is None else before[0],
        )
        return some, _with_names(connection, site, asked, some.events, between)

    some, found = await site.pages.run(look)
    return {
        "days": _days(site, asked, found, None if before is None or whole else before[0]),
        "next": asked.after("/timeline/more", some.resume),
        "next_page": asked.after("/", some.resume),
        "looked_to": None
        if some.resume is None or len(some.events) >= asked.limit
        else exact(instant(some.resume[0]), site.zone),
        "within": filters.address("", asked.query),
    }


def _folds(asked: Asked[EventFilter]) -> bool:
    """Whether hours are folded: a list for one label, a text or an hour shows each event."""
    since, until = asked.wanted.since, asked.wanted.until
    is_hour = since is not None and until is not None and until - since <= hours.HOUR
    return not is_hour and not {"label", "text"} & asked.query.keys()


def _days(
    site: Site, asked: Asked[EventFilter], found: _Found, after: str | None = None
) -> list[folding.FoldedDay]:
    """What was found by day; `after` is the time of the last event of the page before."""

    def address(begin: datetime) -> str:
        since, until = hours.bounds(asked.wanted, begin)
        bounds = {"since": since, "until": until}
        shown = {key: local(at, site.zone).isoformat("T", "minutes") for key, at in bounds.items()}
        return filters.address("/", {**asked.query, **shown})

    today_is = local(site.now, site.zone).date()
    after = None if after is None else with_offset(after)
    made = [cards.card(event, found.names, site.zone) for event in found.events]
    days = cards.days(made, site.zone, today=today_is, after=after)
    minor = frozenset(event["id"] for event in found.events if folding.is_minor(event))
    shown = (
        folding.folded(days, minor, site.zone, found.left, address)
        if _folds(asked)
        else folding.as_they_are(days)
    )
    return folding.with_gaps(shown, found.gaps, site.zone, today=today_is, after=after)


def _with_names(
    connection: sqlite3.Connection,
    site: Site,
    asked: Asked[EventFilter],
    found: list[dict[str, Any]],
    between: list[Gap],
) -> _Found:
    shown, left = folding.counted(found, site.zone) if _folds(asked) else (found, {})
    return _Found(shown, left, _names(connection, shown), between)


def _gaps(
    connection: sqlite3.Connection,
    site: Site,
    asked: Asked[EventFilter],
    *,
    lower: str | None = None,
    upper: str | None = None,
    positions: list[int] | None = None,
) -> list[Gap]:
    """The gaps between two times, or of some records; none where only some events are asked for.

    Without times they are those of the filter.
    """
    if asked.query.keys() - {"day"}:
        return []
    wanted = asked.wanted
    since = None if wanted.since is None else canonical(wanted.since)
    until = None if wanted.until is None else canonical(wanted.until)
    return gaps.between(
        connection,
        site.zone,
        canonical(site.now),
        lower=lower or since,
        upper=upper or until,
        positions=positions,
    )


def _names(connection: sqlite3.Connection, found: list[dict[str, Any]]) -> dict[str, str]:
    """The names to show; events that came late, or whose door action did, are marked as `late`."""
    late = late_events(connection, found)
    for event in found:
        event["late"] = event["id"] in late
    return isolated(queries.names_to_show(connection, (e["person_name"] for e in found)))


def _numbers(request: Request[Any, Any, Any], key: str) -> list[int]:
    """Ids or positions, separated by commas. Raises BadArgument."""
    text = request.query_params.get(key, "")
    parts = text.split(",") if text else []
    if len(parts) > LIVE_MAX:
        raise BadArgument(f"{key}: {LIVE_MAX} at most")
    numbers = [number for part in parts if (number := filters.whole_number(part)) is not None]
    if len(numbers) < len(parts):
        raise BadArgument(f"{key}: are numbers separated by commas")
    return numbers
