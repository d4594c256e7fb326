"""`eventlog doors`: doors and locks at any time, and how long each door was open."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from cyclopts import Parameter
from rich.table import Table

from eventlog.cli import view_state as views
from eventlog.cli.context import Context
from eventlog.cli.options import LIMIT, AsJson, AtDesk
from eventlog.cli.safe_text import safe
from eventlog.projections import doors as door_view
from eventlog.projections import locks as lock_view
from eventlog.projections import means, openings
from eventlog.projections.doors import DOORS
from eventlog.projections.event_list import Query
from eventlog.projections.events import EVENTS
from eventlog.projections.locks import LOCKS
from eventlog.projections.persons import PERSONS
from eventlog.projections.unlock_actions import UNLOCK_ACTIONS
from eventlog.store.late_facts import mark_late

At = Annotated[
    str | None,
    Parameter(name="--at", help="Show them as they were at this time: 2026-02-25T10:30, 2h ago."),
]
Limit = Annotated[
    int, Parameter(alias="-n", validator=LIMIT, help="How many openings at most. [20]")
]


def doors(*, at: At = None, limit: Limit = 20, as_json: AsJson = False, context: AtDesk) -> int:
    """Show each door and lock, and the last openings with who opened."""
    moment = context.moment("--at", at)
    with context.reading() as connection:
        views.remark(context, connection, (DOORS, LOCKS, UNLOCK_ACTIONS, EVENTS, PERSONS))
        names = views.labels(context, views.shown_names(connection))
        states = [
            *_rows(connection, "door", door_view.COLUMNS, door_view.listed(moment)),
            *_rows(connection, "lock", lock_view.COLUMNS, lock_view.listed(moment)),
        ]
        opened = _openings(connection, limit, names, moment)
        rows = [*states, *opened]
        mark_late(connection, rows)
    if as_json:
        for row in rows:
            context.json(row)
        return 0
    if not (states or opened):
        context.note("no door and no lock has reported yet")
    if states:
        _print_states(context, states)
    if states and opened:
        context.say()
    if opened:
        _print_openings(context, opened)
    return 0


def _rows(
    connection: sqlite3.Connection, what: str, columns: Sequence[str], query: Query
) -> list[dict[str, Any]]:
    return [
        {"what": what, **dict(zip(columns, row, strict=True))} for row in connection.execute(*query)
    ]


def _openings(
    connection: sqlite3.Connection, limit: int, names: Mapping[str, str], until: datetime | None
) -> list[dict[str, Any]]:
    """What opened: the locks' operations and the doors themselves, the newest first."""
    found = [
        *_rows(connection, "unlock", openings.UNLOCK_COLUMNS, openings.unlocks(limit, until)),
        *_rows(connection, "opening", openings.COLUMNS, openings.latest(limit, until)),
    ]
    for row in found:
        row["text"] = unlocked(row, names) if row["what"] == "unlock" else stood_open(row)
        row["event_id"] = row.get("visit", row["event_id"])
    return sorted(found, key=lambda row: (row["at_us"], row["id"]), reverse=True)[:limit]


def unlocked(row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """An action that opened a lock, in words."""
    person = row["person"]
    who = None if person is None else names.get(person, person)
    slot = row["credential_slot"]
    return means.opened(who, row["effect"], row["actor"], row["credential_kind"], slot)


def stood_open(row: Mapping[str, Any]) -> str:
    """How long a door was open, in words."""
    return means.stood_open(row["at_us"], row["closed_us"], row["closed_state"])


def _print_states(context: Context, rows: Sequence[Mapping[str, Any]]) -> None:
    table = _table("WHAT", "NAME", "STATE", "SINCE", "BY")
    for row in rows:
        state = means.state(row["state"])
        since = _time(context, row["at"])
        by = ", ".join(filter(None, (row["source"], row["late"])))
        table.add_row(row["what"], safe(row["door_id"]), state, since, safe(by))
    context.draw(table)


def _print_openings(context: Context, rows: Sequence[Mapping[str, Any]]) -> None:
    table = _table("TIME", "DOOR", "WHAT", "EVENT")
    for row in rows:
        at = row["at"] if row["what"] == "opening" else row["listed_at"]
        event = "" if row["event_id"] is None else str(row["event_id"])
        door = safe(row["door_id"] or "")
        text = row["text"] if row["late"] is None else f"{row['text']} ({row['late']})"
        table.add_row(_time(context, at), door, safe(text), event)
    context.draw(table)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _time(context: Context, text: str) -> str:
    return context.time_text(datetime.fromisoformat(text).replace(tzinfo=UTC))
