"""Describes devices and sources for a household: what is low, silent, offline or jammed.

Takes a read-only connection and the door's zone. Knows no template and no request.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any, Final
from zoneinfo import ZoneInfo

from eventlog.dashboard.door_queries import rows
from eventlog.dashboard.local_time import exact, instant, with_offset
from eventlog.facts import FIRST_START
from eventlog.projections import devices, doors, locks, means, parts, silences
from eventlog.projections.late import Words
from eventlog.store.late_facts import mark_late

SILENCES_MAX: Final = 200
_FINE: Final = frozenset({"ok", "clear", "cleared", "online", "normal", "none", "off"})
_NOT_FINE: Final = frozenset({"jammed", "not_fully_locked", "forced_open"})


def when(text: str, door: ZoneInfo) -> dict[str, str]:
    """A time of the read tables as the templates want it."""
    return {"at": with_offset(text), "exact": exact(instant(text), door)}


def known_devices(
    connection: sqlite3.Connection, door: ZoneInfo, words: Words
) -> list[dict[str, Any]]:
    """Each device with all that it said last; its last sign of life is the latest of that.

    What was appended late says so, in these words for its writer.
    """
    found: dict[str, dict[str, Any]] = {}
    reports = rows(connection, devices.COLUMNS, devices.listed())
    mark_late(connection, reports, words)
    for row in reports:
        said = {
            "words": means.device_state(row["what"], row["state"], row["value"]),
            "bad": row["state"] not in _FINE,
            "late": row["late"],
        }
        device = found.setdefault(row["device_id"], {"name": row["device_id"], "said": [], "us": 0})
        device["said"].append(said)
        if row["at_us"] >= device["us"]:
            device |= {"us": row["at_us"], **when(row["at"], door)}
    return list(found.values())


def silent_sources(connection: sqlite3.Connection, door: ZoneInfo) -> list[dict[str, Any]]:
    """The sources from which nothing comes, the one that fell silent last first."""
    return [
        {**row, **when(row["since"], door)}
        for row in rows(connection, silences.COLUMNS, silences.latest(SILENCES_MAX))
        if row["until"] is None and row["reason"] != FIRST_START
    ]


def concerns(connection: sqlite3.Connection, door: ZoneInfo) -> list[str]:
    """What somebody should look at, a sentence each; none where all is well."""
    found = [
        f"Nothing has come from {row['source']} since {row['exact']}."
        for row in silent_sources(connection, door)
    ]
    found += [
        _of_device(row, door)
        for row in rows(connection, devices.COLUMNS, devices.listed())
        if row["state"] not in _FINE
    ]
    for what, view in (("door", doors), ("lock", locks)):
        for row in rows(connection, view.COLUMNS, view.listed()):
            if row["state"] in _NOT_FINE:
                state = "reported a jam" if row["state"] == "jammed" else f"is {_words(row)}"
                found.append(f"The {what} {row['door_id']} {state} at {_since(row, door)}.")
    found += [
        f"The part {row['part']} stopped at {exact(instant(row['since']), door)}."
        for row in rows(connection, parts.COLUMNS, parts.listed())
        if row["state"] == "stopped"
    ]
    return found


def _of_device(row: Mapping[str, Any], door: ZoneInfo) -> str:
    device, since = row["device_id"], _since(row, door)
    if row["what"] == "battery":
        charge = "" if row["value"] is None else f" ({row['value']:g} %)"
        return f"The battery of {device} is {row['state']}{charge} since {since}."
    said = means.device_state(row["what"], row["state"], row["value"])
    return f"{device} reports since {since}: {said}."


def _since(row: Mapping[str, Any], door: ZoneInfo) -> str:
    return exact(instant(row["at"]), door)


def _words(row: Mapping[str, Any]) -> str:
    return means.state(row["state"])
