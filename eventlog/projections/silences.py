"""The view `silences`: from when to when nothing came from a source.

One row for each `source_silent`; `until` is NULL while the source is still silent. A `source_back`
ends every silence of its source that was still open. `id` is the position of the first record.
Knows nothing of the other views.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from eventlog.facts import SourceBack, SourceSilent
from eventlog.projections.paging import require_page
from eventlog.projections.projection import (
    Projection,
    Statement,
    columns_of,
    insert_into,
    statements,
)
from eventlog.projections.times import canonical
from eventlog.record import Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

SCHEMA: Final = """
CREATE TABLE {p}silences (
    id         INTEGER PRIMARY KEY,
    source     TEXT    NOT NULL,
    since      TEXT    NOT NULL,
    reason     TEXT    NOT NULL,
    until      TEXT,
    reconciled INTEGER,
    late       INTEGER,
    ended_by   INTEGER
) STRICT;
CREATE INDEX {p}idx_silences_open ON {p}silences (source) WHERE ended_by IS NULL
"""

COLUMNS: Final = columns_of(SCHEMA)

# ── row ────────────────────────────────────────────────────────────────────────────────────


def row(record: Record, fact: SourceSilent) -> tuple[Any, ...]:
    """One row, of a source that is silent."""
    return (record.position, fact.source, canonical(fact.since), fact.reason, *(None,) * 4)


def end(record: Record, fact: SourceBack) -> tuple[Any, ...]:
    """What ends the silences of a source: `ended_by` is the position of its record."""
    until = canonical(fact.until)
    return (until, fact.reconciled, fact.late, record.position, fact.source, record.position)


# ── apply ──────────────────────────────────────────────────────────────────────────────────

INSERT: Final = insert_into("silences", COLUMNS)
END: Final = (
    "UPDATE {p}silences SET until = ?, reconciled = ?, late = ?, ended_by = ?"
    " WHERE source = ? AND ended_by IS NULL AND id < ?"
)


def apply(records: Sequence[Record]) -> list[Statement]:
    """A row for each silence, ended by what came after it."""
    began = [row(r, r.fact) for r in records if isinstance(r.fact, SourceSilent)]
    ended = [end(r, r.fact) for r in records if isinstance(r.fact, SourceBack)]
    return statements(
        Statement(INSERT, began, changes_each=False), Statement(END, ended, changes_each=False)
    )


# ── queries ────────────────────────────────────────────────────────────────────────────────

LATEST: Final = "SELECT * FROM silences ORDER BY id DESC LIMIT ?"


def latest(limit: int = 20) -> tuple[str, tuple[Any, ...]]:
    """The newest silences first. Rows are COLUMNS. Raises BadArgument for a limit out of range."""
    require_page(limit, 0)
    return LATEST, (limit,)


SILENCES: Final = Projection(
    name="silences",
    version=1,
    schema=SCHEMA,
    handles=frozenset({SourceSilent, SourceBack}),
    apply=apply,
)
