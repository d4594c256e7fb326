"""Computes an event again from all of its faces and unlock actions.

The view `events` keeps both in tables of its own. A row of it that a batch can't complete by
itself (a fact came late, or an act was announced) is settled by one statement, by the rules of
`faces.py`, `outcomes.py` and `identities.py` in SQL. Knows no fact of an event but these two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from eventlog.facts import ActuatorOutcome, UnlockAction
from eventlog.projections import faces, identities, outcomes
from eventlog.projections.names import seal_of, text_of, token
from eventlog.projections.projection import Statement, insert_into
from eventlog.projections.times import own_time_us
from eventlog.record import Record

# Names stand here as their tokens: a seal (BLOB) or a text.
SCHEMA: Final = """
CREATE TABLE {p}event_faces (
    id         INTEGER PRIMARY KEY,
    event_id   INTEGER NOT NULL REFERENCES {p}events(id) ON DELETE CASCADE,
    name       ANY,
    distance   REAL,
    confidence REAL,
    track      TEXT,
    given      INTEGER NOT NULL,
    at_us      INTEGER NOT NULL
) STRICT;
CREATE INDEX {p}idx_event_faces_event_id ON {p}event_faces (event_id);
CREATE TABLE {p}event_actions (
    id          INTEGER PRIMARY KEY,
    event_id    INTEGER REFERENCES {p}events(id) ON DELETE CASCADE,
    intent      TEXT,
    door_id     TEXT,
    door_action TEXT    NOT NULL,
    at_us       INTEGER NOT NULL,
    granted     INTEGER NOT NULL,
    person      ANY,
    user_ref        ANY,
    credential_slot INTEGER,
    act         TEXT,
    outcome     TEXT    NOT NULL,
    effect      TEXT,
    confirms    INTEGER
) STRICT;
CREATE INDEX {p}idx_event_actions_event_id ON {p}event_actions (event_id);
CREATE INDEX {p}idx_event_actions_intent ON {p}event_actions (intent) WHERE act IS NOT NULL;
CREATE INDEX {p}idx_event_actions_door ON {p}event_actions (door_id, at_us) WHERE act IS NOT NULL
"""

_ACTION_COLUMNS: Final = (
    *("id", "event_id", "intent", "door_id", "door_action", "at_us", "granted", "person"),
    *("user_ref", "credential_slot"),
    *("act", "outcome", "effect"),
)

INSERT_FACE: Final = insert_into("event_faces", faces.COLUMNS)
INSERT_ACTION: Final = insert_into("event_actions", _ACTION_COLUMNS)

# From all faces and actions of an event; the condition on its id comes behind.
_ACTIONS: Final = "FROM {p}event_actions a WHERE a.event_id = {p}events.id AND a.confirms IS NULL"
_PERSON: Final = identities.person_of("a", "person")
_NAME: Final = identities.name_of("best.name")
_LOCK_ACTION: Final = f"""
    SELECT effect {_ACTIONS} AND effect IS NOT NULL
    AND granted = (SELECT max(granted) {_ACTIONS}) ORDER BY id DESC LIMIT 1
"""
_RANKS: Final = " ".join(
    f"WHEN '{word}' THEN {rank}" for rank, words in enumerate(outcomes.STRENGTH) for word in words
)
SETTLE: Final = f"""
UPDATE {{p}}events SET
    (person_name, sealed, face_distance, face_confidence, face_recognised) = (
        SELECT {text_of("shown")}, {seal_of("shown")}, distance, confidence, recognised FROM (
            SELECT iif(best.name IS NOT NULL OR best.given IS 1, {_NAME}, (
                SELECT {_PERSON} AS who {_ACTIONS} AND granted AND who IS NOT NULL
                ORDER BY id DESC LIMIT 1
            )) AS shown, best.distance, best.confidence,
            iif(best.given IS NULL, NULL, best.name IS NOT NULL) AS recognised
            FROM (SELECT 1) LEFT JOIN ({faces.BEST.replace("{event}", "{p}events.id")}) best
        )
    ),
    unlock_granted = coalesce((SELECT max(granted) {_ACTIONS}), 0),
    door_action = replace(coalesce(({_LOCK_ACTION}), 'none'), 'unlatched', 'unlocked'),
    lock_action = coalesce(({_LOCK_ACTION}), 'none'),
    outcome = coalesce((
        SELECT outcome {_ACTIONS} AND outcome != 'none'
        ORDER BY CASE outcome {_RANKS} END, id DESC LIMIT 1
    ), 'none'),
    opened = EXISTS (SELECT 1 {_ACTIONS} AND effect IN ('unlocked', 'unlatched')),
    refused = EXISTS (SELECT 1 {_ACTIONS} AND outcome = 'refused')
WHERE """
_OF_INTENT: Final = (
    "id IN (SELECT event_id FROM {p}event_actions"
    " WHERE act IS NOT NULL AND intent = ?1 AND id < ?2)"
)
_OF_DOOR: Final = (
    "id IN (SELECT event_id FROM {p}event_actions WHERE act IS NOT NULL AND door_id = ?1"
    f" AND id < ?2 AND at_us BETWEEN ?3 - {outcomes.CONFIRMED_US} AND ?3)"
)
# Events whose person a link may change: by either name, or by whom an action names otherwise.
OF_NAMES: Final = (
    "id IN (SELECT event_id FROM {p}event_faces WHERE name IN (?1, ?2) UNION"
    " SELECT event_id FROM {p}event_actions"
    " WHERE person IN (?1, ?2) OR user_ref IS NOT NULL OR credential_slot IS NOT NULL)"
)


def action_row(record: Record, fact: UnlockAction) -> tuple[Any, ...]:
    """An unlock action, as the rules look at it."""
    act: outcomes.Act | None = "pending" if outcomes.announces(fact) else None
    return (
        record.position,
        record.event_id,
        fact.intent,
        fact.door_id,
        fact.door_action,
        own_time_us(record),
        int(fact.granted and not fact.dry_run),
        token(record, "person"),
        token(record, "user_ref"),
        fact.credential_slot,
        act,
        outcomes.outcome(fact),
        outcomes.effect(fact, act),
    )


def settling_others(records: Sequence[Record]) -> Iterable[Statement]:
    """Events of earlier batches whose acts are settled by an outcome or a report in this one."""
    intents = [(r.fact.intent, r.position) for r in records if isinstance(r.fact, ActuatorOutcome)]
    reported = [
        (door, r.position, own_time_us(r))
        for r in records
        if (door := outcomes.reports(r.fact)) is not None
    ]
    return (
        Statement(SETTLE + _OF_INTENT, list[tuple[Any, ...]](intents), changes_each=False),
        Statement(SETTLE + _OF_DOOR, list[tuple[Any, ...]](reported), changes_each=False),
    )
