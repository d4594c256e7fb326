"""The view `credentials`: each code, tag or finger that was presented and did not open.

The id is the position of the record. `at` is its own time, or that of the append. Knows of the
view `events` only that its rows may belong to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from eventlog.facts import CredentialPresented, PersonErased
from eventlog.projections.names import cut_at_erasures, erasing, index_of_seals, pair
from eventlog.projections.paging import require_page
from eventlog.projections.projection import (
    Projection,
    Statement,
    columns_of,
    insert_into,
    shown_columns,
    statements,
)
from eventlog.projections.times import canonical_us, own_time_us
from eventlog.record import Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

SCHEMA: Final = f"""
CREATE TABLE {{p}}credentials (
    id              INTEGER PRIMARY KEY,
    event_id        INTEGER REFERENCES {{p}}events(id) ON DELETE CASCADE,
    door_id         TEXT,
    credential_kind TEXT    NOT NULL,
    credential_slot INTEGER,
    user_ref        TEXT,
    person          TEXT,
    reason          TEXT,
    at              TEXT    NOT NULL,
    user_ref_sealed BLOB,
    sealed          BLOB
) STRICT;
{index_of_seals("credentials", "user_ref_sealed")};
{index_of_seals("credentials")}
"""

COLUMNS: Final = shown_columns(SCHEMA)

# ── row ────────────────────────────────────────────────────────────────────────────────────


def row(record: Record, fact: CredentialPresented) -> tuple[Any, ...]:
    """One row: all that the fact says."""
    (user, user_sealed), (person, sealed) = pair(record, "user_ref"), pair(record, "person")
    return (
        record.position,
        record.event_id,
        fact.door_id,
        fact.credential_kind,
        fact.credential_slot,
        user,
        person,
        fact.reason,
        canonical_us(own_time_us(record)),
        user_sealed,
        sealed,
    )


# ── apply ──────────────────────────────────────────────────────────────────────────────────

INSERT: Final = insert_into("credentials", columns_of(SCHEMA))

ERASE: Final = (
    erasing("credentials", "user_ref", "user_ref_sealed"),
    erasing("credentials", "person"),
)


def apply(records: Sequence[Record]) -> list[Statement]:
    """One row for each credential."""
    rows = [row(r, r.fact) for r in records if isinstance(r.fact, CredentialPresented)]
    return statements(Statement(INSERT, rows, changes_each=False, joinable=True))


# ── queries ────────────────────────────────────────────────────────────────────────────────

LATEST: Final = f"SELECT {', '.join(COLUMNS)} FROM credentials ORDER BY id DESC LIMIT ?"


def latest(limit: int = 20) -> tuple[str, tuple[Any, ...]]:
    """The newest first. Rows are COLUMNS. Raises BadArgument for a limit out of range."""
    require_page(limit, 0)
    return LATEST, (limit,)


CREDENTIALS: Final = Projection(
    name="credentials",
    version=2,
    schema=SCHEMA,
    handles=frozenset({CredentialPresented, PersonErased}),
    apply=cut_at_erasures(apply, ERASE),
)
