"""The views of doors, locks, devices, parts, silences, alerts, acts and credentials: their laws.

Each is compared with a plain model, written from the rule alone; `test_laws.py` holds that batches
leave no trace in them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.errors import BadArgument
from eventlog.facts import (
    ActuatorOutcome,
    AlertIntended,
    AlertSent,
    CredentialPresented,
    DeviceState,
    DoorState,
    FaceResult,
    Fact,
    IdentityLinked,
    LockState,
    PartBack,
    PartStopped,
    Sealed,
    SourceBack,
    SourceSilent,
    UnlockAction,
)
from eventlog.projections import (
    acts,
    alerts,
    credentials,
    devices,
    doors,
    locks,
    parts,
    silences,
)
from eventlog.record import Position, Record, instant
from tests.projections.engine import T0, T0_US, motion, projected, record, rows, visit
from tests.projections.visit_model import act_of, action_of, is_act, own_time, text
from tests.support.strategies import standalone_facts

times = st.none() | st.sampled_from([T0, T0 + timedelta(seconds=5), T0 - timedelta(days=1)])
names = st.sampled_from(["front", "garden"])
some: st.SearchStrategy[Fact] = st.one_of(
    st.builds(
        DoorState,
        door_id=names,
        state=st.sampled_from(["open", "closed"]),
        source=st.just("nuki"),
        recorded_at=times,
    ),
    st.builds(
        LockState,
        door_id=names,
        state=st.sampled_from(["locked", "unlocked", "jammed"]),
        source=st.just("nuki"),
        recorded_at=times,
    ),
    st.builds(
        UnlockAction,
        granted=st.booleans(),
        door_action=st.sampled_from(["locked", "unlocked", "none"]),
        door_id=st.none() | names,
        intent=st.none() | st.sampled_from(["i1", "i2"]),
        dry_run=st.booleans(),
        recorded_at=times,
    ),
    st.builds(
        ActuatorOutcome,
        intent=st.sampled_from(["i1", "i2"]),
        outcome=st.sampled_from(["done", "failed"]),
        took_ms=st.sampled_from([1, 2]),
    ),
    st.builds(
        DeviceState,
        device_id=names,
        what=st.sampled_from(["battery", "tamper"]),
        state=st.sampled_from(["low", "ok"]),
        recorded_at=times,
    ),
    st.builds(PartStopped, part=names, error=st.just("OSError 5"), restarts=st.integers(0, 3)),
    st.builds(PartBack, part=names, restarts=st.integers(0, 3)),
    st.builds(SourceSilent, source=names, since=st.just(T0), reason=st.just("offline")),
    st.builds(SourceBack, source=names, until=st.just(T0), late=st.integers(0, 3)),
    st.builds(AlertIntended, rule=st.just("rings"), channel=st.just("ntfy"), revision=st.just(0)),
    st.builds(
        AlertSent,
        outcome=st.sampled_from([None, "sent", "gave_up"]),
        intended=st.none() | st.integers(1, 20),
    ),
    st.builds(CredentialPresented, credential_kind=st.just("pin"), person=st.none() | names),
    standalone_facts(),
)


@st.composite
def logs(draw: st.DrawFn) -> list[Record]:
    """Records that belong to no event, some appended at the same moment."""
    facts = draw(st.lists(some, max_size=20))
    apart = draw(st.sampled_from([0, 1_000_000, 7_000_000]))
    return [
        Record(Position(n), None, T0_US + n * apart, None, fact)
        for n, fact in enumerate(facts, start=1)
    ]


def found(records: Sequence[Record], size: int, table: str) -> list[dict[str, Any]]:
    """The rows of a view, after batches of that size."""
    return rows(projected(records, range(0, len(records), size)), table)


def latest(records: Sequence[Record], *keys: str) -> list[Record]:
    """The latest record of each key by its own time, then by position, in the journal's order."""
    newest: dict[tuple[Any, ...], Record] = {}
    for one in records:
        key = tuple(getattr(one.fact, name) for name in keys)
        if key not in newest or own_time(one) >= own_time(newest[key]):
            newest[key] = one
    return sorted(newest.values(), key=lambda one: one.position)


@given(logs(), st.integers(1, 20))
def test_doors_and_devices_are_as_they_said_last(records: list[Record], size: int) -> None:
    """The latest by its own time stays, in whatever order the reports come in."""
    reports = [r for r in records if isinstance(r.fact, DoorState)]
    expected = [(r.position, text(own_time(r))) for r in latest(reports, "door_id")]
    assert [(row["id"], row["at"]) for row in found(records, size, "doors")] == expected
    states = [r for r in records if isinstance(r.fact, DeviceState)]
    expected = [(r.position, text(own_time(r))) for r in latest(states, "device_id", "what")]
    assert [(row["id"], row["at"]) for row in found(records, size, "devices")] == expected


@given(logs(), st.integers(1, 20))
def test_a_lock_is_as_its_last_state_or_operation_says(records: list[Record], size: int) -> None:
    """A trial and an act that was only announced say nothing of the bolt."""
    said = [
        r
        for r in records
        if isinstance(r.fact, LockState)
        or (
            isinstance(r.fact, UnlockAction)
            and r.fact.door_id is not None
            and r.fact.door_action != "none"
            and not r.fact.dry_run
            and r.fact.intent is None
        )
    ]
    expected = [
        (r.position, getattr(r.fact, "state", getattr(r.fact, "door_action", None)))
        for r in latest(said, "door_id")
    ]
    assert [(row["id"], row["state"]) for row in found(records, size, "locks")] == expected


@given(logs(), st.integers(1, 20))
def test_parts_stand_as_their_last_record_says(records: list[Record], size: int) -> None:
    """Stopped with the error, or running."""
    newest: dict[str, Record] = {}
    for r in records:
        if isinstance(r.fact, PartStopped | PartBack):
            newest[r.fact.part] = r
    expected = [
        (r.position, "stopped" if isinstance(r.fact, PartStopped) else "running")
        for r in sorted(newest.values(), key=lambda one: one.position)
    ]
    assert [(row["id"], row["state"]) for row in found(records, size, "parts")] == expected


@given(logs(), st.integers(1, 20))
def test_a_silence_ends_when_its_source_is_back(records: list[Record], size: int) -> None:
    """At the first record after it that says so."""
    expected = []
    for r in records:
        if isinstance(r.fact, SourceSilent):
            source = r.fact.source
            ends = [
                e.position
                for e in records[r.position :]
                if isinstance(e.fact, SourceBack) and e.fact.source == source
            ]
            expected.append((r.position, ends[0] if ends else None))
    assert [(row["id"], row["ended_by"]) for row in found(records, size, "silences")] == expected


@given(logs(), st.integers(1, 20))
def test_an_alert_is_told_of_once(records: list[Record], size: int) -> None:
    """Its outcome is in its own row; one that was not announced gets a row too."""
    expected: dict[int, tuple[int, str | None]] = {}
    for r in records:
        if isinstance(r.fact, AlertIntended):
            expected[r.position] = (1, None)
        elif isinstance(r.fact, AlertSent):
            of = r.fact.intended
            intended = of is not None and of < r.position and expected.get(of, (0,))[0] == 1
            row = of if intended and of is not None else r.position
            expected[row] = (int(intended), r.fact.outcome or "sent")
    shown = {r["id"]: (r["intended"], r["outcome"]) for r in found(records, size, "alerts")}
    assert shown == expected


@given(logs(), st.integers(1, 20))
def test_an_act_is_settled_by_its_outcome_or_by_the_lock(records: list[Record], size: int) -> None:
    """Pending, done by its outcome or the lock's report, or as its last outcome says."""
    expected = [
        (r.position, act_of(records, r), *action_of(records, r)) for r in records if is_act(r)
    ]
    shown = [
        (row["id"], row["act"], row["outcome"], row["effect"])
        for row in found(records, size, "acts")
    ]
    assert shown == expected


@given(logs(), st.integers(1, 20))
def test_every_credential_that_opened_nothing_is_kept(records: list[Record], size: int) -> None:
    """With who it was, where that is known."""
    expected = [
        (r.position, None if r.fact.person is None else str(r.fact.person))
        for r in records
        if isinstance(r.fact, CredentialPresented)
    ]
    shown = [(row["id"], row["person"]) for row in found(records, size, "credentials")]
    assert shown == expected


def test_a_credential_of_an_event_names_it_and_a_seal_names_nobody() -> None:
    """What is sealed is called that in a table too."""
    seal = Sealed(sealed=bytes(range(32)))
    shown = CredentialPresented(credential_kind="rfid", person=seal, user_ref=seal)
    (row,) = rows(projected(visit(motion(), shown, event_id=4)), "credentials")
    assert row["event_id"] == 4
    assert row["person"] == row["user_ref"] == "a sealed name (000102030405)"


@pytest.mark.parametrize("late", [timedelta(0), timedelta(seconds=10)])
def test_a_report_within_ten_seconds_confirms_and_is_no_second_opening(late: timedelta) -> None:
    """The act is done; the report is marked, and the list of unlocks leaves it out."""
    act = UnlockAction(
        granted=True, door_action="unlocked", door_id="front", intent="i1", recorded_at=T0
    )
    report = UnlockAction(
        granted=True, door_action="unlocked", door_id="front", actor="app", recorded_at=T0 + late
    )
    records = visit(motion(), act)
    records.append(record(report, position=3, event_id=None))
    connection = projected(records)
    (event,) = rows(connection, "events")
    assert (event["unlock_granted"], event["door_action"]) == (1, "unlocked")
    assert [row["confirms"] for row in rows(connection, "unlock_actions")] == [None, 2]


@pytest.mark.parametrize("late", [timedelta(seconds=-1), timedelta(seconds=10, microseconds=1)])
def test_a_report_at_another_time_confirms_nothing(late: timedelta) -> None:
    """It is an opening of its own, and the act stays unconfirmed."""
    act = UnlockAction(
        granted=True, door_action="unlocked", door_id="front", intent="i1", recorded_at=T0
    )
    report = UnlockAction(
        granted=True, door_action="unlocked", door_id="front", actor="key", recorded_at=T0 + late
    )
    records = visit(motion(), act)
    records.append(record(report, position=3, event_id=None))
    connection = projected(records)
    (event,) = rows(connection, "events")
    assert (event["unlock_granted"], event["door_action"]) == (1, "none")
    assert [row["confirms"] for row in rows(connection, "unlock_actions")] == [None, None]


def test_the_queries_of_the_views_answer_their_columns() -> None:
    """Rows as COLUMNS says; a page has bounds."""
    facts: list[Fact] = [
        motion(),
        CredentialPresented(credential_kind="pin"),
        UnlockAction(granted=True, intent="i1"),
        AlertIntended(rule="rings", channel="ntfy", revision=0, covers=(1, 2)),
        SourceSilent(source="ring", since=T0, reason="offline"),
        DoorState(door_id="front", state="open", source="nuki"),
        LockState(door_id="front", state="locked", source="nuki"),
        DeviceState(device_id="front", what="battery", state="low"),
        PartStopped(part="ring", error="OSError 5", restarts=0),
    ]
    everything = projected(visit(*facts))
    for view in (acts, alerts, credentials, silences):
        (row,) = everything.execute(*view.latest(5)).fetchall()
        assert len(row) == len(view.COLUMNS)
        with pytest.raises(BadArgument):
            view.latest(-1)
    for view in (doors, locks, devices, parts):
        (row,) = everything.execute(*view.listed()).fetchall()
        assert len(row) == len(view.COLUMNS)
    assert json.loads(rows(everything, "alerts")[0]["covers"]) == [1, 2]
    assert instant(T0_US) == T0


def test_a_slot_that_is_linked_to_a_person_shows_the_person() -> None:
    """For actions before and after the link; after it was undone, no person is shown."""
    by_slot = UnlockAction(
        granted=True, door_action="unlocked", actor="keypad", door_id="front", credential_slot=2
    )
    link = IdentityLinked(person="ada", source="front", identity="2")
    records = [*visit(motion(), by_slot), *visit(motion(60), event_id=2, first=3)]
    records += [
        record(link, position=4, event_id=None),
        record(by_slot, position=5, event_id=2),
    ]
    for cuts in (range(0), range(5)):
        connection = projected(records, cuts)
        assert [row["person_name"] for row in rows(connection, "events")] == ["ada", "ada"]
        shown = [(row["person"], row["said_person"]) for row in rows(connection, "unlock_actions")]
        assert shown == [("ada", None), ("ada", None)]
    parted = IdentityLinked(person="ada", source="front", identity="2", linked=False)
    records.append(record(parted, position=6, event_id=None))
    assert [row["person_name"] for row in rows(projected(records), "events")] == [None, None]


def test_two_names_of_one_person_are_shown_as_one() -> None:
    """The faces keep what their source said."""
    records = visit(motion(), FaceResult(name="ada_l", distance=0.3))
    link = IdentityLinked(person="ada", same_as="ada_l")
    records.append(record(link, position=3, event_id=None))
    connection = projected(records)
    assert [row["person_name"] for row in rows(connection, "events")] == ["ada"]
    assert [row["name"] for row in rows(connection, "face_results")] == ["ada_l"]
