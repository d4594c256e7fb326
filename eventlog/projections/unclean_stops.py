"""The view `unclean_stops`: the starts that found that the recorder had not been closed.

One row for each, so that a timeline can show where the record may have a gap. The id is the
position of the record, `found_at` when it was appended. Knows nothing of the other views.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from eventlog.facts import UncleanStop
from eventlog.projections.paging import require_page
from eventlog.projections.projection import Projection, Statement, insert_into, statements
from eventlog.projections.times import canonical_us
from eventlog.record import Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

SCHEMA: Final = """
CREATE TABLE {p}unclean_stops (
    id               INTEGER PRIMARY KEY,
    found_at         TEXT    NOT NULL,
    journal_position INTEGER NOT NULL,
    head_position    INTEGER
) STRICT
"""

COLUMNS: Final = ("id", "found_at", "journal_position", "head_position")

# ── row ────────────────────────────────────────────────────────────────────────────────────


def row(record: Record, fact: UncleanStop) -> tuple[Any, ...]:
    """One row."""
    found_at = canonical_us(record.appended_at_us)
    return (record.position, found_at, fact.journal_position, fact.head_position)


# ── apply ──────────────────────────────────────────────────────────────────────────────────

INSERT: Final = insert_into("unclean_stops", COLUMNS)


def apply(records: Sequence[Record]) -> list[Statement]:
    """One row for each unclean stop."""
    rows = [row(record, record.fact) for record in records if isinstance(record.fact, UncleanStop)]
    return statements(Statement(INSERT, rows, changes_each=False))


# ── queries ────────────────────────────────────────────────────────────────────────────────

LATEST: Final = "SELECT * FROM unclean_stops ORDER BY id DESC LIMIT ?"


def latest(limit: int = 20) -> tuple[str, tuple[Any, ...]]:
    """The newest stops first. Rows are COLUMNS. Raises BadArgument for a limit out of range."""
    require_page(limit, 0)
    return LATEST, (limit,)


UNCLEAN_STOPS: Final = Projection(
    name="unclean_stops",
    version=1,
    schema=SCHEMA,
    handles=frozenset({UncleanStop}),
    apply=apply,
)
