"""What all sources promise: fed twice, backwards, or in another order, nothing changes.

The messages are those that the sources' own tests use, made by the real packages where there are
some. Sources that give an id or a time are held to any order from the start; the others, whose
states follow one another, to any order of a second feeding.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog import codecs
from eventlog.sources import SOURCES
from eventlog.sources.adapter import Message, mqtt_message
from eventlog.sources.feed import feed
from eventlog.sources.items import Item
from tests.sources.published import NOW, payloads
from tests.sources.store_model import ModelStore, fed
from tests.sources.test_page import BROKER, FILES, line

# Files of the page by their source; what a broker has is told by the first part of its topic.
OF_FILE: Final = {
    "ring-history.json": "ring",
    "protect.json": "unifi-protect",
    "access.jsonl": "unifi-access",
    "activities.json": "august",
    "matter.jsonl": "matter",
    "trigger.json": "home-assistant",
    "notification.json": "onvif",
}
OF_TOPIC: Final = {"zwave": "zwave-js"}


def corpus() -> dict[str, list[Message]]:
    """Messages of each source, each with a time of its own."""
    found: dict[str, list[Message]] = {name: [] for name in SOURCES}
    for file, source in OF_FILE.items():
        values = FILES[file] if isinstance(FILES[file], list) else [FILES[file]]
        found[source] += [Message(value, received_at=_at(n)) for n, value in enumerate(values)]
    for prefix, messages in BROKER.items():
        source = OF_TOPIC.get(prefix, prefix)
        found[source] += [_published(n, *message) for n, message in enumerate(messages)]
    made: list[dict[str, Any]] = payloads("zigbee2mqtt")["messages"]
    found["zigbee2mqtt"] += [
        _published(100 + n, "zigbee2mqtt/Back", one["payload"]) for n, one in enumerate(made)
    ]
    found["matter"] += [
        Message(value, received_at=_at(n)) for n, value in enumerate(payloads("matter")["messages"])
    ]
    answer = {**FILES["answer.json"], "id": "1772015400.5-abc123", "camera": "front_door"}
    found["compreface"].append(Message(answer, received_at=_at(0)))
    return found


def _at(number: int) -> datetime:
    return NOW + timedelta(minutes=number)


def _published(number: int, topic: str, payload: object) -> Message:
    raw = codecs_json(payload)
    return mqtt_message(topic, raw, received_at=_at(number), live=False)


def codecs_json(payload: object) -> bytes:
    """A payload as its bytes: text unchanged, all else as JSON."""
    text = line("a/b", payload)
    import json  # noqa: PLC0415 - the page's own writer wraps it

    inner: str = json.loads(text)["payload"]
    return inner.encode()


CORPUS: Final = corpus()
# Of these, everything has an id or a time of its own.
WITH_IDS: Final = (
    "august",
    "compreface",
    "double-take",
    "home-assistant",
    "matter",
    "onvif",
    "ring",
    "unifi-protect",
)


def items(source: str, messages: list[Message]) -> list[Item]:
    """The items of messages, in their order."""
    return [item for message in messages for item in SOURCES[source].read(message)]


def content(store: ModelStore) -> set[tuple[str, bytes]]:
    """Every fact under its key."""
    return {
        (key, codecs.encode(fact)[2]) for key, (facts, _) in store.keys.items() for fact in facts
    }


@pytest.mark.anyio
@pytest.mark.parametrize("source", SOURCES)
@settings(max_examples=10)
@given(data=st.data())
async def test_a_second_feeding_in_any_order_adds_nothing(source: str, data: st.DataObject) -> None:
    """All of it, backwards, shuffled, or a part of it."""
    messages = CORPUS[source]
    assert messages
    store, first = await fed(items(source, messages))
    assert first.facts > 0
    before = content(store)
    again = data.draw(st.permutations(messages) | st.just(messages[::-1]))
    tally = await feed(store, items(source, again[: data.draw(st.integers(1, len(again)))]))
    assert (tally.events, tally.facts) == (0, 0)
    assert content(store) == before


@pytest.mark.anyio
@pytest.mark.parametrize("source", WITH_IDS)
@settings(max_examples=10)
@given(data=st.data())
async def test_what_has_an_id_gives_the_same_facts_in_any_order(
    source: str, data: st.DataObject
) -> None:
    """From the first feeding on."""
    messages = CORPUS[source]
    one, _ = await fed(items(source, messages))
    other, _ = await fed(items(source, data.draw(st.permutations(messages))))
    assert content(one) == content(other)
