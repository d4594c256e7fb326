"""Finds which facts of a list were appended long after the time at which the list shows them.

A state of a door is shown from its own time on, as if the journal had known it then; the list says
where it did not, and who added it. Knows appends and their writers, and no view.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from eventlog.journal import table as journal
from eventlog.projections.late import Late, Words, after_its_time, words_for
from eventlog.projections.times import since_epoch_us


def late_facts(
    connection: sqlite3.Connection, rows: Iterable[tuple[int | None, str | None]]
) -> dict[int, Late]:
    """Those of these facts that came late, by position.

    `rows` are positions, each with the time at which it is shown, as the views write times.
    """
    found = {}
    for position, at in rows:
        if position is None or at is None:
            continue
        first = journal.append_of(connection, position)
        if first is None:
            continue
        late = after_its_time(first, since_epoch_us(datetime.fromisoformat(at)))
        if late is not None:
            found[position] = late
    return found


def mark_late(
    connection: sqlite3.Connection, rows: Sequence[dict[str, Any]], words: Words = words_for
) -> None:
    """Say in `late` of each row what is to be said of it; None if it came at its time.

    A row is a state of a door, a lock or a device, an opening or an unlock. An opening is late
    where the report that ends it is.
    """
    shown = [(row["id"], row.get("listed_at", row.get("at"))) for row in rows]
    ends = [(row.get("closed_id"), row.get("closed_at")) for row in rows]
    found = late_facts(connection, [*shown, *ends])
    for row in rows:
        late = found.get(row["id"]) or found.get(row.get("closed_id") or 0)
        row["late"] = None if late is None else late.said(words)
