"""What another tolerance would have changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.decision.what_if import Answer, Asked, Face, Visit, visits_of, what_if
from eventlog.errors import BadArgument


def visit(*asked: Asked, faces: tuple[Face, ...] = (), event_id: int = 1) -> Visit:
    """A visit with what was asked in it."""
    return Visit(event_id, "2026-02-25T10:30:00", faces, asked)


def by_face(distance: float | None, **more: Any) -> Asked:
    """A face that asked: granted unless it is said otherwise."""
    given_fields = {"granted": True, "trial": False, "person": "ada", "reason": None, **more}
    return Asked(distance=distance, **given_fields)


STRANGER = by_face(0.62, granted=False, person=None)
FAR = (Face(None, 0.62, 0.6),)


def changed(answer: Answer) -> list[tuple[int, str, str]]:
    """What differs."""
    return [(change.event_id, change.was, change.would) for change in answer.changes]


def test_an_opening_beyond_the_tolerance_would_have_been_refused() -> None:
    """And one within it opens as it did; the limit itself is within."""
    visits = [visit(by_face(0.5)), visit(by_face(0.51), event_id=2)]
    answer = what_if(visits, 0.5)
    assert changed(answer) == [(2, "opened", "refused")]
    assert (answer.openings, answer.refusals, answer.closed, answer.opened) == (2, 0, 1, 0)


def test_a_refusal_for_its_distance_would_have_opened() -> None:
    """Where its reason says so, or where the face was beyond its tolerance."""
    said = by_face(0.62, granted=False, reason="tolerance")
    answer = what_if([visit(STRANGER, faces=FAR), visit(said, event_id=2)], 0.65)
    assert changed(answer) == [(1, "refused", "opened"), (2, "refused", "opened")]
    assert (answer.refusals, answer.opened) == (2, 2)
    assert not what_if([visit(STRANGER, faces=FAR)], 0.61).changes


@pytest.mark.parametrize("reason", ["out_of_hours", "cooldown", "one_frame", "dry_run"])
def test_a_refusal_for_another_reason_stays(reason: str) -> None:
    """However near the face was."""
    asked = by_face(0.62, granted=False, reason=reason)
    assert not what_if([visit(asked, faces=FAR)], 0.9).changes


def test_a_face_that_was_near_enough_and_refused_is_refused_again() -> None:
    """No reason is recorded, but it was not the distance."""
    asked = by_face(0.4, granted=False)
    assert not what_if([visit(asked, faces=(Face("ada", 0.4, 0.6),))], 0.9).changes


def test_a_visit_is_opened_if_any_of_its_faces_would_open() -> None:
    """A second try that was near enough keeps it open."""
    assert not what_if([visit(by_face(0.59), by_face(0.3))], 0.5).changes


def test_the_distance_of_the_persons_nearest_face_counts_where_the_action_has_none() -> None:
    """Another person's face opens nothing for her."""
    faces = (Face("ada", 0.55, 0.6), Face("ada", 0.52, 0.6), Face("bo", 0.2, 0.6))
    answer = what_if([visit(by_face(None), faces=faces)], 0.5)
    assert [change.distance for change in answer.changes] == [0.52]


def test_what_was_not_measured_is_counted_and_not_decided() -> None:
    """A score of another scale, or nothing at all."""
    answer = what_if([visit(by_face(None))], 0.1)
    assert (answer.unmeasured, answer.changes) == (1, ())


def test_a_face_that_would_be_known_is_counted_though_it_asked_for_nothing() -> None:
    """In both directions."""
    visits = [visit(faces=FAR), visit(faces=(Face("ada", 0.3, 0.6),), event_id=2)]
    assert [what_if(visits, limit).recognised for limit in (0.2, 0.5, 0.65)] == [1, 0, 1]


@pytest.mark.parametrize("tolerance", [-0.1, 11.0, float("nan"), float("inf")])
def test_what_is_no_tolerance_is_refused(tolerance: float) -> None:
    """By name."""
    with pytest.raises(BadArgument, match="tolerance"):
        what_if([], tolerance)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20), st.floats(0, 1))
def test_with_the_tolerance_that_decided_nothing_differs(
    distances: list[float], tolerance: float
) -> None:
    """Visits that were decided by one tolerance alone are decided the same by it again."""
    visits = [
        visit(
            by_face(one, granted=one <= tolerance, person="ada" if one <= tolerance else None),
            faces=(Face("ada" if one <= tolerance else None, one, tolerance),),
            event_id=n,
        )
        for n, one in enumerate(distances)
    ]
    answer = what_if(visits, tolerance)
    assert not answer.changes
    assert answer.recognised == 0
    assert answer.openings + answer.refusals == len(distances)


@given(st.lists(st.floats(0, 1), max_size=20), st.floats(0, 1), st.floats(0, 1))
def test_a_larger_tolerance_never_refuses_more(
    distances: list[float], one: float, other: float
) -> None:
    """Openings that would be refused become fewer, refusals that would open more."""
    visits = [visit(by_face(d), event_id=n) for n, d in enumerate(distances)]
    small, large = (what_if(visits, limit) for limit in sorted((one, other)))
    assert large.closed <= small.closed


def test_only_what_a_face_asked_for_is_decided_again() -> None:
    """A code that opened the same door is no face."""
    faces = [{"event_id": 1, "at": "t", "name": None, "distance": 0.7, "tolerance": 0.6}]
    row = {"event_id": 1, "granted": 1, "dry_run": 0, "person": "ada", "reason": None}
    asked = [
        {**row, "actor": "keypad", "distance": None},
        {**row, "actor": None, "distance": None},
        {**row, "actor": "face", "distance": 0.3},
    ]
    (found,) = visits_of(faces, asked)
    assert [one.distance for one in found.asked] == [0.3]
