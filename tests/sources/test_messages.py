"""From bytes to messages: every file is read whole, refused whole, or refused by element."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from eventlog.errors import BadPayload
from eventlog.record import instant
from eventlog.sources import SOURCES
from eventlog.sources.feed import Addition, Item, Refused, Skipped, Visit
from eventlog.sources.messages import UnixSeconds, moment, read_messages, shape, utc


class Note(Struct):
    """A message of a source that these tests made up."""

    text: str


def note(value: object) -> list[Item]:
    """The items of one such message."""
    return [Skipped(shape("notes", value, Note).text)]


def read(data: bytes) -> list[Item]:
    """The items of a file of such messages."""
    return list(read_messages("notes", data, note))


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (b'{"text": "a"}', ["a"]),
        (b'\xef\xbb\xbf{"text": "a"}', ["a"]),
        (b'\xef\xbb\xbf{"text": "a"}\n{"text": "b"}', ["a", "b"]),
        (b'[{"text": "a"}, {"text": "b", "more": 1}]', ["a", "b"]),
        (b'{"text": "a"}\n\n{"text": "b"}\r\n', ["a", "b"]),
        (b'[{"text": "a"}]\n{"text": "b"}', ["a", "b"]),
        (b"[]", []),
    ],
)
def test_a_file_holds_a_message_a_list_or_lines(data: bytes, texts: list[str]) -> None:
    """All three shapes give their messages in order; unknown fields are ignored."""
    assert read(data) == [Skipped(text) for text in texts]


@pytest.mark.parametrize(
    ("data", "items"),
    [
        (
            b'[{"text": 1}, {"text": "b"}, 3]',
            [
                Refused("element 1", "text: Expected `str`, got `int`"),
                Skipped("b"),
                Refused("element 3", "Expected `object`, got `int`"),
            ],
        ),
        (b'{"text": "a"}\n{"te', [Skipped("a"), Refused("line 2", "is no JSON")]),
        (
            b'[{"text": "a"}, {}]\n{"text": "b"}',
            [
                Skipped("a"),
                Refused("line 1, element 2", "Object missing required field `text`"),
                Skipped("b"),
            ],
        ),
    ],
)
def test_a_bad_message_among_others_is_refused_alone(data: bytes, items: list[Item]) -> None:
    """The refusal says where it stands, and the rest go in."""
    assert read(data) == items


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b" \n ",
        b"\xff\xfe",
        b"null",
        b"7",
        b'"text"',
        b'{"text": "\xff"}',
        b'{"text": "\\ud800"}',
        b'{\n  "box": [\n    1,\n    2\n  ],\n  "text": "a',
        b"[" * 100_000,
        b'{"text": 1}',
    ],
)
def test_a_file_that_holds_no_message_is_refused_whole(data: bytes) -> None:
    """Bytes that are no JSON, or a single bad message, raise at once and name the source."""
    with pytest.raises(BadPayload, match=r"^notes: "):
        read_messages("notes", data, note)


def test_a_reason_repeats_no_value() -> None:
    """What a message holds may be a name: only its field and the type are told."""
    with pytest.raises(BadPayload) as caught:
        read(b'{"text": {"anna": "anna"}}')
    assert "anna" not in str(caught.value)


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
        items = list(SOURCES[source](data))
    except BadPayload as error:
        items, refusal = [], error
    assert refusal is None or refusal.source == source
    for item in items:
        if isinstance(item, Visit | Addition):
            assert 1 <= len(item.key) <= 200
            assert "John" not in item.key
