"""The view `unlock_actions`: each request to the lock, and why it acted or did not.

Refused requests are rows too. A request outside any visit has no event. The id is the position of
the record. Knows of the view `events` only its ids and when each was recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from eventlog.facts import ActuatorOutcome, IdentityLinked, LockState, PersonErased, UnlockAction
from eventlog.projections import identities, names, outcomes
from eventlog.projections.names import erasing, index_of_seals, pair, token
from eventlog.projections.outcomes import Outcome
from eventlog.projections.paging import require_filter, require_page, require_place
from eventlog.projections.projection import (
    Projection,
    Statement,
    columns_of,
    insert_into,
    shown_columns,
    statements,
)
from eventlog.projections.times import canonical, canonical_us, own_time_us
from eventlog.record import Record

# ── schema ─────────────────────────────────────────────────────────────────────────────────

# `listed_at` is the time by which lists are sorted: the action's own if it is known, else the
# event's, else that of the append. `outcome` is 'refused' if the action was not granted and did
# nothing, 'none' if it was not granted and locked the door, 'trial' if it was a dry run, and the
# outcome of the act if that failed. `act` is the state of an act that was
# announced, `effect` what the door did by the action, and `confirms` the act that a report
# confirms.
SCHEMA: Final = f"""
CREATE TABLE {{p}}unlock_actions (
    id          INTEGER PRIMARY KEY,
    event_id    INTEGER REFERENCES {{p}}events(id) ON DELETE CASCADE,
    granted     INTEGER NOT NULL,
    door_action TEXT    NOT NULL,
    person      TEXT,
    confidence  REAL,
    distance    REAL,
    rule        TEXT,
    actor       TEXT,
    door_id     TEXT,
    recorded_at TEXT,
    appended_at TEXT    NOT NULL,
    user_ref        TEXT,
    credential_kind TEXT,
    credential_slot INTEGER,
    reason          TEXT,
    frames          INTEGER,
    dry_run         INTEGER NOT NULL,
    intent          TEXT,
    act             TEXT,
    effect          TEXT,
    confirms        INTEGER,
    said_person     ANY,
    at_us           INTEGER NOT NULL,
    outcome         TEXT    NOT NULL,
    said_user       ANY,
    user_ref_sealed BLOB,
    sealed          BLOB,
    listed_at       TEXT    NOT NULL
) STRICT;
CREATE INDEX {{p}}idx_unlock_actions_event_id ON {{p}}unlock_actions (event_id)
    WHERE event_id IS NOT NULL;
CREATE INDEX {{p}}idx_unlock_actions_listed_at ON {{p}}unlock_actions (listed_at);
CREATE INDEX {{p}}idx_unlock_actions_person ON {{p}}unlock_actions (person, listed_at)
    WHERE person IS NOT NULL;
CREATE INDEX {{p}}idx_unlock_actions_outcome ON {{p}}unlock_actions (outcome, listed_at);
CREATE INDEX {{p}}idx_unlock_actions_intent ON {{p}}unlock_actions (intent) WHERE act IS NOT NULL;
CREATE INDEX {{p}}idx_unlock_actions_door ON {{p}}unlock_actions (door_id, at_us)
    WHERE act IS NOT NULL;
{index_of_seals("unlock_actions", "user_ref_sealed")};
{index_of_seals("unlock_actions")}
"""

_ALL: Final = columns_of(SCHEMA)
# What a reader is shown: the others are for the rules.
COLUMNS: Final = tuple(name for name in shown_columns(SCHEMA) if not name.startswith("said_"))

# ── row ────────────────────────────────────────────────────────────────────────────────────


def row(record: Record, fact: UnlockAction) -> tuple[Any, ...]:
    """One row: all that the fact says, and when it was appended."""
    moment = None if fact.recorded_at is None else canonical(fact.recorded_at)
    (person, sealed), (user, user_sealed) = pair(record, "person"), pair(record, "user_ref")
    act: outcomes.Act | None = "pending" if outcomes.announces(fact) else None
    return (
        record.position,
        record.event_id,
        int(fact.granted),
        fact.door_action,
        person,
        fact.confidence,
        fact.distance,
        fact.rule,
        fact.actor,
        fact.door_id,
        moment,
        canonical_us(record.appended_at_us),
        user,
        fact.credential_kind,
        fact.credential_slot,
        fact.reason,
        fact.frames,
        int(fact.dry_run),
        fact.intent,
        act,
        outcomes.effect(fact, act),
        None,
        token(record, "person"),
        own_time_us(record),
        outcomes.outcome(fact),
        token(record, "user_ref"),
        user_sealed,
        sealed,
        moment,
    )


# ── apply ──────────────────────────────────────────────────────────────────────────────────

_LISTED_AT: Final = (
    f"coalesce(?{len(_ALL)}, (SELECT recorded_at FROM {{p}}events WHERE id = ?2), ?12)"
)
INSERT: Final = insert_into("unlock_actions", _ALL)
INSERT_UNTIMED: Final = INSERT.replace("?)", f"{_LISTED_AT})")


# Where there are links, the person to show is theirs; `said_person` keeps what the fact says.
_WHO: Final = identities.person_of("{p}unlock_actions", "said_person", "said_user")
RELABEL: Final = (
    f"UPDATE {{p}}unlock_actions SET (person, sealed) = (SELECT {names.text_of('who')},"
    f" {names.seal_of('who')} FROM (SELECT {_WHO} AS who)) WHERE "
)
OF_NAMES: Final = "said_person IN (?1, ?2) OR said_user IS NOT NULL OR credential_slot IS NOT NULL"
ERASE: Final = (
    erasing("unlock_actions", "user_ref", "user_ref_sealed"),
    erasing("unlock_actions", "person"),
)


def apply(records: Sequence[Record]) -> list[Statement]:
    """One row for each unlock action, settled by the outcomes and reports that come after it."""
    rows = [row(record, record.fact) for record in records if isinstance(record.fact, UnlockAction)]
    placed: list[tuple[Any, ...]] = [(one[0],) for one in rows]
    return statements(
        Statement(INSERT, [one for one in rows if one[-1]], changes_each=False, joinable=True),
        Statement(INSERT_UNTIMED, [one for one in rows if not one[-1]], changes_each=False),
        *outcomes.settling("unlock_actions", records),
        Statement(RELABEL + f"id = ? AND {identities.ANY}", placed, changes_each=False),
        Statement(RELABEL + OF_NAMES, identities.names_in(records), changes_each=False),
    )


# ── queries ────────────────────────────────────────────────────────────────────────────────

SELECTED: Final = f"SELECT {', '.join(COLUMNS)} FROM unlock_actions"
PEOPLE: Final = "SELECT id, person FROM unlock_actions WHERE event_id = ?"
OF_EVENT: Final = SELECTED + " WHERE event_id = ? ORDER BY id"


class UnlockFilter(Struct, frozen=True, kw_only=True):
    """Which unlock actions a list shows; None means any; a row must match all others.

    Args:
        person: The person that the action names.
        outcome: The outcome: "granted", "refused", "trial", "failed", "timed_out" or "unknown".
        since: The first time, an aware datetime.
        until: The first time that is left out.
    """

    person: str | None = None
    outcome: Outcome | None = None
    since: datetime | None = None
    until: datetime | None = None


def of_event(event_id: int) -> tuple[str, tuple[Any, ...]]:
    """The unlock actions of one event, in the order of the journal. Rows are COLUMNS."""
    return OF_EVENT, (event_id,)


def listed(
    wanted: UnlockFilter,
    *,
    before: tuple[str, int] | None = None,
    limit: int = 20,
    offset: int = 0,
) -> tuple[str, tuple[Any, ...]]:
    """A page of actions, newest `listed_at` first, then the higher id. Rows are COLUMNS.

    `before` is the (listed_at, id) of the last row of the page before this one. Raises
    BadArgument for a filter or a page that is out of range.
    """
    require_page(limit, offset)
    require_filter(wanted, UnlockFilter)
    place = None if before is None else require_place(before)
    # A unary plus keeps the planner from an index: the person's is the narrower one.
    outcome_term = "outcome = ?" if wanted.person is None else "+outcome = ?"
    candidates: tuple[tuple[str, tuple[Any, ...] | None], ...] = (
        ("person = ?", None if wanted.person is None else (wanted.person,)),
        (outcome_term, None if wanted.outcome is None else (wanted.outcome,)),
        ("listed_at >= ?", None if wanted.since is None else (canonical(wanted.since),)),
        ("listed_at < ?", None if wanted.until is None else (canonical(wanted.until),)),
        ("(listed_at, id) < (?, ?)", None if place is None else (canonical(place[0]), place[1])),
    )
    terms = ["confirms IS NULL"]  # a report of an act is not a second opening
    if wanted.outcome is None:
        terms.append("NOT dry_run")
    terms += [term for term, given in candidates if given is not None]
    parameters = [value for _, given in candidates if given is not None for value in given]
    where = f" WHERE {' AND '.join(terms)}"
    order = " ORDER BY listed_at DESC, id DESC LIMIT ? OFFSET ?"
    return SELECTED + where + order, (*parameters, limit, offset)


UNLOCK_ACTIONS: Final = Projection(
    name="unlock_actions",
    version=4,
    schema=SCHEMA,
    handles=frozenset({UnlockAction, ActuatorOutcome, LockState, IdentityLinked, PersonErased}),
    apply=names.cut_at_erasures(apply, ERASE),
)
