"""The outcome of an unlock action: refused, granted, a trial, or an act with its result.

An action with an `intent` announces an act. Until its outcome is recorded the door has done
nothing; it has when the outcome is `done`, or when the lock reports within CONFIRMED_US that it
opened the same door. Such a report confirms the act and is not a second opening.

The rules are here twice: `settle` for the records of one event, and the statements that views run
on a table of theirs with the columns `id`, `intent`, `door_id`, `door_action`, `at_us`, `act`,
`outcome`, `effect` and `confirms`. Knows no view.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

from eventlog.facts import ActuatorOutcome, DoorAction, LockState, UnlockAction
from eventlog.projections.projection import Statement
from eventlog.projections.times import own_time_us
from eventlog.record import Record

Outcome: TypeAlias = Literal[
    "granted", "refused", "none", "trial", "failed", "timed_out", "unknown"
]
Act: TypeAlias = Literal["pending", "done", "failed", "timed_out", "unknown"]

# So long after our intent a lock's report of an opening is about that intent.
CONFIRMED_US: Final = 10_000_000
OPENINGS: Final = frozenset({"unlocked", "unlatched"})
# A grant outweighs everything; a failed act weighs more than a refusal, a trial the least.
STRENGTH: Final[tuple[tuple[Outcome, ...], ...]] = (
    ("granted",),
    ("failed", "timed_out", "unknown"),
    ("refused",),
    ("trial",),
)
RANK: Final[dict[Outcome, int]] = {
    **{word: rank for rank, words in enumerate(STRENGTH) for word in words},
    "none": len(STRENGTH),
}


def outcome(fact: UnlockAction) -> Outcome:
    """The outcome of a request, by the unlock action alone."""
    if fact.dry_run:
        return "trial"
    if fact.granted:
        return "granted"
    return "refused" if fact.door_action == "none" else "none"


def strongest(outcomes: Iterable[Outcome]) -> Outcome:
    """The outcome of an event, from its actions in the order of the journal."""
    found = list(outcomes)
    for rank in STRENGTH:
        if among := [one for one in found if one in rank]:
            return among[-1]
    return "none"


def announces(fact: UnlockAction) -> bool:
    """Whether an act follows."""
    return fact.intent is not None and fact.granted and not fact.dry_run


def reports(fact: object) -> str | None:
    """The door that a lock says it opened; None for a fact that does not say so."""
    if isinstance(fact, LockState):
        return fact.door_id if fact.state in OPENINGS else None
    if isinstance(fact, UnlockAction) and fact.intent is None and not fact.dry_run:
        return fact.door_id if fact.door_action in OPENINGS else None
    return None


def effect(fact: UnlockAction, act: Act | None) -> DoorAction | None:
    """What the door did, None for an act that is not known to have happened."""
    if fact.dry_run:
        return None
    if act is None:
        # A refused intent has no effect.
        return fact.door_action if fact.intent is None else "none"
    if act != "done":
        return None
    return "unlocked" if fact.door_action == "none" else fact.door_action


# ── the records of one event ───────────────────────────────────────────────────────────────


class Settled(Struct):
    """An unlock action, and its act as the records after it settle it."""

    record: Record
    fact: UnlockAction
    act: Act | None
    confirms: bool = False  # the report of an act that was announced before

    @property
    def outcome(self) -> Outcome:
        """The outcome."""
        if self.act in ("failed", "timed_out", "unknown"):
            return self.act
        return outcome(self.fact)

    @property
    def effect(self) -> DoorAction | None:
        """What the door did."""
        return effect(self.fact, self.act)


def settle(records: Sequence[Record]) -> list[Settled]:
    """The unlock actions among records that come in the order of the journal."""
    actions: list[Settled] = []
    for record in records:
        fact = record.fact
        confirmed = _confirm(actions, record)
        if isinstance(fact, UnlockAction):
            act: Act | None = "pending" if announces(fact) else None
            actions.append(Settled(record, fact, act, confirmed))
        elif isinstance(fact, ActuatorOutcome):
            for action in actions:
                if action.act not in (None, "done") and action.fact.intent == fact.intent:
                    action.act = fact.outcome
    return actions


def _confirm(actions: Sequence[Settled], record: Record) -> bool:
    door, confirmed = reports(record.fact), False
    if door is None:
        return False
    for action in actions:
        late = own_time_us(record) - own_time_us(action.record)
        if action.act is not None and action.fact.door_id == door and 0 <= late <= CONFIRMED_US:
            action.act, confirmed = "done", True
    return confirmed


# ── the same in SQL ────────────────────────────────────────────────────────────────────────

_EFFECT: Final = "iif(door_action = 'none', 'unlocked', door_action)"
_OF_INTENT: Final = "act IS NOT NULL AND intent = ?2 AND id < ?3"
_OF_DOOR: Final = (
    f"act IS NOT NULL AND door_id = ?1 AND id < ?2 AND at_us BETWEEN ?3 - {CONFIRMED_US} AND ?3"
)
_DONE: Final = f"UPDATE {{p}}%s SET act = 'done', outcome = 'granted', effect = {_EFFECT} WHERE "
_NOT_DONE: Final = f"UPDATE {{p}}%s SET act = ?1, outcome = ?1 WHERE {_OF_INTENT} AND act != 'done'"
_CONFIRMS: Final = (
    f"UPDATE {{p}}%s SET confirms = (SELECT max(id) FROM {{p}}%s WHERE {_OF_DOOR}) WHERE id = ?2"
)


def settling(table: str, records: Sequence[Record], *, confirms: bool = True) -> list[Statement]:
    """Statements that settle the actions in a table by outcomes and reports in a batch.

    With `confirms`, the reports are in the table too, and are marked.

    They come after those that insert the batch's own actions. An outcome or a report only counts
    for acts that were announced before it.
    """
    done: list[tuple[Any, ...]] = []
    failed: list[tuple[Any, ...]] = []
    confirmed: list[tuple[Any, ...]] = []
    for record in records:
        fact = record.fact
        if isinstance(fact, ActuatorOutcome):
            row = (fact.outcome, fact.intent, record.position)
            (done if fact.outcome == "done" else failed).append(row)
        elif (door := reports(fact)) is not None:
            confirmed.append((door, record.position, own_time_us(record)))
    return [
        Statement(_NOT_DONE % table, failed, changes_each=False),
        Statement(_DONE % table + _OF_INTENT + " AND ?1 = 'done'", done, changes_each=False),
        Statement(_DONE % table + _OF_DOOR, confirmed, changes_each=False),
        Statement(_CONFIRMS % (table, table), confirmed if confirms else [], changes_each=False),
    ]
