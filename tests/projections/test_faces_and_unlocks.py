"""The views `face_results` and `unlock_actions`: all that was seen and decided, and the why."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from eventlog.errors import BadArgument
from eventlog.facts import Box, FaceResult, Score, UnlockAction
from eventlog.projections import face_results, unlock_actions
from eventlog.projections.unlock_actions import UnlockFilter, listed
from eventlog.record import Position, Record
from tests.projections.engine import T0, motion, projected, record, rows, visit

# ── face results ───────────────────────────────────────────────────────────────────────────


def test_a_face_result_is_kept_with_all_its_fields() -> None:
    """As its source gave it: no confidence is worked out, no score passes for a distance."""
    face = FaceResult(
        name="alice",
        distance=0.25,
        tolerance=0.5,
        score=Score(value=-3.5, scale="arcface"),
        box=Box(x1=1.0, y1=2.0, x2=3.0, y2=4.0, unit="fractions"),
        model="hog",
        recorded_at=T0,
    )
    (row,) = rows(projected(visit(motion(), face, event_id=3, first=8)), "face_results")
    assert row == {
        "id": 9,
        "event_id": 3,
        "name": "alice",
        "distance": 0.25,
        "tolerance": 0.5,
        "confidence": None,
        "score_value": -3.5,
        "score_scale": "arcface",
        "box_x1": 1.0,
        "box_y1": 2.0,
        "box_x2": 3.0,
        "box_y2": 4.0,
        "box_unit": "fractions",
        "model": "hog",
        "recorded_at": "2026-02-25T10:30:00",
        "track": None,
        "nearest": None,
        "threshold": None,
        "given_by": None,
        "sealed": None,
        "nearest_sealed": None,
    }


def test_every_face_of_an_event_is_listed_in_the_journals_order() -> None:
    """Several faces, a stranger among them."""
    faces = [FaceResult(name="bob", distance=0.5), FaceResult(), FaceResult(name="alice")]
    connection = projected(visit(motion(), *faces))
    found = connection.execute(*face_results.of_event(1)).fetchall()
    assert [(row[0], row[2]) for row in found] == [(2, "bob"), (3, None), (4, "alice")]
    assert len(found[0]) == len(face_results.COLUMNS)


# ── unlock actions ─────────────────────────────────────────────────────────────────────────


def test_a_refused_action_is_kept_with_its_why() -> None:
    """Who asked, what decided, on which numbers."""
    action = UnlockAction(
        granted=False,
        person="alice",
        confidence=0.25,
        distance=0.75,
        rule="distance over tolerance",
        actor="face",
        door_id="front",
        recorded_at=T0 + timedelta(seconds=2),
    )
    (row,) = rows(projected(visit(motion(), action, event_id=3, first=8)), "unlock_actions")
    assert row == {
        "id": 9,
        "event_id": 3,
        "granted": 0,
        "door_action": "none",
        "person": "alice",
        "confidence": 0.25,
        "distance": 0.75,
        "rule": "distance over tolerance",
        "actor": "face",
        "door_id": "front",
        "recorded_at": "2026-02-25T10:30:02",
        "appended_at": "2026-02-25T10:30:09",
        "user_ref": None,
        "credential_kind": None,
        "credential_slot": None,
        "reason": None,
        "frames": None,
        "dry_run": 0,
        "intent": None,
        "act": None,
        "effect": "none",
        "confirms": None,
        "said_person": "alice",
        "said_user": None,
        "user_ref_sealed": None,
        "sealed": None,
        "at_us": 1_772_015_402_000_000,
        "outcome": "refused",
        "listed_at": "2026-02-25T10:30:02",
    }


def test_an_action_without_a_ring_is_kept_without_an_event() -> None:
    """A key in the lock has the time of its append, if it has no time of its own."""
    key = record(UnlockAction(granted=True, door_action="unlocked"), position=5, event_id=None)
    (row,) = rows(projected([key]), "unlock_actions")
    assert (row["event_id"], row["recorded_at"]) == (None, None)
    assert row["listed_at"] == row["appended_at"] == "2026-02-25T10:30:05"


def test_the_time_of_append_keeps_its_microseconds() -> None:
    """Also before 1970, where the fraction still counts forwards."""
    key = UnlockAction(granted=True)
    for appended_at_us, written in (
        (1_500_000, "1970-01-01T00:00:01.500000"),
        (-1, "1969-12-31T23:59:59.999999"),
    ):
        at = Record(Position(1), None, appended_at_us, None, key)
        (row,) = rows(projected([at]), "unlock_actions")
        assert row["appended_at"] == row["listed_at"] == written


@pytest.mark.parametrize("cuts", [[], [1]], ids=["one batch", "a batch each"])
def test_an_action_of_an_event_goes_by_the_events_time(cuts: list[int]) -> None:
    """If it has no time of its own."""
    connection = projected(visit(motion(-3600), UnlockAction(granted=True)), cuts)
    (row,) = rows(connection, "unlock_actions")
    assert row["listed_at"] == "2026-02-25T09:30:00"


@pytest.mark.parametrize(
    ("action", "outcome"),
    [
        (UnlockAction(granted=True, door_action="unlocked"), "granted"),
        (UnlockAction(granted=True, door_action="none"), "granted"),
        (UnlockAction(granted=False, door_action="none"), "refused"),
        (UnlockAction(granted=False, door_action="locked"), "none"),
    ],
)
def test_a_door_that_was_locked_is_no_refusal(action: UnlockAction, outcome: str) -> None:
    """Refused is what was not granted and did nothing."""
    (row,) = rows(projected(visit(motion(), action)), "unlock_actions")
    assert row["outcome"] == outcome


def actions() -> Any:
    """Eight actions, one a second, of two persons, every third one refused; two of one time."""
    facts = [
        UnlockAction(
            granted=n % 3 != 0,
            door_action="none" if n % 3 == 0 else "unlocked",
            person=("alice", "bob")[n % 2],
            recorded_at=T0 + timedelta(seconds=min(n, 6)),
        )
        for n in range(8)
    ]
    return projected(visit(motion(), *facts))


def seconds(after: int) -> datetime:
    """So many seconds after T0."""
    return T0 + timedelta(seconds=after)


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (UnlockFilter(), [9, 8, 7, 6, 5, 4, 3, 2]),
        (UnlockFilter(person="alice"), [8, 6, 4, 2]),
        (UnlockFilter(outcome="refused"), [8, 5, 2]),
        (UnlockFilter(outcome="granted", person="bob"), [9, 7, 3]),
        (UnlockFilter(since=seconds(2), until=seconds(4)), [5, 4]),
        (UnlockFilter(person="carol"), []),
    ],
)
def test_the_list_of_actions_is_filtered_and_paged(wanted: UnlockFilter, ids: list[int]) -> None:
    """Newest first, then the higher id; page by page it is the same list."""
    connection = actions()
    assert [row[0] for row in connection.execute(*listed(wanted))] == ids
    found: list[int] = []
    before: tuple[str, int] | None = None
    while page := connection.execute(*listed(wanted, before=before, limit=3)).fetchall():
        found += [row[0] for row in page]
        before = (page[-1][-1], page[-1][0])
    assert found == ids


@pytest.mark.parametrize(
    "wanted",
    [
        UnlockFilter(),
        UnlockFilter(person="alice"),
        UnlockFilter(outcome="refused"),
        UnlockFilter(person="alice", outcome="refused"),
        UnlockFilter(since=T0, until=seconds(9)),
    ],
)
@pytest.mark.parametrize("before", [None, ("2026-02-25T10:30:00", 5)])
def test_each_list_of_actions_walks_an_index(
    wanted: UnlockFilter, before: tuple[str, int] | None
) -> None:
    """Nothing is sorted, and no table is read from end to end."""
    sql, parameters = listed(wanted, before=before)
    plan = [row[3] for row in projected([]).execute("EXPLAIN QUERY PLAN " + sql, parameters)]
    assert len(plan) == 1
    assert " USING INDEX idx_unlock_actions_" in plan[0]


def test_a_persons_actions_are_found_by_the_person() -> None:
    """Whatever else is asked: one person's are fewer than all of one outcome."""
    sql, parameters = listed(UnlockFilter(person="alice", outcome="refused"))
    (plan,) = projected([]).execute("EXPLAIN QUERY PLAN " + sql, parameters)
    assert "idx_unlock_actions_person" in plan[3]


def test_a_page_of_actions_has_bounds() -> None:
    """A negative limit would be none to SQLite."""
    with pytest.raises(BadArgument):
        listed(UnlockFilter(), limit=-1)


def test_the_columns_are_named_as_they_stand() -> None:
    """COLUMNS has what a reader is shown: no seal, and nothing that only the rules look at."""
    connection = projected([])
    for view in (face_results, unlock_actions):
        (name,) = {face_results: ("face_results",), unlock_actions: ("unlock_actions",)}[view]
        found = [row[1] for row in connection.execute(f"PRAGMA table_info({name})")]
        shown = [c for c in found if not c.endswith("sealed") and not c.startswith("said_")]
        assert tuple(shown) == view.COLUMNS
