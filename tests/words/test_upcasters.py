"""Old shapes are lifted one version at a time, and no version ever written is left out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.facts import FACT_TYPES, kind_of, version_of
from eventlog.upcasters import UPCASTERS, Body, MissingStep, Upcaster, lift

TODAY: Final = {kind_of(t): version_of(t) for t in FACT_TYPES}


def trace(step: int) -> Upcaster:
    """An upcaster that leaves its own number behind."""
    return lambda body: {**body, "steps": [*body.get("steps", []), step]}


STEPS: Final[Mapping[tuple[str, int], Upcaster]] = {
    **{("ding", step): trace(step) for step in range(1, 10)},
    ("motion", 1): trace(100),
}


@given(start=st.integers(1, 10), steps=st.integers(0, 9))
def test_each_step_is_taken_once_and_in_order(start: int, steps: int) -> None:
    """From any version to any later one, no step is left out or taken twice."""
    target = min(start + steps, 10)
    lifted = lift("ding", start, {"camera": "front"}, to=target, upcasters=STEPS)
    assert lifted.get("steps", []) == list(range(start, target))
    assert lifted["camera"] == "front"
    if target > start:
        assert (lifted["kind"], lifted["version"]) == ("ding", target)


def test_what_a_step_says_of_kind_and_version_does_not_count() -> None:
    """The version is the step's own, so that a step can't claim another."""
    steps: dict[tuple[str, int], Upcaster] = {("ding", 1): lambda _: {"kind": "x", "version": 99}}
    lifted = lift("ding", 1, {}, to=2, upcasters=steps)
    assert lifted == {"kind": "ding", "version": 2}


def test_a_body_of_today_is_left_as_it_is() -> None:
    """There is nothing to lift: the very body comes back."""
    body: Body = {"kind": "ding", "version": 1}
    assert lift("ding", 1, body, to=1) is body


def test_a_body_is_not_changed_by_lifting_it() -> None:
    """The old body may be read again: a step makes a new one."""
    body: Body = {"camera": "front"}
    lift("ding", 1, body, to=10, upcasters=STEPS)
    assert body == {"camera": "front"}


@pytest.mark.parametrize(("kind", "version", "to"), [("ding", 0, 2), ("motion", 1, 3), ("x", 1, 2)])
def test_a_missing_step_is_named(kind: str, version: int, to: int) -> None:
    """MissingStep names the kind and the version from which no step leads on."""
    with pytest.raises(MissingStep) as caught:
        lift(kind, version, {}, to=to, upcasters=STEPS)
    missing = 2 if kind == "motion" else version
    assert f"'{kind}', {missing}" in str(caught.value)


def test_no_step_is_taken_where_one_is_missing() -> None:
    """Whether all steps are there is known before the first of them runs."""

    def first(_: Body) -> Body:
        pytest.fail("the first step ran though the second is missing")

    with pytest.raises(MissingStep):
        lift("ding", 1, {}, to=3, upcasters={("ding", 1): first})


@pytest.mark.parametrize("kind", sorted(TODAY))
def test_every_version_before_todays_has_its_step(kind: str) -> None:
    """What was ever written can be lifted to today; no step leads past it or from nowhere."""
    steps = sorted(version for of, version in UPCASTERS if of == kind)
    assert steps == list(range(1, TODAY[kind]))


def test_no_step_is_of_a_kind_that_is_gone() -> None:
    """A kind is never taken out of `facts.py` while upcasters of it are left."""
    assert {kind for kind, _ in UPCASTERS} <= set(TODAY)
