"""Foreign values: what is sound is taken, what is not is named, and any bytes are survived."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from eventlog.errors import BadPayload
from eventlog.facts import Confidence
from eventlog.record import instant
from eventlog.sources import SOURCES
from eventlog.sources.items import Addition, Occurrence, Standalone, Visit
from eventlog.sources.messages import UnixSeconds, lenient, moment, parse, shape, slug, utc
from eventlog.sources.reading import read as read_file


class Note(Struct):
    """A message of a source that these tests made up."""

    text: str


def test_a_reason_repeats_no_value() -> None:
    """A message may contain a name, so only the field and the type are shown."""
    with pytest.raises(BadPayload) as caught:
        shape("notes", {"text": {"anna": "anna"}}, Note)
    assert "anna" not in str(caught.value)
    with pytest.raises(BadPayload) as caught:
        lenient("notes", {"text": {"anna": "anna"}}, Note)
    assert "anna" not in str(caught.value)


class Inner(Struct):
    """A struct within."""

    score: Confidence | None = None
    zone: str = "none"


class Outer(Struct):
    """A message with one field that it must have, and others that it may leave out."""

    id: str
    inner: Inner | None = None
    box: tuple[float, float] | None = None


def test_a_bad_field_that_may_be_left_out_is_left_out_alone() -> None:
    """Also within a struct; each is named, and what is sound stays."""
    value = {"id": "a", "inner": {"score": 7, "zone": "yard"}, "box": [1], "more": None}
    taken, left_out = lenient("notes", value, Outer)
    assert taken == Outer(id="a", inner=Inner(zone="yard"))
    assert [reason.partition(":")[0] for reason in left_out] == ["inner.score", "box"]


@pytest.mark.parametrize(
    ("value", "reason"), [({}, "id: is missing"), ({"id": 7}, "id: Expected"), (7, "is an object")]
)
def test_a_field_that_must_be_there_refuses_the_message(value: object, reason: str) -> None:
    """It is named."""
    with pytest.raises(BadPayload, match=reason):
        lenient("notes", value, Outer)


def test_a_number_that_is_none_is_left_to_its_field() -> None:
    """NaN and Infinity are read; a field that wants a number in bounds refuses them itself."""
    value = parse("notes", b'{"id": "a", "inner": {"score": NaN}, "other": Infinity}')
    assert lenient("notes", value, Outer)[1] == ["inner.score: Expected `float` <= 1.0"] or (
        lenient("notes", value, Outer)[0].inner == Inner()
    )


@given(st.integers(0, 4_102_444_800_000_000))
def test_unix_seconds_are_exact_to_the_microsecond(microseconds: int) -> None:
    """A time with six decimals, read as a float, comes out as those microseconds."""
    written = f"{microseconds // 1_000_000}.{microseconds % 1_000_000:06d}"
    assert moment(float(written)) == instant(microseconds)


@pytest.mark.parametrize("seconds", ["-1", "-1e-9", "1e300", "253402300799", "9" * 400])
def test_times_out_of_range_are_refused(seconds: str) -> None:
    """A time before 1970 or after 9999 is named as what it is."""

    class Clock(Struct):
        now: UnixSeconds

    with pytest.raises(BadPayload, match="now: "):
        shape("notes", json.loads(f'{{"now": {seconds}}}'), Clock)
    with pytest.raises(BadPayload, match="now: "):
        shape("notes", {"now": float("nan")}, Clock)


def test_a_naive_time_is_utc_and_another_zone_is_converted() -> None:
    """Times from outside become UTC; one that leaves the calendar is refused."""
    noon = datetime(2026, 2, 25, 12, tzinfo=UTC)
    assert utc("notes", "at", noon.replace(tzinfo=None)) == noon
    there = noon.astimezone(timezone(timedelta(hours=2)))
    assert utc("notes", "at", there) == noon
    assert utc("notes", "at", there).tzinfo is UTC
    first = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=23)))
    with pytest.raises(BadPayload, match="at: "):
        utc("notes", "at", first)


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)
# Messages that are nearly right: each field is a value that fits, or anything at all.
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "id": st.sampled_from(["1607123955.475377-mxklsc", "a", 7330963245622279024, "12"]),
    "camera": st.just("front_door"),
    "label": st.sampled_from(["person", "car"]),
    "start_time": st.floats(0, 4e9),
    "frame_time": st.floats(0, 4e9),
    "timestamp": st.floats(0, 4e9),
    "now": st.floats(0, 4e9),
    "created_at": st.sampled_from(["2018-03-05T15:03:40.000Z", "2018-03-05T15:03:40"]),
    "kind": st.sampled_from(["ding", "motion", "on_demand"]),
    "type": st.sampled_from(["new", "update", "end", "face", "lpr"]),
    "score": st.floats(0, 1),
    "top_score": st.floats(0, 1),
    "box": st.lists(st.floats(), min_size=4, max_size=4),
    "sub_label": st.sampled_from([None, "John", ["John", 0.8], "x" * 99]),
    "name": st.sampled_from([None, "John"]),
    "false_positive": st.booleans(),
}
NEARLY = st.fixed_dictionaries(
    {}, optional={name: fits | JSON for name, fits in FIELDS.items()}
).flatmap(
    lambda flat: st.sampled_from(
        [
            flat,
            [flat, {}],
            {**flat, "data": flat},
            {"type": flat.get("type"), "before": flat, "after": flat},
            {"type": "new", "after": {**flat, "severity": "alert", "data": {"detections": [flat]}}},
            {"topic": "frigate/events", "payload": {"type": "end", "after": flat}},
            {"topic": "frigate/tracked_object_update", "payload": json.dumps(flat)},
        ]
    )
)


@pytest.mark.parametrize("source", SOURCES)
@given(data=st.one_of(st.binary(), JSON.map(json.dumps).map(str.encode)))
def test_any_bytes_are_read_or_refused(source: str, data: bytes) -> None:
    """Whatever a file holds, a source answers items or raises BadPayload."""
    only_items_or_bad_payload(source, data)


@pytest.mark.parametrize("source", SOURCES)
@given(message=NEARLY)
def test_messages_that_are_nearly_right_are_read_or_refused(source: str, message: object) -> None:
    """One wrong field anywhere is no other error either."""
    only_items_or_bad_payload(source, json.dumps(message).encode())


def only_items_or_bad_payload(source: str, data: bytes) -> None:
    """Read a file to its end; keys that come out are fit for the journal and hold no name."""
    refusal = None
    try:
        items = list(read_file(SOURCES[source], data))
    except BadPayload as error:
        items, refusal = [], error
    assert refusal is None or refusal.source == source
    for item in items:
        if isinstance(item, Visit | Addition | Standalone | Occurrence):
            key = item.series if isinstance(item, Occurrence) else item.key
            assert 1 <= len(key) <= 200
            assert "John" not in key


@pytest.mark.parametrize(
    ("name", "camera"),
    [
        ("Front Door", "front_door"),
        ("Haust\u00fcr", "haust\u00fcr"),
        ("Haustu\u0308r", "haust\u00fcr"),
        ("\U0001f6aa", "\U0001f6aa"),
        ("Porch \U0001f6aa", "porch"),
        ("  ", ""),
        (None, ""),
        ("x" * 100, "x" * 64),
    ],
)
def test_a_devices_name_is_an_id_however_it_was_written(name: object, camera: str) -> None:
    """A decomposed accent is the same letter, and an emoji alone is no other device's name."""
    assert slug(name) == camera
