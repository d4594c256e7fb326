"""The view `devices`: the connection, battery and alarms of each device, as last reported.

One row for each device and what it reports on: the latest by its own time. `id` is the position of
that record. Knows nothing of the other views.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from eventlog.facts import DeviceState
from eventlog.projections.projection import Projection, Statement, columns_of, latest_of, statements
from eventlog.projections.times import canonical_us, own_time_us
from eventlog.record import Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

SCHEMA: Final = """
CREATE TABLE {p}devices (
    id        INTEGER PRIMARY KEY,
    device_id TEXT    NOT NULL,
    what      TEXT    NOT NULL,
    state     TEXT    NOT NULL,
    value     REAL,
    at        TEXT    NOT NULL,
    at_us     INTEGER NOT NULL,
    UNIQUE (device_id, what)
) STRICT
"""

COLUMNS: Final = columns_of(SCHEMA)

# ── row ────────────────────────────────────────────────────────────────────────────────────


def row(record: Record, fact: DeviceState) -> tuple[Any, ...]:
    """One row."""
    at_us = own_time_us(record)
    said = (fact.device_id, fact.what, fact.state, fact.value)
    return (record.position, *said, canonical_us(at_us), at_us)


# ── apply ──────────────────────────────────────────────────────────────────────────────────

UPSERT: Final = latest_of("devices", COLUMNS, ("device_id", "what"))


def apply(records: Sequence[Record]) -> list[Statement]:
    """The latest state of each device."""
    rows = [row(record, record.fact) for record in records if isinstance(record.fact, DeviceState)]
    return statements(Statement(UPSERT, rows, changes_each=False))


# ── queries ────────────────────────────────────────────────────────────────────────────────

ALL: Final = "SELECT * FROM devices ORDER BY device_id, what"


def listed() -> tuple[str, tuple[Any, ...]]:
    """All devices, by name. Rows are COLUMNS."""
    return ALL, ()


DEVICES: Final = Projection(
    name="devices",
    version=1,
    schema=SCHEMA,
    handles=frozenset({DeviceState}),
    apply=apply,
)
