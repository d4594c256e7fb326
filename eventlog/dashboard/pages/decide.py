"""The page that decides visits again: what would have happened with another tolerance."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

from litestar import Request, Response, get

from eventlog.dashboard import filters, queries
from eventlog.dashboard.local_time import exact, instant, with_offset
from eventlog.dashboard.names import isolated
from eventlog.dashboard.one_event import off_the_loop
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import site_of
from eventlog.decision import what_if
from eventlog.errors import BadArgument
from eventlog.maintenance import face_history

TOLERANCE: Final = 0.5
VISITS: Final = 2_000
CHANGES_SHOWN: Final = 200


@get("/decide")
async def decide(request: Request[Any, Any, Any]) -> Response[str]:
    """The page; `tolerance` is the largest distance that would open."""
    site = site_of(request)
    tolerance = _tolerance(filters.require_text(request.query_params, "tolerance"))
    history = await site.figures.run(lambda c: face_history.history(c, limit=VISITS))
    answer = await off_the_loop(lambda: what_if.what_if(what_if.visits_of(*history), tolerance))
    shown = answer.changes[:CHANGES_SHOWN]

    def named(connection: sqlite3.Connection) -> dict[str, str]:
        return queries.names_to_show(connection, [change.person for change in shown])

    names = isolated(await site.figures.run(named))
    return page(
        request,
        "decide.html",
        answer=answer,
        most=VISITS,
        changes=[
            {
                "event_id": change.event_id,
                "at": with_offset(change.at),
                "exact": exact(instant(change.at), site.zone),
                "was": change.was,
                "would": change.would,
                "who": "a stranger" if change.person is None else names[change.person],
                "distance": change.distance,
                "trial": change.trial,
            }
            for change in shown
        ],
    )


def _tolerance(text: str | None) -> float:
    if text is None:
        return TOLERANCE
    try:
        return what_if.require_tolerance(float(text))
    except ValueError as error:
        raise BadArgument("tolerance: is a number, usually near 0.5") from error
