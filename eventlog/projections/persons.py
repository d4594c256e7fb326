"""The view `persons`: each person that a record names.

The id is the position of the record that named the person first, and `created_at` when that one
was appended. The latest PersonNamed says the name to show; one without takes it away again.
Knows nothing of the other views.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from eventlog.facts import FaceResult, PersonErased, PersonNamed, UnlockAction
from eventlog.projections.names import cut_at_erasures, erasing, index_of_seals, is_erased, pair
from eventlog.projections.projection import Projection, Statement, statements
from eventlog.projections.times import created_at
from eventlog.record import Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

SCHEMA: Final = f"""
CREATE TABLE {{p}}persons (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL UNIQUE,
    display_name TEXT,
    created_at   TEXT    NOT NULL DEFAULT (datetime('now')),
    display_name_sealed BLOB,
    sealed       BLOB    UNIQUE
);
{index_of_seals("persons", "display_name_sealed")}
"""

COLUMNS: Final = ("id", "name", "display_name", "created_at")
_ALL: Final = (*COLUMNS, "display_name_sealed", "sealed")

# ── row ────────────────────────────────────────────────────────────────────────────────────


_FIELDS: Final[dict[type, str]] = {
    FaceResult: "name",
    PersonNamed: "name",
    UnlockAction: "person",
}
_NOBODY: Final = (None, None)


def name_in(record: Record) -> tuple[str | None, bytes | None]:
    """The person whom a record names, and the seal of the name; nobody where they were erased."""
    field = _FIELDS.get(type(record.fact))
    if field is None or is_erased(record, field):
        return _NOBODY
    return pair(record, field)


# ── apply ──────────────────────────────────────────────────────────────────────────────────

# A failed insert would count AUTOINCREMENT up, so a known name is not tried.
INSERT: Final = (
    f"INSERT INTO {{p}}persons ({', '.join(_ALL)}) SELECT ?1, ?2, ?3, ?4, ?5, ?6"
    " WHERE NOT EXISTS (SELECT 1 FROM {p}persons WHERE name = ?2)"
)
# A row that was just inserted has its display name already and is not written again.
RENAME: Final = (
    "UPDATE {p}persons SET display_name = ?1, display_name_sealed = ?2"
    " WHERE name = ?3 AND (display_name, display_name_sealed) IS NOT (?1, ?2)"
)
ERASE: Final = (
    "DELETE FROM {p}persons WHERE sealed = ?",
    erasing("persons", "display_name", "display_name_sealed", to=None),
)


def apply(records: Sequence[Record]) -> list[Statement]:
    """A row for each person named first, and the latest name to show for those known before."""
    first: dict[str, tuple[Record, bytes | None]] = {}
    to_show: dict[str, tuple[str | None, bytes | None]] = {}
    for record in records:
        name, sealed = name_in(record)
        if name is None:
            continue
        first.setdefault(name, (record, sealed))
        if isinstance(record.fact, PersonNamed):
            erased = is_erased(record, "display_name")
            to_show[name] = _NOBODY if erased else pair(record, "display_name")
    rows: list[tuple[Any, ...]] = []
    for name, (record, sealed) in first.items():
        display_name, of_display = to_show.get(name, _NOBODY)
        created = created_at(record.appended_at_us)
        rows.append((record.position, name, display_name, created, of_display, sealed))
    renamed: list[tuple[Any, ...]] = [(*shown, name) for name, shown in to_show.items()]
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
    version=2,
    schema=SCHEMA,
    handles=frozenset({FaceResult, UnlockAction, PersonNamed, PersonErased}),
    apply=cut_at_erasures(apply, ERASE),
)
