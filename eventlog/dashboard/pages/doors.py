"""The page Doors and devices: each door and lock, now or at any time, and what opened them.

Also the codes and users that locks know, with the form that says whose they are, and what each
device last said. A link is a fact like any other: IdentityLinked is appended.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from litestar import Request, Response, get, post
from litestar.response import Redirect

from eventlog.dashboard import filters, queries
from eventlog.dashboard.door_queries import Slot, rows, slots_of
from eventlog.dashboard.local_time import exact, instant, local, with_offset
from eventlog.dashboard.names import isolated
from eventlog.dashboard.one_event import writer_words
from eventlog.dashboard.pages.health_devices import known_devices, silent_sources
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import Site, site_of, visitor_of
from eventlog.errors import BadArgument
from eventlog.facts import IdentityLinked
from eventlog.projections import (
    credentials,
    doors,
    identities,
    locks,
    means,
    openings,
)
from eventlog.projections.late import Words
from eventlog.store.late_facts import mark_late

OPENINGS: Final = 40
_WAIT_S: Final = 2.0
_KNOWN: Final = "SELECT name FROM persons WHERE name = ?"


@get("/doors")
async def doors_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The page; `at` is a local time at the door."""
    site = site_of(request)
    text = filters.require_text(request.query_params, "at") or ""
    at = moment(text, site) if text else None
    writers = await writer_words(site)
    found = await site.figures.run(lambda connection: _found(connection, site, at, writers))
    return page(request, "doors.html", at=text, now=_local_text(site), **found)


@post("/identities")
async def link(request: Request[Any, Any, Any]) -> Redirect:
    """Say whose a slot or a user of a lock is, or that two names are one person; or undo it."""
    site = site_of(request)
    form = await request.form()

    def text(name: str) -> str | None:
        return str(form.get(name, "")).strip() or None

    fact = IdentityLinked(
        person=text("person") or "",
        linked=form.get("linked", "1") == "1",
        source=text("source"),
        identity=text("identity"),
        same_as=text("same_as"),
    )
    known = await site.pages.run(
        lambda c: [name for (name,) in c.execute(_KNOWN, (text("person") or "",))]
    )
    first = identities.people_first(fact, known) if fact.linked else []
    receipt = await site.store.append(*first, fact, writer=visitor_of(request).author("identities"))
    await site.wait_for_views(receipt.positions[-1], _WAIT_S)
    person = filters.whole_number(text("back") or "")
    return Redirect("/doors" if person is None else f"/people/{person}", status_code=303)


def moment(text: str, site: Site) -> datetime:
    """A time as a form sends it, at the door unless it has an offset. Raises BadArgument."""
    try:
        found = datetime.fromisoformat(text)
        return found.replace(tzinfo=found.tzinfo or site.zone)
    except ValueError as error:
        raise BadArgument("at: is not a valid time; one is 2026-02-25T10:30") from error


def _local_text(site: Site) -> str:
    return f"{local(site.now, site.zone):%Y-%m-%dT%H:%M}"


def _found(
    connection: sqlite3.Connection, site: Site, at: datetime | None, writers: Words
) -> dict[str, Any]:
    def when(text: str) -> dict[str, str]:
        return {"at": with_offset(text), "exact": exact(instant(text), site.zone)}

    states = [
        {**row, "what": what, "words": means.state(row["state"]).capitalize(), **when(row["at"])}
        for what, view in (("Door", doors), ("Lock", locks))
        for row in rows(connection, view.COLUMNS, view.listed(at))
    ]
    unlocked = rows(connection, openings.UNLOCK_COLUMNS, openings.unlocks(OPENINGS, at))
    slots = slots_of(connection)
    shown = rows(connection, credentials.COLUMNS, credentials.latest(OPENINGS))
    people = [row["person"] for row in (*unlocked, *shown)] + [slot.person for slot in slots]
    names = queries.names_to_show(connection, people)
    labels = isolated(names)
    opened = [
        *({**row, **when(row["listed_at"]), "text": _unlocked(row, labels)} for row in unlocked),
        *(
            {**row, "visit": row["event_id"], **when(row["at"]), "text": _stood_open(row)}
            for row in rows(connection, openings.COLUMNS, openings.latest(OPENINGS, at))
        ),
    ]
    opened.sort(key=lambda row: (row["at_us"], row["id"]), reverse=True)
    opened = opened[:OPENINGS]
    refused = [{**row, **when(row["at"]), "text": _shown(row, labels)} for row in shown]
    listed = [*states, *opened, *refused]
    mark_late(connection, listed, writers)
    return {
        "states": states,
        "openings": opened,
        "slots": [_slot(slot, names, when) for slot in slots],
        "refused": refused,
        "devices": known_devices(connection, site.zone, writers),
        "silent": silent_sources(connection, site.zone),
    }


def _unlocked(row: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    who = None if row["person"] is None else labels.get(row["person"], row["person"])
    slot = row["credential_slot"]
    return means.opened(who, row["effect"], row["actor"], row["credential_kind"], slot)


def _stood_open(row: Mapping[str, Any]) -> str:
    return means.stood_open(row["at_us"], row["closed_us"], row["closed_state"])


def _shown(row: Mapping[str, Any], labels: Mapping[str, str]) -> str:
    who = "" if row["person"] is None else f" of {labels.get(row['person'], row['person'])}"
    slot = "" if row["credential_slot"] is None else f" of slot {row['credential_slot']}"
    why = "" if row["reason"] is None else f": {row['reason'].replace('_', ' ')}"
    what = means.a_credential(row["credential_kind"])
    return f"{what[:1].upper()}{what[1:]}{slot}{who} was shown and opened nothing{why}"


def _slot(slot: Slot, names: Mapping[str, str], when: Any) -> dict[str, Any]:  # noqa: ANN401 - a local function
    return {
        "source": slot.source,
        "identity": slot.identity,
        "words": slot.words,
        "person": slot.person,
        "shown": None if slot.person is None else names.get(slot.person, slot.person),
        "count": slot.count,
        **when(slot.last),
    }
