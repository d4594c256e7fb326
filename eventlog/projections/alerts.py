"""The view `alerts`: each alert that was to be sent, and its outcome.

One row for each `alert_intended`, with what the latest `alert_sent` about it says; an alert that
no record announced has a row of its own. `outcome` is NULL while nothing is known, and `covers`
is a JSON list of positions. The id is the position of the record that made the row. Knows of the
view `events` only that its rows may belong to it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from eventlog.facts import AlertIntended, AlertSent
from eventlog.projections.paging import require_page
from eventlog.projections.projection import (
    Projection,
    Statement,
    columns_of,
    insert_into,
    statements,
)
from eventlog.projections.times import canonical_us, own_time_us
from eventlog.record import Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

SCHEMA: Final = """
CREATE TABLE {p}alerts (
    id          INTEGER PRIMARY KEY,
    event_id    INTEGER REFERENCES {p}events(id) ON DELETE CASCADE,
    rule        TEXT,
    channel     TEXT,
    revision    INTEGER,
    covers      TEXT    NOT NULL,
    intended    INTEGER NOT NULL,
    intended_at TEXT,
    outcome     TEXT,
    tries       INTEGER,
    message_id  TEXT,
    sent_at     TEXT
) STRICT
"""

COLUMNS: Final = columns_of(SCHEMA)

# ── row ────────────────────────────────────────────────────────────────────────────────────


def row(record: Record, fact: AlertIntended) -> tuple[Any, ...]:
    """One row, of an alert that is still to be sent."""
    told = (fact.rule, fact.channel, fact.revision, json.dumps(fact.covers))
    at = canonical_us(record.appended_at_us)
    return (record.position, record.event_id, *told, 1, at, *(None,) * 4)


def sent(record: Record, fact: AlertSent) -> tuple[Any, ...]:
    """A row of its own, for an alert that nothing announced."""
    at = canonical_us(own_time_us(record))
    told = (fact.rule, fact.channel, fact.revision, "[]")
    became = (fact.outcome or "sent", fact.tries, fact.message_id, at)
    return (record.position, record.event_id, *told, 0, None, *became)


# ── apply ──────────────────────────────────────────────────────────────────────────────────

INSERT: Final = insert_into("alerts", COLUMNS)
_ANNOUNCED: Final = "id = ?13 AND id < ?1 AND intended = 1"
TELL: Final = (
    "UPDATE {p}alerts SET outcome = ?9, tries = ?10, message_id = ?11, sent_at = ?12"
    f" WHERE {_ANNOUNCED}"
)
# A row of its own, where nothing announced the alert after all.
INSERT_SENT: Final = (
    INSERT.replace("VALUES (", "SELECT ").removesuffix(")")
    + f" WHERE NOT EXISTS (SELECT 1 FROM {{p}}alerts WHERE {_ANNOUNCED})"
)


def apply(records: Sequence[Record]) -> list[Statement]:
    """A row for each alert, with its outcome."""
    intended = [row(r, r.fact) for r in records if isinstance(r.fact, AlertIntended)]
    alone: list[tuple[Any, ...]] = []
    became: list[tuple[Any, ...]] = []
    for record in records:
        fact = record.fact
        if isinstance(fact, AlertSent):
            if fact.intended is None:
                alone.append(sent(record, fact))
            else:
                became.append((*sent(record, fact), fact.intended))
    return statements(
        Statement(INSERT, intended, changes_each=False, joinable=True),
        Statement(INSERT, alone, changes_each=False, joinable=True),
        Statement(TELL, became, changes_each=False),
        Statement(INSERT_SENT, became, changes_each=False),
    )


# ── queries ────────────────────────────────────────────────────────────────────────────────

LATEST: Final = "SELECT * FROM alerts ORDER BY id DESC LIMIT ?"


def latest(limit: int = 20) -> tuple[str, tuple[Any, ...]]:
    """The newest alerts first. Rows are COLUMNS. Raises BadArgument for a limit out of range."""
    require_page(limit, 0)
    return LATEST, (limit,)


ALERTS: Final = Projection(
    name="alerts",
    version=1,
    schema=SCHEMA,
    handles=frozenset({AlertIntended, AlertSent}),
    apply=apply,
)
