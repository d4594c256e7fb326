"""The page People: who comes, how often and when, and the form for display names.

Each person's hours and weekdays are the door's. Strangers are one entry. A name that is given is
a fact like any other: PersonNamed is appended.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from litestar import Request, Response, get, post
from litestar.response import Redirect

from eventlog.dashboard import persons_by_id, queries
from eventlog.dashboard.local_time import exact, instant, with_offset
from eventlog.dashboard.names import isolated
from eventlog.dashboard.pages import heatmap as heatmaps
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.queries import Visits
from eventlog.dashboard.site import Site, site_of, visitor_of
from eventlog.facts import PersonNamed

PAGE: Final = 20


class Entries(NamedTuple):
    """A page of persons, the strangers as one entry, and the id that the next page is after."""

    persons: list[Visits]
    strangers: Visits
    ids: dict[str, int]
    names: dict[str, str]
    following: int | None


@get("/people")
async def people(request: Request[Any, Any, Any]) -> Response[str]:
    """The page; `after` is the id of the person that the page before it ended with."""
    site = site_of(request)
    named = await persons_by_id.asked(request, "after")
    after = "" if named is None else named.name
    found = await site.figures.run(lambda connection: _entries(connection, site, after))
    return page(
        request,
        "people.html",
        persons=[
            {**_shown(visits, found.names, site), "id": found.ids[str(visits.name)]}
            for visits in found.persons
        ],
        strangers=None if after else _shown(found.strangers, found.names, site),
        following=found.following,
        heat_days=queries.HEAT_DAYS,
    )


@post("/people/name")
async def name(request: Request[Any, Any, Any]) -> Redirect:
    """Give a person a name to show; an empty one takes it away."""
    site = site_of(request)
    form = await request.form()
    shown = str(form.get("display_name", "")).strip()
    fact = PersonNamed(name=str(form.get("name", "")), display_name=shown or None)
    receipt = await site.store.append(fact, writer=visitor_of(request).author("people"))
    await site.wait_for_views(receipt.positions[-1], 2.0)
    return Redirect("/people", status_code=303)


def _entries(connection: sqlite3.Connection, site: Site, after: str) -> Entries:
    now, door = site.now, site.zone
    named = queries.persons_after(connection, after, PAGE + 1)
    visits = [
        queries.visits_of(connection, person, shown, now=now, door=door)
        for _, person, shown in named[:PAGE]
    ]
    ids = {person: number for number, person, _ in named[:PAGE]}
    names = queries.names_to_show(connection, ids)
    strangers = queries.visits_of(connection, None, None, now=now, door=door)
    following = named[PAGE - 1][0] if len(named) > PAGE else None
    return Entries(visits, strangers, ids, names, following)


def _shown(visits: Visits, names: Mapping[str, str], site: Site) -> dict[str, Any]:
    """An entry as the template wants it."""
    label = "Strangers" if visits.name is None else isolated(names)[visits.name]
    seen = visits.last_seen
    return {
        "name": visits.name,
        "display_name": visits.display_name,
        "label": label,
        "visits": visits.visits,
        "last_seen": None if seen is None else with_offset(seen),
        "last_seen_exact": None if seen is None else exact(instant(seen), site.zone),
        "heat": heatmaps.svg(visits.heat, f"Visits of {label} by weekday and hour"),
        "summary": heatmaps.summary(visits.heat),
    }
