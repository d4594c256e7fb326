"""The page Unlocks: every time the lock was asked to act; also as CSV and JSON.

The exports hold whatever the filter shows, all of it, a batch at a time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, Final, TypeAlias

from litestar import Request, Response, get
from litestar.response import Stream

from eventlog.dashboard import exports, filters, queries
from eventlog.dashboard.api import conversion, responses
from eventlog.dashboard.api.endpoints import may_continue
from eventlog.dashboard.listing import Asked, unlocks_asked
from eventlog.dashboard.local_time import exact, instant, with_offset
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import Site, site_of, visitor_of
from eventlog.projections.event_list import Before
from eventlog.projections.unlock_actions import UnlockFilter
from eventlog.store.late_marks import late_unlocks

Batches: TypeAlias = AsyncIterator[list[responses.Unlock]]

EXPORT_BATCH: Final = 1_000
CSV_COLUMNS: Final = tuple(responses.Unlock.__struct_fields__)


@get("/unlocks")
async def unlocks(request: Request[Any, Any, Any]) -> Response[str]:
    """The page."""
    site = site_of(request)
    asked = await unlocks_asked(request)
    choices = await site.pages.run(queries.choices)
    return page(
        request,
        "unlocks.html",
        query=asked.fields,
        filtered=filters.in_words(asked.query, dict(choices.persons)),
        choices=choices,
        csv=filters.address("/unlocks.csv", asked.query),
        json=filters.address("/unlocks.json", asked.query),
        today=instant_day(site),
        newest=filters.address("/unlocks", asked.query) if asked.before else None,
        **await _rows(site, asked, asked.before),
    )


@get("/unlocks/more")
async def more(request: Request[Any, Any, Any]) -> Response[str]:
    """The rows that follow a cursor, and where to go on."""
    asked = await unlocks_asked(request)
    rows = await _rows(site_of(request), asked, asked.before)
    return page(request, "unlock_rows.html", **rows)


@get("/unlocks.csv")
async def as_csv(request: Request[Any, Any, Any]) -> Stream:
    """Whatever the filter shows, as CSV."""
    site = site_of(request)
    rows = await _begun(request, site)
    return exports.csv_file(_lines(rows), CSV_COLUMNS, "unlocks")


@get("/unlocks.json")
async def as_json(request: Request[Any, Any, Any]) -> Stream:
    """Whatever the filter shows, as a JSON array."""
    site = site_of(request)
    rows = await _begun(request, site)
    return exports.json_file(rows, "unlocks")


async def _begun(request: Request[Any, Any, Any], site: Site) -> Batches:
    visitor = visitor_of(request)
    found = _all(site, (await unlocks_asked(request)).wanted)
    return await exports.begun(found, lambda: may_continue(site, visitor))


def instant_day(site: Site) -> str:
    """Today at the door, as a date field has it."""
    return site.now.astimezone(site.zone).date().isoformat()


async def _rows(site: Site, asked: Asked[UnlockFilter], before: Before | None) -> dict[str, Any]:
    found = await site.pages.unlocks(asked.wanted, before=before, limit=asked.limit)
    persons = [row["person"] for row in found]
    names, late = await site.pages.run(
        lambda c: (queries.names_to_show(c, persons), late_unlocks(c, found))
    )
    rows = [
        {
            **row,
            "at": with_offset(row["listed_at"]),
            "exact": exact(instant(row["listed_at"]), site.zone),
            "late": row["id"] in late,
            "shown": names.get(row["person"], row["person"]),
        }
        for row in found
    ]
    return {
        "rows": rows,
        "next": asked.more("/unlocks/more", found),
        "next_page": asked.more("/unlocks", found),
    }


async def _lines(batches: Batches) -> AsyncIterator[list[list[Any]]]:
    async for batch in batches:
        yield [[getattr(row, column) for column in CSV_COLUMNS] for row in batch]


async def _all(site: Site, wanted: UnlockFilter) -> Batches:
    before: Before | None = None
    while True:
        found = await site.figures.unlocks(wanted, before=before, limit=EXPORT_BATCH)
        yield [conversion.unlock(row) for row in found]
        if len(found) < EXPORT_BATCH:
            return
        before = (found[-1]["listed_at"], found[-1]["id"])
