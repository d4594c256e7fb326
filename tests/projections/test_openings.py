"""Doors and locks at any time, and how long a door stood open: held against a plain model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import BadArgument
from eventlog.facts import ActuatorOutcome, DoorState, Fact, LockState, UnlockAction
from eventlog.projections import doors, locks, openings
from eventlog.record import Record
from tests.projections.engine import T0, motion, projected, record, visit
from tests.projections.visit_model import own_time

OPEN = {"open", "ajar", "forced_open"}
reports = st.builds(
    DoorState,
    door_id=st.sampled_from(["front", "garden"]),
    state=st.sampled_from(["open", "closed", "ajar", "unknown"]),
    source=st.just("nuki"),
    recorded_at=st.none() | st.integers(-30, 30).map(lambda s: T0 + timedelta(seconds=s)),
)


def as_records(facts: Sequence[DoorState]) -> list[Record]:
    """Reports that belong to no event, a second apart."""
    return [record(fact, position=n, event_id=None) for n, fact in enumerate(facts, start=1)]


def in_time(records: Sequence[Record], door: str) -> list[tuple[datetime, int, str]]:
    """A door's reports by their own time, then by position."""
    return sorted(
        (own_time(r), r.position, r.fact.state)
        for r in records
        if isinstance(r.fact, DoorState) and r.fact.door_id == door
    )


def stood_open(records: Sequence[Record]) -> list[tuple[int, int | None]]:
    """The position at which each opening began, and the one that ended it, newest first."""
    found: list[tuple[datetime, int, int | None]] = []
    for door in ("front", "garden"):
        since: tuple[datetime, int] | None = None
        for at, position, state in in_time(records, door):
            if state in OPEN and since is None:
                since = (at, position)
            elif state not in OPEN and since is not None:
                found.append((*since, position))
                since = None
        if since is not None:
            found.append((*since, None))
    return [(position, end) for _, position, end in sorted(found, reverse=True)]


@given(st.lists(reports, max_size=15), st.integers(-40, 40), st.integers(1, 15))
def test_a_door_at_any_time_is_as_it_last_said_before(
    facts: list[DoorState], second: int, size: int
) -> None:
    """By the reports' own times, in whatever order and batches they came in."""
    records = as_records(facts)
    moment = T0 + timedelta(seconds=second)
    expected = []
    for door in ("front", "garden"):
        before = [one for one in in_time(records, door) if one[0] <= moment]
        expected += [before[-1][1]] if before else []
    connection = projected(records, range(0, len(records), size))
    shown = connection.execute(*doors.listed(moment)).fetchall()
    assert [row[0] for row in shown] == expected


@given(st.lists(reports, max_size=15), st.integers(1, 15))
def test_an_opening_ends_at_the_first_report_that_it_is_not_open(
    facts: list[DoorState], size: int
) -> None:
    """A contact that repeats itself begins no second opening."""
    records = as_records(facts)
    connection = projected(records, range(0, len(records), size))
    shown = connection.execute(*openings.latest(50)).fetchall()
    found = [dict(zip(openings.COLUMNS, row, strict=True)) for row in shown]
    expected = stood_open(records)
    assert [row["id"] for row in found] == [position for position, _ in expected]
    states: dict[int, Any] = {r.position: r.fact for r in records}
    for row, (_, end) in zip(found, expected, strict=True):
        fact: Any = None if end is None else states[end]
        assert row["closed_state"] == (None if fact is None else fact.state)


def opened_after(
    action: UnlockAction, seconds: int, door: str = "front"
) -> tuple[list[Record], dict[str, Any]]:
    """A visit with an action, and the row of a door that opens so long after it."""
    state = DoorState(
        door_id=door, state="open", source="z", recorded_at=T0 + timedelta(seconds=seconds)
    )
    records = [*visit(motion(), action), record(state, position=3, event_id=None)]
    (row,) = projected(records).execute(*openings.latest()).fetchall()
    return records, dict(zip(openings.COLUMNS, row, strict=True))


CODE = UnlockAction(
    granted=True,
    door_action="unlocked",
    actor="keypad",
    credential_slot=2,
    door_id="front",
    recorded_at=T0,
)


@pytest.mark.parametrize(("seconds", "joined"), [(0, True), (120, True), (122, False), (-2, False)])
def test_an_opening_is_joined_to_the_unlock_before_it(seconds: int, joined: bool) -> None:
    """Within two minutes; an unlock that came later opened nothing."""
    _, row = opened_after(CODE, seconds)
    assert row["unlock_id"] == (2 if joined else None)


def test_an_opening_without_an_unlock_names_the_visit_near_it() -> None:
    """The newest event from two minutes before it to one after it; else none."""
    asked = UnlockAction(granted=False, actor="face", door_id="front")
    assert opened_after(asked, 100)[1]["event_id"] == 1
    assert opened_after(asked, 600)[1]["event_id"] is None
    assert opened_after(asked, 100)[1]["unlock_id"] is None


def test_the_same_doors_unlock_comes_before_anothers() -> None:
    """Even where another lock was opened later."""
    other = UnlockAction(
        granted=True,
        door_action="unlocked",
        door_id="garden",
        recorded_at=T0 + timedelta(seconds=5),
    )
    state = DoorState(
        door_id="front", state="open", source="z", recorded_at=T0 + timedelta(seconds=9)
    )
    records = [*visit(motion(), CODE, other), record(state, position=4, event_id=None)]
    (row,) = projected(records).execute(*openings.latest()).fetchall()
    assert dict(zip(openings.COLUMNS, row, strict=True))["unlock_id"] == 2


def test_a_confirmed_act_is_one_opening_and_a_failed_one_none() -> None:
    """The list of the lock's openings knows what became of each act."""
    act = UnlockAction(
        granted=True, door_action="unlocked", door_id="front", intent="i1", recorded_at=T0
    )
    done: list[Fact] = [ActuatorOutcome(intent="i1", outcome="done"), CODE]
    failed: list[Fact] = [ActuatorOutcome(intent="i1", outcome="failed")]
    confirmed = projected(visit(motion(), act, *done)).execute(*openings.unlocks()).fetchall()
    assert [row[0] for row in confirmed] == [2]
    assert projected(visit(motion(), act, *failed)).execute(*openings.unlocks()).fetchall() == []


def test_a_lock_at_any_time_knows_its_operations_too() -> None:
    """A state that was reported, and an opening by a code."""
    jam = LockState(
        door_id="front", state="jammed", source="z", recorded_at=T0 + timedelta(seconds=60)
    )
    connection = projected([*visit(motion(), CODE), record(jam, position=3, event_id=None)])
    for second, state in ((0, "unlocked"), (59, "unlocked"), (60, "jammed")):
        (row,) = connection.execute(*locks.listed(T0 + timedelta(seconds=second))).fetchall()
        assert row[2] == state
    assert not connection.execute(*locks.listed(T0 - timedelta(seconds=1))).fetchall()


@pytest.mark.parametrize("query", [openings.latest, openings.unlocks])
def test_the_lists_have_bounds(query: Any) -> None:
    """A negative limit is refused."""
    with pytest.raises(BadArgument):
        query(-1)
