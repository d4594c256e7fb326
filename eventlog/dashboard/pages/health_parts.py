"""The parts and sources of `eventlog run` in words, for the page Health.

Knows what the process around the dashboard says, and no part by name.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

from eventlog.dashboard.local_time import exact, with_offset
from eventlog.dashboard.running import PartFigures, SourceFigures
from eventlog.dashboard.site import Site
from eventlog.followers import checkpoints
from eventlog.journal import table as journal


def behind(connection: sqlite3.Connection) -> dict[str, int]:
    """How many records each part that reads the journal has yet to read, by the part's name."""
    head = journal.last_position(connection)
    return {
        name: max(0, head - at.position)
        for name, at in checkpoints.read_reactors(connection).items()
    }


async def shown(site: Site) -> dict[str, list[dict[str, Any]]] | None:
    """Rows of parts and of sources; None where the dashboard runs alone."""
    if site.running is None:
        return None
    lags = await site.figures.run(behind)
    return {
        "parts": [
            {"name": name, "bad": part.state == "stopped", "said": _part(part, lags.get(name, 0))}
            for name, part in site.running.parts().items()
        ],
        "sources": [
            {"name": name, "bad": source.silent, "said": _source(source), **_last(source, site)}
            for name, source in site.running.sources().items()
        ],
    }


def _part(part: PartFigures, lag: int) -> str:
    said = [f"stopped by {part.error}" if part.state == "stopped" else part.state]
    if part.restarts:
        said.append("restarted once" if part.restarts == 1 else f"restarted {part.restarts} times")
    if lag:
        said.append(f"{lag:,} records behind")
    return ", ".join(said)


def _source(source: SourceFigures) -> str:
    said = ["silent"] if source.silent else []
    if source.late:
        said.append(f"{source.late:,} found late in its history")
    if source.left_out:
        said.append(f"{source.left_out:,} messages or fields left out")
    return ", ".join(said)


def _last(source: SourceFigures, site: Site) -> dict[str, str | None]:
    if source.last_seconds is None:
        return {"at": None, "exact": None}
    at = datetime.fromtimestamp(source.last_seconds, UTC)
    return {"at": with_offset(at.isoformat()), "exact": exact(at, site.zone)}
