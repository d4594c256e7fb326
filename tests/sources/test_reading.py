"""From bytes to messages: in any pieces, in any shape, one bad message refuses itself alone."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from eventlog.errors import BadPayload
from eventlog.sources import splitting
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.items import Item, Refused, Skipped
from eventlog.sources.messages import shape
from eventlog.sources.reading import Reading, read
from eventlog.sources.splitting import Splitter


class Note(Struct):
    """A message of a source that these tests made up."""

    text: str


def notes(message: Message, _: Settings) -> Iterator[Item]:
    """The items of one such message."""
    yield Skipped(shape("notes", message.value, Note).text)


NOTES = Adapter("notes", notes)


def items(data: bytes) -> list[Item]:
    """The items of a file of such messages."""
    return list(read(NOTES, data))


def messages(data: bytes, *, live: bool = False) -> list[Message | Refused]:
    """The messages of a text."""
    return list(Splitter("notes", live=live).feed(data, end=True))


A, B = b'{"text": "a"}', b'{"text": "b"}'


@pytest.mark.parametrize(
    ("data", "texts"),
    [
        (A, "a"),
        (b"\xef\xbb\xbf" + A, "a"),
        (b"\xef\xbb\xbf" + A + b"\n" + B, "ab"),
        (b'[{"text": "a"}, {"text": "b", "more": 1}]', "ab"),
        (A + b"\n\n" + B + b"\r\n", "ab"),
        (b"[" + A + b"]\n" + B, "ab"),
        (b'{\n  "text":\n    "a"\n}\n{\n"text": "b"}', "ab"),
        (b'[\n{\n"text": "a"\n},\n' + B + b"\n]\n", "ab"),
        (b'{"text": "a", "x": "}]\\"\\\\"}\n' + B, "ab"),
        (b"[]", ""),
        (b" [ ] ", ""),
        (gzip.compress(A + b"\n", mtime=0) + gzip.compress(B, mtime=0), "ab"),
        ((A + b"\n" + B).decode().encode("utf-16"), "ab"),
        ((A + b"\n" + B).decode().encode("utf-16-le"), "ab"),
        ((A + b"\n" + B).decode().encode("utf-16-be"), "ab"),
        (b"\xfe\xff" + A.decode().encode("utf-16-be"), "a"),
        (b'[{"text": "a", "x": NaN}, {"text": "b"}]', "ab"),
    ],
)
def test_a_file_holds_documents_lists_or_lines_in_any_encoding(data: bytes, texts: str) -> None:
    """All shapes give their messages in order; unknown fields are ignored."""
    assert items(data) == [Skipped(text) for text in texts]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (
            b'[{"text": 1}, {"text": "b"}, 3, ]',
            [
                Refused("element 1", "text: Expected `str`, got `int`"),
                Skipped("b"),
                Refused("element 3", "Expected `object`, got `int`"),
            ],
        ),
        (A + b'\n{"te', [Skipped("a"), Refused("line 2", "is not JSON: it is cut short")]),
        (b'{"te\n' + A + b"\n" + B, [Refused("line 1", "is not JSON"), Skipped("a"), Skipped("b")]),
        (A + b"}\n" + B, [Refused("line 1", "is not JSON"), Skipped("b")]),
        (
            b"[" + A + b", {}]\n" + B,
            [
                Skipped("a"),
                Refused("element 2", "Object missing required field `text`"),
                Skipped("b"),
            ],
        ),
        (
            b"[" + A + b", " + B,
            [Skipped("a"), Refused("element 1", "is not JSON: the list is cut short")],
        ),
    ],
)
def test_a_bad_message_among_others_is_refused_alone(data: bytes, expected: list[Item]) -> None:
    """The refusal says where it is, and the rest go in."""
    assert items(data) == expected


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b" \n ", "empty"),
        (b"null", "neither a JSON object"),
        (b"7", "neither"),
        (b'"text"', "neither"),
        (b'{"text": "\xff"}', "not UTF-8"),
        (b'{"text": "\\ud800"}', "is not JSON"),
        (b'{\n  "box": [\n    1,\n    2\n  ],\n  "text": "a', "cut short"),
        (b"[" * 100_000, "cut short"),
        (b'{"text": 1}', "text: Expected"),
        (b"PK\x03\x04....", "a zip file"),
        (b"BZh91AY&SY", "bzip2"),
        (b"\xfd7zXZ\x00..", "xz"),
        (b"SQLite format 3\x00...", "an SQLite database"),
        (A.decode().encode("utf-32"), "UTF-32"),
        (gzip.compress(A, mtime=0)[:-9], "cut short"),
        (gzip.compress(A * 9, mtime=0)[:12] + b"\0" * 20, "damaged"),
        ((A.decode() + "x").encode("utf-16")[:-1] + b"\xd8", "damaged|cut short|is not JSON"),
    ],
)
def test_a_file_that_holds_no_message_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    """The error names the source, and what kind of file it is where that is known."""
    with pytest.raises(BadPayload, match=rf"^notes: .*({reason})"):
        items(data)


DOCUMENTS = st.dictionaries(
    st.text(max_size=6), st.text(max_size=12) | st.lists(st.integers(), max_size=3), max_size=3
).map(lambda document: {**document, "text": "t"})


@given(
    some=st.lists(DOCUMENTS, min_size=1, max_size=6),
    shaping=st.sampled_from(["lines", "list", "pretty list", "pretty", "utf-16", "gzip"]),
    cuts=st.lists(st.integers(1, 9), min_size=1, max_size=40),
)
def test_any_pieces_of_a_file_give_the_same_messages(
    some: list[dict[str, Any]], shaping: str, cuts: list[int]
) -> None:
    """Wherever a pipe cuts the bytes, the messages are those that were written."""
    lines = "\n".join(json.dumps(one, ensure_ascii=False) for one in some)
    data = {
        "lines": lines.encode(),
        "list": json.dumps(some).encode(),
        "pretty list": json.dumps(some, indent=1).encode(),
        "pretty": "\n".join(json.dumps(one, indent=2) for one in some).encode(),
        "utf-16": lines.encode("utf-16"),
        "gzip": gzip.compress(lines.encode()),
    }[shaping]
    seen: list[object] = []

    def keep(message: Message, _: Settings) -> Iterator[Item]:
        seen.append(message.value)
        yield Skipped("kept")

    reading = Reading(Adapter("notes", keep))
    at = 0
    for number in range(len(data)):
        size = cuts[number % len(cuts)]
        list(reading.feed(data[at : at + size]))
        at += size
    list(reading.feed(b"", end=True))
    assert seen == some


def test_a_message_is_given_with_its_last_byte() -> None:
    """A line is complete at its end, an element of a list at its comma."""
    splitter = Splitter("notes")
    assert list(splitter.feed(A)) == []
    assert [m.value for m in splitter.feed(b"\n") if isinstance(m, Message)] == [{"text": "a"}]
    assert list(splitter.feed(b"[" + A)) == []
    assert [m.value for m in splitter.feed(b",") if isinstance(m, Message)] == [{"text": "a"}]


@pytest.mark.parametrize(
    ("line", "topic", "value", "at"),
    [
        (b'frigate/events {"a": 1}', "frigate/events", {"a": 1}, None),
        (b'zigbee2mqtt/Front Door {"a": [1, 2]}', "zigbee2mqtt/Front Door", {"a": [1, 2]}, None),
        (b"zigbee2mqtt/Front Door/availability online", None, "online", None),
        (b"nuki/2A/lockActionEvent 1,172,0,0,0", None, "1,172,0,0,0", None),
        (b"nuki/2A/state 1", "nuki/2A/state", 1, None),
        (b"a/b", "a/b", "", None),
        (
            b'2026-02-25T11:30:00+0100 a/b {"a": 1}',
            "a/b",
            {"a": 1},
            datetime(2026, 2, 25, 10, 30, tzinfo=UTC),
        ),
        (b"1772015400.5 a/b ON", "a/b", "ON", datetime(2026, 2, 25, 10, 30, 0, 500000, tzinfo=UTC)),
        (
            b'{"tst":"2026-02-25T10:30:00.000000Z+0000","topic":"a/b","payload":"x"}',
            "a/b",
            "x",
            datetime(2026, 2, 25, 10, 30, tzinfo=UTC),
        ),
        (b'{"tst":"noon","topic":"a/b","payload":"x"}', None, None, None),
        (
            b'{"tst":"2026-02-25T10:30:00.5+0000","topic":"a/b","retain":1,"payload":"{\\"a\\":1}"}',
            "a/b",
            {"a": 1},
            datetime(2026, 2, 25, 10, 30, 0, 500000, tzinfo=UTC),
        ),
    ],
)
def test_lines_of_mosquitto_sub_are_messages_with_their_topic(
    line: bytes, topic: str | None, value: object, at: datetime | None
) -> None:
    """As -v writes them, with a time before (-F '%I %t %p'), and as -F %j does."""
    (message,) = messages(line + b"\n")
    if value is None:
        assert message == Refused("line 1", "tst: is not a time")
        return
    assert isinstance(message, Message)
    assert message.topic == (topic or line.rpartition(b" ")[0].decode())
    assert (message.value, message.received_at, message.live) == (value, at, False)
    assert message.retained == (b'"retain":1' in line)


def test_a_picture_in_the_json_of_mosquitto_sub_is_its_bytes() -> None:
    """It writes them as they are, so that the line is not UTF-8; what it escapes is undone."""
    picture = bytes(range(1, 256)) * 2
    escaped = b"".join(
        bytes([one]) if one >= 0x20 and one not in b'"\\' else b"\\u%04x" % one for one in picture
    )
    line = b'{"tst":"2026-02-25T10:30:00.5Z+0000","topic":"a/b","payload":"%b"}\n' % escaped
    (message,) = messages(line)
    assert isinstance(message, Message)
    assert message.value == message.raw == picture
    (refused,) = messages(b'{"text": "\xff"}')
    assert isinstance(refused, Refused)


def test_what_comes_through_a_pipe_arrives_now() -> None:
    """It has a time of arrival, and is live; a line that brings its own time is not."""
    now, told = messages(b"a/b ON\n1772015400 a/b ON\n", live=True)
    assert isinstance(now, Message)
    assert isinstance(told, Message)
    assert now.live
    assert now.received_at is not None
    assert not told.live


def test_a_line_or_element_that_is_too_long_is_refused_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Reading continues after it, in little memory."""
    monkeypatch.setattr(splitting, "LONGEST", 1000)
    long = b'{"text": "' + b"x" * 5000 + b'"}'
    for data in (A + b"\n" + long + b"\n" + B, b"[" + A + b"," + long + b"," + B + b"]"):
        splitter = Splitter("notes")
        found = [
            one
            for at in range(0, len(data), 100)
            for one in splitter.feed(data[at : at + 100], end=at + 100 >= len(data))
        ]
        assert [type(one) for one in found] == [Message, Refused, Message]


def test_a_long_list_is_read_in_flat_memory() -> None:
    """Twenty megabytes in one list take less than three, read in pieces."""
    element = b'{"text": "a", "more": "' + b"x" * 1000 + b'"}'
    reading = Reading(NOTES)
    tracemalloc.start()
    list(reading.feed(b"["))
    count = 0
    for _ in range(20_000):
        count += sum(len(one.items) for one in reading.feed(element + b",\n"))
    count += sum(len(one.items) for one in reading.feed(element + b"]", end=True))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 20_001
    assert peak < 3_000_000
