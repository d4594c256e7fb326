"""No message, however odd, makes an adapter fail: it gives items, or is refused.

Sound messages of every source are taken, and one value anywhere in them is replaced by another.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog import codecs
from eventlog.errors import BadFact
from eventlog.sources import SOURCES
from eventlog.sources.adapter import Message, Settings
from eventlog.sources.items import Addition, Occurrence, Standalone, Visit
from tests.sources.published import NOW
from tests.sources.test_any_order import CORPUS

ODD: Final[st.SearchStrategy[Any]] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["", "x" * 300, "\ud800", -1, 10**30, [], {}, [[]], {"a": []}, [None], "2026"]),
)


def replaced(value: Any, path: list[int], odd: object) -> Any:
    """A value with one part of it replaced; the path chooses which."""
    if not path:
        return odd
    step, *rest = path
    if isinstance(value, dict) and value:
        name = sorted(value)[step % len(value)]
        return {**value, name: replaced(value[name], rest, odd)}
    if isinstance(value, list) and value:
        at = step % len(value)
        return [replaced(one, rest, odd) if n == at else one for n, one in enumerate(value)]
    return odd


@pytest.mark.parametrize("source", SOURCES)
@settings(max_examples=150)
@given(data=st.data())
def test_one_odd_value_anywhere_is_no_other_error(source: str, data: st.DataObject) -> None:
    """The items that come out have keys and facts that may enter the journal, or are refused."""
    message = data.draw(st.sampled_from(CORPUS[source]))
    path = data.draw(st.lists(st.integers(0, 9), max_size=6))
    value = replaced(message.value, path, data.draw(ODD))
    odd = Message(value, message.topic, None, NOW, live=True)
    for item in SOURCES[source].read(odd, Settings(people=frozenset({"ada"}))):
        if isinstance(item, Visit | Addition | Standalone | Occurrence):
            key = item.series if isinstance(item, Occurrence) else item.key
            assert 1 <= len(key) <= 190
            for fact in item.facts:
                with suppress(BadFact):  # which the feeder counts, by field and reason
                    codecs.encode(fact)


@pytest.mark.parametrize("source", SOURCES)
@given(value=ODD, topic=st.none() | st.sampled_from(["a", "a/b", "a/b/c", "//", "a/b/c/d/state"]))
def test_any_payload_of_any_topic_is_survived(
    source: str, value: object, topic: str | None
) -> None:
    """With text, bytes, or nothing that the source knows."""
    for payload in (value, str(value), b"\xff\xd8"):
        SOURCES[source].read(Message(payload, topic, None, NOW))
        SOURCES[source].read(Message(payload, topic, None, None))
