"""The overview on top of the timeline: the door now, today's figures, what needs a look.

`/today` is that part alone, for a page that is open; `/seen` notes for one user that everything
was looked at. A kiosk shows the door and the figures, and has nothing to look at.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.response import Redirect
from msgspec import Struct

from eventlog.dashboard import filters, glance, queries
from eventlog.dashboard.accounts.seen import Mark, Seen
from eventlog.dashboard.glance import DoorNow, Today, Waiting
from eventlog.dashboard.local_time import clock, day_bounds, exact, instant, local, with_offset
from eventlog.dashboard.names import isolated
from eventlog.dashboard.pages import cards
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import Site, site_of, visitor_of
from eventlog.errors import BadArgument

SHOWN_MAX: Final = 12  # events that are shown of those that wait
FIRST: Final = 5  # of them, before one asks for more
LIVE_WAIT_S: Final = 2.0
_DOOR_WORDS: Final = {"open": "Open", "closed": "Closed"}
_BOLT_WORDS: Final = {"locked": "locked", "unlocked": "unlocked", "unlatched": "unlatched"}


class Moment(Struct, frozen=True):
    """A time as a page shows it."""

    at: str
    exact: str
    text: str


class DoorShown(Struct, frozen=True):
    """A door's state in words, and since when; `tone` is what it looks like.

    `late` says that a token brought it in long after that time.
    """

    door_id: str
    words: str
    tone: str
    since: Moment
    late: bool


class Glance(Struct, frozen=True, kw_only=True):
    """What the template shows."""

    doors: list[DoorShown]
    opening: dict[str, Any] | None
    counts: list[tuple[str, int, str]]
    first: list[tuple[cards.Card, Moment]]
    others: list[tuple[cards.Card, Moment]]
    waiting: int
    older: int  # of those that wait: how many are not shown here
    more: bool
    through: int
    may_mark: bool


@get("/today")
async def today(request: Request[Any, Any, Any]) -> Response[str]:
    """That part of the page, once the views have the record that a stream has just sent."""
    site = site_of(request)
    position = filters.position(request.query_params)
    await site.wait_for_views(min(position, site.broadcast.last), LIVE_WAIT_S)
    return page(request, "today.html", glance=await glanced(request))


@post("/seen", status_code=200)
async def mark_seen(request: Request[Any, Any, Any]) -> Response[Any]:
    """Note that this user has seen everything up to a position that a page was made for.

    The page's script gets that part of the page as it is now; a browser goes to the timeline.
    """
    site, session = site_of(request), visitor_of(request).session
    form = await request.form()
    through = filters.whole_number(str(form.get("through", "")), site.broadcast.last)
    if through is None:
        raise BadArgument("through: is the position of a record of this log")
    if session is not None:
        await site.seen.note_all(session.user_id, through)
    if "hx-request" in request.headers:
        return page(request, "today.html", glance=await glanced(request))
    return Redirect("/", status_code=303)


async def note_seen(request: Request[Any, Any, Any], event_id: int) -> None:
    """Note that this user looks at an event now."""
    site, session = site_of(request), visitor_of(request).session
    if session is None or session.role == "kiosk":
        return
    before = await site.seen.of_user(session.user_id)
    news = await site.pages.run(lambda c: glance.news_of(c, event_id))
    if news > max(before.through, before.events.get(event_id, 0)):
        site.seen.note(Mark(session.user_id, event_id, news, site.now_s))


async def glanced(request: Request[Any, Any, Any]) -> Glance:
    """What the part shows to this visitor."""
    site, session = site_of(request), visitor_of(request).session
    may_mark = session is not None and session.role != "kiosk"
    marks = Seen() if session is None else await site.seen.of_user(session.user_id)
    now = site.now
    day = local(now, site.zone).date()
    begin, end = day_bounds(day, site.zone)

    def look(connection: sqlite3.Connection) -> tuple[Today, Waiting, Any, dict[str, str]]:
        found = glance.today(connection, begin, end)
        waits = Waiting()
        if may_mark:
            waits = glance.waiting(connection, now, marks.through, marks.events)
        shown = queries.events_by_id(connection, waits.ids[:SHOWN_MAX])
        named = [event["person_name"] for event in shown]
        named += [] if found.opening is None else [found.opening["person"]]
        return found, waits, shown, isolated(queries.names_to_show(connection, named))

    found, waits, shown, names = await site.pages.run(look)
    made = [
        (cards.card(event, names, site.zone), _moment(site, event["listed_at"])) for event in shown
    ]
    return Glance(
        doors=[_door(site, one) for one in found.doors],
        opening=None if found.opening is None else _opening(site, found.opening, names),
        counts=_counts(found.counts, day.isoformat()),
        first=made[:FIRST],
        others=made[FIRST:],
        waiting=len(waits.ids),
        older=len(waits.ids) - len(made),
        more=len(waits.ids) == glance.WAITING_MAX,
        through=waits.through,
        may_mark=may_mark,
    )


def _counts(counts: dict[str, int], day: str) -> list[tuple[str, int, str]]:
    """Each figure in words, with the address of the list that it counts."""
    words = (
        ("rings", "ring", "rings", {"type": "ding"}),
        ("strangers", "stranger", "strangers", {"stranger": "1"}),
        ("refused", "refused", "refused", {"outcome": "refused"}),
    )
    return [
        (one if counts[key] == 1 else many, counts[key], filters.address("/", query, day=day))
        for key, one, many, query in words
    ]


def _door(site: Site, door: DoorNow) -> DoorShown:
    words = [
        _DOOR_WORDS.get(door.door, door.door) if door.door else "",
        _BOLT_WORDS.get(door.bolt, f"lock {door.bolt}") if door.bolt else "",
    ]
    text = ", ".join(filter(None, words))
    is_open = door.door == "open" or door.bolt in {"unlocked", "unlatched"}
    since = max(at for at in (door.door_at, door.bolt_at) if at is not None)
    return DoorShown(
        door_id=door.door_id,
        words=f"{text[:1].upper()}{text[1:]}",
        tone="refused" if is_open else "granted",
        since=_moment(site, since),
        late=door.late,
    )


def _opening(site: Site, action: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    person = action["person"]
    return {
        "who": names.get(person, person) if person is not None else "",
        "by": action["actor"] or action["credential_kind"] or "",
        "event_id": action["event_id"],
        "when": _moment(site, action["listed_at"]),
        "late": action["late"],
    }


def _moment(site: Site, text: str) -> Moment:
    at = instant(text)
    here, today = local(at, site.zone), local(site.now, site.zone).date()
    short = clock(at, site.zone)
    if here.date() != today:
        short = f"{here.day} {here:%b}, {short}"
    return Moment(with_offset(text), exact(at, site.zone), short)
