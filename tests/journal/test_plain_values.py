"""Numbers, text and times of other libraries: each is its plain value, or has none and says so."""

from __future__ import annotations

import enum
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog import BadFact, Box, Detection, FaceResult, Motion, ThumbnailSaved, codecs
from eventlog.journal import plain_values
from eventlog.journal.plain_values import NotPlainError, plain_value


class Colour(enum.Enum):
    """An enum of text that is not a text itself."""

    RED = "red"


class Level(enum.IntEnum):
    """An enum that is a number."""

    HIGH = 3


class Loud(str):
    """Text that shows itself as something else."""

    __slots__ = ()

    def __str__(self) -> str:
        return "LOUD"


class Degrees(float):
    """A float that shows itself as something else."""

    __slots__ = ()

    def __float__(self) -> float:
        return 99.0


class Local(datetime):
    """A time as libraries derive theirs."""


class Ordinal:
    """An integer of an unknown type."""

    def __index__(self) -> int:
        return 7


AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
SAME: list[tuple[Any, Any]] = [
    (np.float64(0.31), 0.31),
    (np.float32(0.5), 0.5),
    (np.longdouble(0.5), 0.5),
    (np.int64(3), 3),
    (np.uint64(2**63), 2**63),
    (np.True_, True),
    (np.array(["ada"])[0], "ada"),
    (np.bytes_(b"x"), b"x"),
    (np.array(0.5), 0.5),
    (np.array("ada"), "ada"),
    (np.datetime64("2026-02-25T10:30:00.123456000"), datetime(2026, 2, 25, 10, 30, 0, 123456)),  # noqa: DTZ001 - it has no zone
    (Decimal("0.7"), 0.7),
    (Decimal(3), 3),
    (Fraction(7, 10), 0.7),
    (Fraction(3), 3),
    (Colour.RED, "red"),
    (Level.HIGH, 3),
    (Loud("ada"), "ada"),
    (Degrees(0.5), 0.5),
    (Local(2026, 2, 25, 10, 30, tzinfo=UTC), AT),
    (Ordinal(), 7),
]
LOST: list[Any] = [
    np.longdouble(1) / 3,
    Decimal("0.12345678901234567890"),
    Decimal("1e500"),
    Decimal("sNaN"),
    Fraction(1, 3),
    Fraction(10**400, 7),
    np.datetime64("2026-02-25T10:30:00.123456789"),
    np.datetime64("NaT", "us"),
    np.ma.masked,
    np.array([0.5]),
]


@pytest.mark.parametrize(("given", "plain"), SAME, ids=lambda value: type(value).__name__)
def test_a_value_that_says_the_same_is_taken_as_the_plain_one(given: Any, plain: Any) -> None:
    """The answer has exactly the plain type, and is equal."""
    taken = plain_value(given)
    assert type(taken) is type(plain)
    assert taken == plain


@pytest.mark.parametrize("given", LOST, ids=lambda value: type(value).__name__)
def test_a_value_that_would_lose_something_is_refused(given: Any) -> None:
    """Digits, nanoseconds and masked values are not dropped in silence."""
    with pytest.raises(NotPlainError):
        plain_value(given)


@given(st.floats() | st.integers() | st.text() | st.binary() | st.booleans() | st.none())
def test_a_plain_value_is_itself(value: Any) -> None:
    """What is plain already is not copied."""
    assert plain_value(value) is value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_float_comes_back_from_every_library(value: float) -> None:
    """A float that numpy, decimal or fractions hold is that float, whichever text it has."""
    for other in (np.float64(value), Decimal(value), Decimal(repr(value)), Fraction(value)):
        assert plain_value(other) == value


def test_a_fact_is_encoded_as_with_plain_values() -> None:
    """Fields, and those of the parts of a fact, give the same bytes as plain ones do."""
    corners: Any = {"x1": np.float32(1), "y1": Decimal("2.5"), "x2": Fraction(7, 2), "y2": 4}
    given: Any = Detection(
        label=np.str_("dog"),
        confidence=np.float64(0.5),
        box=Box(**corners),
        recorded_at=Local(2026, 2, 25, 10, 30, tzinfo=UTC),
    )
    plain = Detection(
        label="dog", confidence=0.5, box=Box(x1=1.0, y1=2.5, x2=3.5, y2=4), recorded_at=AT
    )
    assert plain_values.encode(given) == codecs.encode(plain)


def test_an_error_names_the_field_and_the_reason() -> None:
    """Also the field of a part; the value itself, which may be a name, is not repeated."""
    third: Any = Fraction(1, 3)
    box = Box(x1=third, y1=None, x2=None, y2=None)
    with pytest.raises(BadFact) as caught:
        plain_values.encode(FaceResult(box=box))
    assert (caught.value.kind, caught.value.field) == ("face_result", "box.x1")
    assert "more digits than a float" in str(caught.value)


@pytest.mark.parametrize(
    "fact",
    [
        Detection(label="dog", confidence=np.float64("nan")),
        Detection(label="dog", confidence=np.float64(1.5)),
        Detection(label=np.str_(""), confidence=0.5),
        Motion(camera_id="front_door", recorded_at=Local(2026, 2, 25)),
        ThumbnailSaved(path="thumbnails/x.jpg", size_bytes=np.float64(2.5)),  # type: ignore[arg-type]
    ],
)
def test_a_plain_value_is_held_against_the_bounds_of_its_field(fact: Any) -> None:
    """A foreign type is not a way around what a field may hold."""
    with pytest.raises(BadFact):
        plain_values.encode(fact)
