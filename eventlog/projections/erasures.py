"""The view `erasures`: each seal whose text was erased, and the record that erased it.

The first erasure of a seal counts. Knows nothing of the other views.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from eventlog.facts import PersonErased
from eventlog.projections.projection import Projection, Statement, insert_into, statements
from eventlog.record import Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

SCHEMA: Final = """
CREATE TABLE {p}erasures (
    id       INTEGER PRIMARY KEY,
    sealed   BLOB    NOT NULL UNIQUE,
    position INTEGER NOT NULL
) STRICT
"""

COLUMNS: Final = ("id", "sealed", "position")

# ── row ────────────────────────────────────────────────────────────────────────────────────

_SEALS_MAX: Final = 64  # of one record


def rows(record: Record, fact: PersonErased) -> list[tuple[Any, ...]]:
    """One row for each seal that a record erases."""
    first = record.position * _SEALS_MAX
    return [(first + index, seal, record.position) for index, seal in enumerate(fact.sealed)]


# ── apply ──────────────────────────────────────────────────────────────────────────────────

INSERT: Final = insert_into("erasures", COLUMNS) + " ON CONFLICT (sealed) DO NOTHING"


def apply(records: Sequence[Record]) -> list[Statement]:
    """The seals of each erasure."""
    erased = [row for r in records if isinstance(r.fact, PersonErased) for row in rows(r, r.fact)]
    return statements(Statement(INSERT, erased, changes_each=False))


ERASURES: Final = Projection(
    name="erasures",
    version=1,
    schema=SCHEMA,
    handles=frozenset({PersonErased}),
    apply=apply,
)
