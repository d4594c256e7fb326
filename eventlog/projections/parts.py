"""The view `parts`: which parts of the program have stopped, and which run again.

One row for each part: its latest record. `since` is when that was appended, `error` why it went
down, NULL where it runs. `id` is the position of that record. Knows nothing of the other views.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from eventlog.facts import PartBack, PartStopped
from eventlog.projections.projection import Projection, Statement, columns_of, latest_of, statements
from eventlog.projections.times import canonical_us
from eventlog.record import Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

SCHEMA: Final = """
CREATE TABLE {p}parts (
    id       INTEGER PRIMARY KEY,
    part     TEXT    NOT NULL UNIQUE,
    state    TEXT    NOT NULL,
    error    TEXT,
    restarts INTEGER NOT NULL,
    since    TEXT    NOT NULL,
    at_us    INTEGER NOT NULL
) STRICT
"""

COLUMNS: Final = columns_of(SCHEMA)

# ── row ────────────────────────────────────────────────────────────────────────────────────


def row(record: Record, fact: PartStopped | PartBack) -> tuple[Any, ...]:
    """One row. Reports about parts come in the order of the journal, so that is their time."""
    said = ("stopped", fact.error) if isinstance(fact, PartStopped) else ("running", None)
    since = canonical_us(record.appended_at_us)
    return (record.position, fact.part, *said, fact.restarts, since, record.position)


# ── apply ──────────────────────────────────────────────────────────────────────────────────

UPSERT: Final = latest_of("parts", COLUMNS, ("part",))


def apply(records: Sequence[Record]) -> list[Statement]:
    """The latest of each part."""
    rows = [
        row(record, record.fact)
        for record in records
        if isinstance(record.fact, PartStopped | PartBack)
    ]
    return statements(Statement(UPSERT, rows, changes_each=False))


# ── queries ────────────────────────────────────────────────────────────────────────────────

ALL: Final = "SELECT * FROM parts ORDER BY part"


def listed() -> tuple[str, tuple[Any, ...]]:
    """All parts, by name. Rows are COLUMNS."""
    return ALL, ()


PARTS: Final = Projection(
    name="parts",
    version=1,
    schema=SCHEMA,
    handles=frozenset({PartStopped, PartBack}),
    apply=apply,
)
