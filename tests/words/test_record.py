"""Times in UTC, and the one place that reads msgspec's sentences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path

import msgspec
import pytest

import eventlog
from eventlog.codecs import split_error
from eventlog.record import in_utc


class _NoOffset(tzinfo):
    """A zone that does not know its offset, which tzinfo allows."""

    def utcoffset(self, _: datetime | None) -> None:
        return None

    dst = tzname = utcoffset


@pytest.mark.parametrize(
    "zone", [None, _NoOffset(), UTC, timezone(timedelta(hours=2)), timezone(timedelta(hours=-11))]
)
def test_a_time_without_an_offset_is_in_utc_already(zone: tzinfo | None) -> None:
    """Every other one is moved by its own, and none by this machine's zone."""
    given = datetime(2026, 2, 25, 10, 30, tzinfo=zone)
    moved = in_utc(given)
    assert moved.tzinfo is UTC
    assert moved == datetime(2026, 2, 25, 10, 30, tzinfo=UTC) - (given.utcoffset() or timedelta())


def test_a_time_that_leaves_the_calendar_is_an_overflow() -> None:
    """The years are 1 to 9999, in UTC as well."""
    with pytest.raises(OverflowError):
        in_utc(datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))))


class _Inner(msgspec.Struct, forbid_unknown_fields=True):
    number: int


class _Outer(msgspec.Struct):
    inner: _Inner
    numbers: dict[str, int] = {}


@pytest.mark.parametrize(
    ("plain", "field", "sentence"),
    [
        ({"inner": {"number": "x"}}, "inner.number", "Expected `int`, got `str`"),
        ({"inner": {"other": 1}}, "inner", "Object contains unknown field `other`"),
        ({"inner": {"number": 1}, "numbers": {"a": "b"}}, "numbers[...]", "Expected `int`"),
        ({"inner": {"number": 1}, "numbers": {1: 1}}, "numbers", "Expected `str`, got `int`"),
        (5, "", "Expected `object`, got `int`"),
    ],
)
def test_an_error_of_msgspecs_is_split_into_field_and_sentence(
    plain: object, field: str, sentence: str
) -> None:
    """The field is named as a caller would; if there is none, it is empty."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(plain, _Outer)
    found, said = split_error(caught.value)
    assert found == field
    assert said.startswith(sentence)


def test_msgspecs_sentences_are_read_in_one_place() -> None:
    """No other file knows what they look like."""
    package = Path(eventlog.__file__).parent
    knowing = [path.name for path in package.rglob("*.py") if " - at (" in path.read_text("utf-8")]
    assert knowing == ["codecs.py"]
