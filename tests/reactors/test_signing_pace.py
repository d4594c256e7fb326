"""When the notary signs and rests: little while appends go on, and no loop without a rest."""

from __future__ import annotations

import pytest

from eventlog.reactors.signing_pace import (
    AT_ONCE,
    BATCH,
    BATCH_AMONG_APPENDS,
    BETWEEN_BEHIND_S,
    BETWEEN_HEADS_S,
    OLDEST_S,
    POLL_S,
    REST_FOR_WORK,
    Pace,
)

UNLOCKS = frozenset({AT_ONCE})


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock."""
    return Clock()


def busy(pace: Pace) -> None:
    """A step among appends, after which the notary is behind."""
    pace.rest_s(0.001, grows=True)
    pace.read(pace.limit, UNLOCKS)
    pace.rest_s(0.001, grows=True)


def test_among_appends_a_step_is_short_and_the_rest_is_long(clock: Clock) -> None:
    """A hundred records at a time, then twenty times the work; a thousand when it is alone."""
    pace = Pace(clock)
    assert pace.limit == BATCH
    busy(pace)
    assert pace.limit == BATCH_AMONG_APPENDS
    assert pace.rest_s(0.002, grows=True) == pytest.approx(0.002 * REST_FOR_WORK)
    assert pace.rest_s(0.002, grows=False) == pytest.approx(0.002)
    assert pace.limit == BATCH


def test_old_records_make_it_hurry_among_appends_too(clock: Clock) -> None:
    """After a minute it reads large pieces and rests as long as it works."""
    pace = Pace(clock)
    busy(pace)
    clock.now += OLDEST_S
    assert pace.rest_s(0.002, grows=True) == pytest.approx(0.002)
    assert pace.limit == BATCH
    assert pace.is_head_due(first=False, asked=False)


def test_after_an_unlock_it_rests_until_the_next_head_is_due(clock: Clock) -> None:
    """It does not read again and again meanwhile: what comes is in the same head."""
    pace = Pace(clock)
    pace.signed()
    clock.now += 0.25
    pace.read(3, UNLOCKS)
    assert not pace.is_head_due(first=False, asked=False)
    assert pace.rest_s(0.001, grows=True) == pytest.approx(BETWEEN_HEADS_S - 0.25)
    clock.now += BETWEEN_HEADS_S - 0.25
    assert pace.is_head_due(first=False, asked=False)


def test_behind_a_crowd_heads_are_further_apart(clock: Clock) -> None:
    """One in five seconds, as none would have the newest records; one that is asked for comes."""
    pace = Pace(clock)
    pace.signed()
    busy(pace)
    clock.now += BETWEEN_HEADS_S
    assert not pace.is_head_due(first=False, asked=False)
    assert pace.is_head_due(first=False, asked=True)
    clock.now += BETWEEN_BEHIND_S - BETWEEN_HEADS_S
    assert pace.is_head_due(first=False, asked=False)
    # As soon as it has caught up, the unlock's head is due a second after the last.
    pace.signed()
    pace.read(2, UNLOCKS)
    clock.now += BETWEEN_HEADS_S
    assert pace.is_head_due(first=False, asked=False)


def test_with_nothing_urgent_it_rests_half_a_second_at_most(clock: Clock) -> None:
    """So that a head is not much older than it has to be."""
    pace = Pace(clock)
    pace.read(3, frozenset({"motion"}))
    assert pace.rest_s(10.0, grows=True) == POLL_S
    assert pace.rest_s(0.001, grows=True) == pytest.approx(0.001 * REST_FOR_WORK)
