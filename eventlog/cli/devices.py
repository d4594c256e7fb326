"""`eventlog devices`: batteries, the last sign of life, and what is silent since when."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from rich.table import Table

from eventlog.cli import view_state as views
from eventlog.cli.context import Context
from eventlog.cli.options import AsJson, AtDesk
from eventlog.cli.safe_text import safe
from eventlog.projections import clocks, means, parts, silences, unclean_stops
from eventlog.projections import devices as device_view
from eventlog.projections.devices import DEVICES
from eventlog.projections.events import EVENTS
from eventlog.projections.parts import PARTS
from eventlog.projections.silences import SILENCES
from eventlog.projections.unclean_stops import UNCLEAN_STOPS
from eventlog.store.late_facts import mark_late

GAPS: Final = 20
_DOUBTFUL: Final = (
    "SELECT id, recorded_at, listed_at, clock FROM events WHERE clock IS NOT NULL"
    " ORDER BY listed_at DESC LIMIT ?"
)


def devices(*, as_json: AsJson = False, context: AtDesk) -> int:
    """Show what each device last reported, silent sources, gaps and wrong clocks."""
    with context.reading() as connection:
        views.remark(context, connection, (DEVICES, SILENCES, PARTS, UNCLEAN_STOPS, EVENTS))
        found = _found(connection)
    if as_json:
        for row in found:
            context.json(row)
        return 0
    if not found:
        context.note("no device has reported yet, and nothing was silent")
        return 0
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("WHAT", "NAME", "STATE", "SINCE"):
        table.add_column(column, overflow="fold")
    for row in found:
        table.add_row(*(safe(cell) for cell in _cells(context, row)))
    context.draw(table)
    return 0


def _found(connection: sqlite3.Connection) -> list[dict[str, Any]]:
    """Devices, then silences, parts that stopped, unclean stops and times in doubt."""
    doubtful = connection.execute(_DOUBTFUL, (GAPS,))
    reports = _rows("device", device_view.COLUMNS, connection.execute(*device_view.listed()))
    mark_late(connection, reports)
    return [
        *reports,
        *_rows("silence", silences.COLUMNS, connection.execute(*silences.latest(GAPS))),
        *_rows("part", parts.COLUMNS, connection.execute(*parts.listed())),
        *_rows("stop", unclean_stops.COLUMNS, connection.execute(*unclean_stops.latest(GAPS))),
        *_rows("clock", ("event_id", "recorded_at", "listed_at", "clock"), doubtful),
    ]


def _rows(
    what: str, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]
) -> list[dict[str, Any]]:
    return [{"of": what, **dict(zip(columns, row, strict=True))} for row in rows]


def _cells(context: Context, row: Mapping[str, Any]) -> tuple[str, str, str, str]:
    def time(text: str) -> str:
        return context.time_text(datetime.fromisoformat(text).replace(tzinfo=UTC))

    if row["of"] == "device":
        state = means.device_state(row["what"], row["state"], row["value"])
        state += f" ({row['late']})" if row["late"] else ""
        return ("device", row["device_id"], state, time(row["at"]))
    if row["of"] == "silence":
        until = "silent" if row["until"] is None else f"silent until {time(row['until'])}"
        return ("source", row["source"], f"{until}: {row['reason']}", time(row["since"]))
    if row["of"] == "part":
        error = f": {row['error']}" if row["error"] else ""
        return ("part", row["part"], f"{row['state']}{error}", time(row["since"]))
    if row["of"] == "stop":
        return ("recorder", "", "had not been closed", time(row["found_at"]))
    return (
        "clock",
        f"event {row['event_id']}",
        clocks.WORDS[row["clock"]],
        time(row["recorded_at"]),
    )
