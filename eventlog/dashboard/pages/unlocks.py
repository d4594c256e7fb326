"""The page Unlocks: every time the lock was asked to act; also as CSV and JSON.

The exports hold whatever the filter shows, all of it, a batch at a time.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from typing import Any, Final, TypeAlias

import msgspec
from litestar import Request, Response, get
from litestar.response import Stream

from eventlog.dashboard import filters, queries
from eventlog.dashboard.api import responses
from eventlog.dashboard.listing import Asked, unlocks_asked
from eventlog.dashboard.local_time import exact, instant, with_offset
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import Site, site_of
from eventlog.projections.event_list import Before
from eventlog.projections.unlock_actions import UnlockFilter

Batches: TypeAlias = AsyncIterator[list[responses.Unlock]]

EXPORT_BATCH: Final = 1_000
CSV_COLUMNS: Final = tuple(responses.Unlock.__struct_fields__)
# What a spreadsheet would take for a formula: at the beginning of a cell, and of what some
# spreadsheets take for the next one, whatever blank characters come before it.
_FORMULA: Final = re.compile(
    r"(^|[;\t\r\n,|])([\s\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202f\u205f-\u206f"
    r"\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\x00-\x1f\x7f\"']*)(?=[=+\-@\uff1d\uff0b\uff0d\uff20\u2212\ufe62\ufe63\ufe66\ufe6b])"
)
_BREAK: Final = ("\t", "\r", "\n")


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
    headers = {"content-disposition": 'attachment; filename="unlocks.csv"'}
    rows = await _begun(_all(site, (await unlocks_asked(request)).wanted))
    return Stream(_csv(rows), media_type="text/csv; charset=utf-8", headers=headers)


@get("/unlocks.json")
async def as_json(request: Request[Any, Any, Any]) -> Stream:
    """Whatever the filter shows, as a JSON array."""
    site = site_of(request)
    headers = {"content-disposition": 'attachment; filename="unlocks.json"'}
    rows = await _begun(_all(site, (await unlocks_asked(request)).wanted))
    return Stream(_json(rows), media_type="application/json", headers=headers)


def instant_day(site: Site) -> str:
    """Today at the door, as a date field has it."""
    return site.now.astimezone(site.zone).date().isoformat()


async def _rows(site: Site, asked: Asked[UnlockFilter], before: Before | None) -> dict[str, Any]:
    found = await site.pages.unlocks(asked.wanted, before=before, limit=asked.limit)
    persons = [row["person"] for row in found]
    events = [row["event_id"] for row in found]
    names, late = await site.pages.run(
        lambda c: (queries.names_to_show(c, persons), queries.late_unlocks(c, events))
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


async def _all(site: Site, wanted: UnlockFilter) -> Batches:
    before: Before | None = None
    while True:
        found = await site.figures.unlocks(wanted, before=before, limit=EXPORT_BATCH)
        yield [responses.unlock(row) for row in found]
        if len(found) < EXPORT_BATCH:
            return
        before = (found[-1]["listed_at"], found[-1]["id"])


async def _begun(batches: Batches) -> Batches:
    """These batches, the first one read by now, so that its failure gets its own status."""
    first = await anext(batches)

    async def all_of_them() -> Batches:
        yield first
        async for batch in batches:
            yield batch

    return all_of_them()


async def _csv(batches: Batches) -> AsyncIterator[bytes]:
    # The mark says to spreadsheets that it is UTF-8.
    yield "\ufeff".encode() + csv_lines([list(CSV_COLUMNS)])
    async for batch in batches:
        yield csv_lines([[getattr(row, column) for column in CSV_COLUMNS] for row in batch])


async def _json(batches: Batches) -> AsyncIterator[bytes]:
    lead = b"[\n"
    async for batch in batches:
        for row in batch:
            yield lead + msgspec.json.encode(row)
            lead = b",\n"
    yield b"[]\n" if lead == b"[\n" else b"\n]\n"


def csv_lines(rows: list[list[Any]]) -> bytes:
    """Rows as CSV; a text that a spreadsheet would run as a formula has an apostrophe before it."""
    sheet = io.StringIO()
    csv.writer(sheet, quoting=csv.QUOTE_MINIMAL).writerows(
        [_cell(value) for value in row] for row in rows
    )
    return sheet.getvalue().encode()


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, str):
        guarded = _FORMULA.sub(r"\1'\2", value)
        return f"'{guarded}" if guarded.startswith(_BREAK) else guarded
    return value
