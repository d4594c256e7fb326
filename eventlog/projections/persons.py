"""The view `persons`: each person that a record names.

The id is the position of the record that named the person first, and `created_at` when that one
was appended. The latest PersonNamed says the name to show; one without takes it away again.
Knows nothing of the other views.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from eventlog.facts import FaceResult, PersonNamed, UnlockAction, shown
from eventlog.projections.projection import Projection, Statement, statements
from eventlog.projections.times import created_at
from eventlog.record import Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

SCHEMA: Final = """
CREATE TABLE {p}persons (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL UNIQUE,
    display_name TEXT,
    created_at   TEXT    NOT NULL DEFAULT (datetime('now'))
)
"""

COLUMNS: Final = ("id", "name", "display_name", "created_at")

# ── row ────────────────────────────────────────────────────────────────────────────────────


def name_in(record: Record) -> str | None:
    """The person whom a record names."""
    fact = record.fact
    if isinstance(fact, FaceResult | PersonNamed):
        name = fact.name
    else:
        name = fact.person if isinstance(fact, UnlockAction) else None
    return None if name is None else shown(name)


# ── apply ──────────────────────────────────────────────────────────────────────────────────

# A failed insert would count AUTOINCREMENT up, so a known name is not tried.
INSERT: Final = (
    "INSERT INTO {p}persons (id, name, display_name, created_at) SELECT ?1, ?2, ?3, ?4"
    " WHERE NOT EXISTS (SELECT 1 FROM {p}persons WHERE name = ?2)"
)
# A row that was just inserted has its display name already and is not written again.
RENAME: Final = "UPDATE {p}persons SET display_name = ?1 WHERE name = ?2 AND display_name IS NOT ?1"


def apply(records: Sequence[Record]) -> list[Statement]:
    """A row for each person named first, and the latest name to show for those known before."""
    first: dict[str, Record] = {}
    to_show: dict[str, str | None] = {}
    for record in records:
        name = name_in(record)
        if name is None:
            continue
        first.setdefault(name, record)
        if isinstance(record.fact, PersonNamed):
            display_name = record.fact.display_name
            to_show[name] = None if display_name is None else shown(display_name)
    rows: list[tuple[Any, ...]] = [
        (record.position, name, to_show.get(name), created_at(record.appended_at_us))
        for name, record in first.items()
    ]
    renamed: list[tuple[Any, ...]] = [
        (display_name, name) for name, display_name in to_show.items()
    ]
    return statements(
        Statement(INSERT, rows, changes_each=False),
        Statement(RENAME, renamed, changes_each=False),
    )


# ── queries ────────────────────────────────────────────────────────────────────────────────

ALL: Final = "SELECT id, name, display_name, created_at FROM persons ORDER BY name"


def listed() -> tuple[str, tuple[Any, ...]]:
    """All persons, by name. Rows are COLUMNS."""
    return ALL, ()


PERSONS: Final = Projection(
    name="persons",
    version=1,
    schema=SCHEMA,
    handles=frozenset({FaceResult, UnlockAction, PersonNamed}),
    apply=apply,
)
