"""What a row of a plain store says as facts, and what is kept of what no fact can hold."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from eventlog import AlertSent, Ding, FaceResult, Motion, UnlockAction
from eventlog.store.compat.plain_rows import event_of_row
from tests.store.compat.plain_facts import (
    CREATED_US,
    NOW,
    NOW_US,
    RECORDED_US,
    event,
    facts,
    kept,
    only,
    values,
)
from tests.store.compat.plain_stores import VISIT


def test_an_event_under_another_id_than_its_own_is_an_exception() -> None:
    """Key and meta keep the row's id; the append opens the one it was given."""
    told = event_of_row({**VISIT, "id": -4}, [], 8, NOW_US)
    assert told.append is not None
    assert (told.append.event_id, told.append.key) == (8, "legacy:-4")
    assert (kept(told), told.exceptions) == ({"id": -4}, 1)


def test_a_visit_of_the_contracts_values_leaves_nothing_but_its_id() -> None:
    """Everything is in the facts."""
    assert kept(event()) == {"id": 7}
    assert (event().exceptions, event().aside) == (0, False)


def test_a_bare_visit_is_an_opener_and_nothing_more() -> None:
    """What a row does not say becomes no fact."""
    told = event_of_row({"id": 7, "recorded_at": VISIT["recorded_at"]}, [], 7, NOW_US)
    assert [type(fact) for fact in facts(told)] == [Motion]
    assert kept(told) == {"id": 7}


@pytest.mark.parametrize(
    ("column", "value", "field", "told"),
    [
        ("camera_id", "c" * 65, "camera_id", "unknown"),
        ("camera_id", "", "camera_id", "unknown"),
        ("camera_id", b"front_door", "camera_id", "unknown"),
        ("recording_id", "r" * 257, "recording_id", None),
        ("recording_id", 7012345678901234567, "recording_id", None),
    ],
)
def test_a_value_of_the_opener_that_no_fact_can_hold_is_not_known_and_kept(
    column: str, value: object, field: str, told: object
) -> None:
    """Nothing is cut and nothing guessed."""
    result = event(**{column: value})
    assert getattr(facts(result)[0], field) == told
    assert values(result) == {column: value}
    assert result.exceptions == 1


def test_an_event_of_another_type_is_a_motion_and_its_type_is_kept() -> None:
    """Only a motion or a ding opens an event, and a ding would say too much."""
    result = event(event_type="other")
    assert isinstance(facts(result)[0], Motion)
    assert (values(result), result.exceptions) == ({"event_type": "other"}, 1)


@pytest.mark.parametrize(
    ("column", "value", "field"),
    [
        ("face_confidence", 1.3, "confidence"),
        ("face_confidence", -0.1, "confidence"),
        ("face_confidence", "high", "confidence"),
        ("face_distance", -1.0, "distance"),
        ("face_distance", float("inf"), "distance"),
        ("face_distance", 2**53 + 1, "distance"),
    ],
)
def test_a_measure_out_of_range_is_not_known_to_the_face_and_kept(
    column: str, value: object, field: str
) -> None:
    """The name and the other measure are kept."""
    result = event(**{column: value})
    face = only(result, FaceResult)
    assert (face.name, getattr(face, field)) == ("anna", None)
    assert (values(result), result.exceptions) == ({column: value}, 1)


@pytest.mark.parametrize("nobody", ["", b"", 0])
def test_an_empty_name_is_nobodys_and_the_face_a_strangers(nobody: object) -> None:
    """The contract's NULL, as some pipelines write it."""
    result = event(person_name=nobody)
    assert only(result, FaceResult) == FaceResult(name=None, distance=0.31, confidence=0.69)
    assert (values(result), result.aside) == ({"person_name": nobody}, False)


@pytest.mark.parametrize("name", ["n" * 65, b"anna", 12])
def test_a_name_that_can_not_be_held_makes_no_stranger_and_stands_in_no_meta(name: object) -> None:
    """The row is to be kept elsewhere; the door opened nevertheless."""
    result = event(person_name=name)
    assert not [fact for fact in facts(result) if isinstance(fact, FaceResult)]
    assert only(result, UnlockAction) == UnlockAction(granted=True, door_action="unlocked")
    assert (kept(result), result.aside, result.exceptions) == ({"id": 7}, True, 1)


@pytest.mark.parametrize(
    ("value", "granted"), [(2, True), (-1, True), (0.5, True), ("true", False), (b"\1", False)]
)
def test_a_flag_that_is_neither_0_nor_1_is_read_as_sqlite_reads_it_and_kept(
    value: object, granted: bool
) -> None:
    """A number is true unless it is 0; anything else says nothing."""
    result = event(unlock_granted=value, alert_sent=value)
    assert only(result, UnlockAction).granted is granted
    assert [type(fact) for fact in facts(result)].count(AlertSent) == granted
    assert values(result) == {"unlock_granted": value, "alert_sent": value}
    assert result.exceptions == 1


def test_a_door_action_that_is_none_makes_no_refusal() -> None:
    """'opened' without a grant is kept, and becomes no refusal."""
    result = event(door_action="opened", unlock_granted=0)
    assert not [fact for fact in facts(result) if isinstance(fact, UnlockAction)]
    assert (values(result), result.exceptions) == ({"door_action": "opened"}, 1)
    assert only(event(door_action="opened"), UnlockAction).door_action == "none"


def test_a_door_that_was_locked_is_told_as_such() -> None:
    """As write_event does: not granted, and locked."""
    result = event(door_action="locked", unlock_granted=0)
    assert (only(result, UnlockAction).granted, values(result)) == (False, {})


def test_a_null_where_the_contract_has_a_value_is_kept_and_no_exception() -> None:
    """NULL says nothing that a fact could refuse."""
    nulls = dict.fromkeys(("camera_id", "event_type", "unlock_granted", "door_action"))
    result = event(**nulls, alert_sent=None, created_at=None)
    assert values(result) == {**nulls, "alert_sent": None, "created_at": None}
    assert result.exceptions == 0


# ── times ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "spelling",
    [
        "2026-02-25T10:30:00Z",
        "2026-02-25 10:30:00",
        "2026-02-25T11:30:00+01:00",
        "2026-02-25T10:30:00.000000+00:00",
        "2026-02-25T10:30",
        "2026-02-25T10:30:00.000000999",
    ],
)
def test_another_spelling_of_a_time_is_the_same_time_and_no_exception(spelling: str) -> None:
    """The fact has the instant; the meta has the spelling."""
    result = event(recorded_at=spelling)
    opener = facts(result)[0]
    assert isinstance(opener, Ding)
    assert opener.recorded_at == datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
    assert (values(result), result.exceptions) == ({"recorded_at": spelling}, 0)


@pytest.mark.parametrize(
    "broken",
    [
        "yesterday",
        "",
        "2026-02-30T10:00:00",
        "17120131123",  # seconds since 1970, in which fromisoformat sees 1712
        "0001-01-01T00:00:00+14:00",
        "٢٠٢٦-02-25T10:30:00",
        1772015400,
        b"2026-02-25T10:30:00",
    ],
)
def test_a_recorded_at_that_can_not_be_read_gives_way_to_created_at(broken: object) -> None:
    """The row is as old as its entry, at least."""
    result = event(recorded_at=broken)
    opener = facts(result)[0]
    assert isinstance(opener, Ding)
    assert opener.recorded_at == datetime(2026, 2, 25, 10, 30, 4, tzinfo=UTC)
    assert (values(result), result.exceptions) == ({"recorded_at": broken}, 1)


def test_a_created_at_that_can_not_be_read_gives_way_to_recorded_at_and_both_to_now() -> None:
    """The append has the best time there is."""
    appends = [
        told.append
        for told in (
            event(),
            event(created_at="soon"),
            event_of_row({"id": 7, "recorded_at": "soon"}, [], 7, NOW_US),
        )
    ]
    times = [append.appended_at_us for append in appends if append is not None]
    assert times == [CREATED_US, RECORDED_US, NOW_US]
    opener = facts(event_of_row({"id": 7, "recorded_at": "soon"}, [], 7, NOW_US))[0]
    assert isinstance(opener, Motion)
    assert opener.recorded_at == NOW
