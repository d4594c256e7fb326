"""The calendar of the filter: one month of the door's days, with a dot where something happened.

A second kind of dot marks days with a stranger or a refused try. Each day is a few steps into
indexes, so that a month costs the same however long the history is. The months go from that of the
first event to the present one.
"""

from __future__ import annotations

import sqlite3
from calendar import Calendar
from datetime import date, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from litestar import Request
from msgspec import Struct

from eventlog.dashboard import filters
from eventlog.dashboard.local_time import day_bounds, instant, local
from eventlog.dashboard.site import site_of
from eventlog.errors import BadArgument
from eventlog.projections import events
from eventlog.projections.times import canonical

_WITHIN: Final = "EXISTS (SELECT 1 FROM events WHERE {term} AND listed_at >= ?1 AND listed_at < ?2)"
DOTS: Final = (
    f"SELECT {_WITHIN.format(term='1')},"
    f" {_WITHIN.format(term=events.STRANGER)} OR {_WITHIN.format(term=events.REFUSED)}"
)
FIRST: Final = "SELECT min(listed_at) FROM events"
_WEEK: Final = Calendar()  # Monday first


class Cell(Struct, frozen=True, kw_only=True):
    """A day: its number, the address of its list, and what its dot means; '' for no dot."""

    number: int
    title: str
    href: str
    dot: str
    is_asked: bool
    is_today: bool


class Month(Struct, frozen=True, kw_only=True):
    """A month in weeks; None is a day of another month.

    The addresses lead to the month before and the one after; None where nothing can be.
    """

    title: str
    weeks: list[list[Cell | None]]
    earlier: str | None
    later: str | None
    is_asked: bool


async def month(request: Request[Any, Any, Any], query: dict[str, str]) -> Month:
    """The month that a page asks for, else that of the day, else this one. Raises BadArgument.

    One before the first event, or after today, is answered by the nearest that may hold events.
    """
    site = site_of(request)
    today = local(site.now, site.zone).date()
    asked_day = filters.day(query)
    named = request.query_params.get("month", "")
    first = _first(named) if named else (asked_day or today).replace(day=1)
    latest = today.replace(day=1)
    earliest = min(latest, await site.pages.run(lambda c: _earliest(c, site.zone, latest)))
    first = min(max(first, earliest), latest)
    weeks = _WEEK.monthdatescalendar(first.year, first.month)
    days = [day for week in weeks for day in week if day.month == first.month]
    dots = await site.pages.run(lambda connection: _dots(connection, days, site.zone))
    others = {key: value for key, value in query.items() if key not in {"day", "from", "to"}}

    def cell(day: date) -> Cell | None:
        if day.month != first.month:
            return None
        return Cell(
            number=day.day,
            title=f"{day:%A}, {day.day} {day:%B}",
            href=filters.address("/", others, day=day.isoformat()),
            dot=dots[day],
            is_asked=day == asked_day,
            is_today=day == today,
        )

    after = (first + timedelta(days=32)).replace(day=1)
    before = (first - timedelta(days=1)).replace(day=1)
    return Month(
        title=f"{first:%B} {first.year}",
        weeks=[[cell(day) for day in week] for week in weeks],
        earlier=filters.address("/", query, month=f"{before:%Y-%m}") if first > earliest else None,
        later=filters.address("/", query, month=f"{after:%Y-%m}") if first < latest else None,
        is_asked=bool(named),
    )


def _earliest(connection: sqlite3.Connection, door: ZoneInfo, without: date) -> date:
    """The month of the first event, at the door; `without` if there is none."""
    (at,) = connection.execute(FIRST).fetchone()
    return without if at is None else local(instant(at), door).date().replace(day=1)


def _first(text: str) -> date:
    try:
        return date.fromisoformat(f"{text}-01")
    except ValueError as error:
        raise BadArgument("month: is not a month such as 2026-02") from error


def _dots(connection: sqlite3.Connection, days: list[date], door: ZoneInfo) -> dict[date, str]:
    """What each day's dot means."""
    found: dict[date, str] = {}
    for day in days:
        begin, end = day_bounds(day, door)
        some, alarming = connection.execute(DOTS, (canonical(begin), canonical(end))).fetchone()
        found[day] = "strangers or refused tries" if alarming else "events" if some else ""
    return found
