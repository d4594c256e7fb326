"""The endpoints about doors, locks and devices: what the page shows, for programs."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from litestar import Request, get
from msgspec import Struct

from eventlog.dashboard import filters
from eventlog.dashboard.door_queries import rows
from eventlog.dashboard.local_time import with_offset
from eventlog.dashboard.one_event import writer_words
from eventlog.dashboard.site import site_of
from eventlog.facts import FIRST_START
from eventlog.projections import devices, doors, locks, openings, silences
from eventlog.projections.event_list import Query
from eventlog.store.late_facts import mark_late

LIMIT: Final = 200


class State(Struct, frozen=True, kw_only=True):
    """A door or a lock: its state since `at`, as `source` reported it.

    `late` says when that was added and by whom, where it was long after `at`; else null.
    """

    door_id: str
    state: str
    source: str | None
    at: str
    late: str | None


class Opening(Struct, frozen=True, kw_only=True):
    """A door that was open from `at` to `closed_at`, null while it is.

    `unlock_id` and `event_id` are joined by time; null if there is none near it. `late` is that of
    the report that begins it, or else of the one that ends it.
    """

    id: str
    door_id: str
    state: str
    at: str
    closed_at: str | None
    unlock_id: str | None
    event_id: str | None
    late: str | None


class Doors(Struct, frozen=True, kw_only=True):
    """Doors and locks, now or at the time that was asked for, and the newest openings of doors."""

    doors: list[State]
    locks: list[State]
    openings: list[Opening]


class DeviceReport(Struct, frozen=True, kw_only=True):
    """What a device last said of its connection, battery or alarms; `value` may be a charge.

    `late` says how long after that time it was added, and by whom; null if it came at its time.
    """

    device_id: str
    what: str
    state: str
    value: float | None
    at: str
    late: str | None


class Silence(Struct, frozen=True, kw_only=True):
    """A source from which nothing comes since then, and why."""

    source: str
    since: str
    reason: str


class Devices(Struct, frozen=True, kw_only=True):
    """The devices with their last reports, and the sources that are silent."""

    devices: list[DeviceReport]
    silent: list[Silence]


@get("/api/doors")
async def doors_api(request: Request[Any, Any, Any]) -> Doors:
    """Each door and lock, now or at a time, and the newest openings."""
    at = filters.moment(request.query_params, "at")
    limit = filters.limit(request.query_params)

    site = site_of(request)
    writers = await writer_words(site)

    def read(
        connection: sqlite3.Connection, columns: Sequence[str], query: Query
    ) -> list[dict[str, Any]]:
        found = rows(connection, columns, query)
        mark_late(connection, found, writers)
        return found

    def found(connection: sqlite3.Connection) -> Doors:
        return Doors(
            doors=[_state(row) for row in read(connection, doors.COLUMNS, doors.listed(at))],
            locks=[_state(row) for row in read(connection, locks.COLUMNS, locks.listed(at))],
            openings=[
                _opening(row) for row in read(connection, openings.COLUMNS, openings.latest(limit))
            ],
        )

    return await site.figures.run(found)


@get("/api/devices")
async def devices_api(request: Request[Any, Any, Any]) -> Devices:
    """Batteries, the last sign of life, and what is silent since when."""
    site = site_of(request)
    writers = await writer_words(site)

    def found(connection: sqlite3.Connection) -> Devices:
        reports = rows(connection, devices.COLUMNS, devices.listed())
        mark_late(connection, reports, writers)
        silent = rows(connection, silences.COLUMNS, silences.latest(LIMIT))
        return Devices(
            devices=[
                DeviceReport(
                    device_id=row["device_id"],
                    what=row["what"],
                    state=row["state"],
                    value=row["value"],
                    at=with_offset(row["at"]),
                    late=row["late"],
                )
                for row in reports
            ],
            silent=[
                Silence(source=row["source"], since=with_offset(row["since"]), reason=row["reason"])
                for row in silent
                if row["until"] is None and row["reason"] != FIRST_START
            ],
        )

    return await site.figures.run(found)


def _state(row: Mapping[str, Any]) -> State:
    return State(
        door_id=row["door_id"],
        state=row["state"],
        source=row["source"],
        at=with_offset(row["at"]),
        late=row["late"],
    )


def _opening(row: Mapping[str, Any]) -> Opening:
    return Opening(
        id=str(row["id"]),
        door_id=row["door_id"],
        state=row["state"],
        at=with_offset(row["at"]),
        closed_at=None if row["closed_at"] is None else with_offset(row["closed_at"]),
        unlock_id=None if row["unlock_id"] is None else str(row["unlock_id"]),
        event_id=None if row["event_id"] is None else str(row["event_id"]),
        late=row["late"],
    )
