"""Frigate 0.13 to 0.18: finds the kind of a message by its topic or its form.

Read are the lists of the API, and the MQTT messages of `frigate/events`, `frigate/reviews`,
`frigate/tracked_object_update`, `frigate/available` and those of a camera; bare, or with their
topic, whose first part is the owner's to choose.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eventlog.errors import BadPayload
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.frigate.api import api_items, review_items
from eventlog.sources.frigate.cameras import camera_items
from eventlog.sources.frigate.mqtt import update_items
from eventlog.sources.frigate.tracked_object import SOURCE
from eventlog.sources.frigate.updates import tracked_items
from eventlog.sources.items import Item, Refused, Skipped
from eventlog.sources.locks import connected_is

TOPICS: Final = (
    "events",
    "reviews",
    "tracked_object_update",
    "available",
    "+/status/detect",
    "+/audio/+",
    "+/+/snapshot",
    "+/classification/+",
)


def items(message: Message, settings: Settings) -> Iterator[Item]:
    """The items of one message, whichever of Frigate's it is. Raises BadPayload."""
    value = message.value
    if message.topic is not None:
        yield from _topic_items(message, message.topic.split("/"), settings)
    elif not isinstance(value, dict):
        raise BadPayload(SOURCE, "a message is an object")
    elif "after" in value:
        after = value["after"]
        is_review = isinstance(after, dict) and "severity" in after
        yield from _of_review(message) if is_review else update_items(value, settings)
    elif "severity" in value:
        yield from review_items(message, value)
    elif "event_id" in value:
        yield Skipped("trigger")
    elif "type" in value and "id" in value and "label" not in value:
        yield from tracked_items(value, settings)
    elif "id" in value:
        yield from api_items(message, value, settings)
    else:
        raise BadPayload(SOURCE, "is not an event, a review or an update of Frigate")


def _topic_items(message: Message, parts: list[str], settings: Settings) -> Iterator[Item]:
    match parts[-1]:
        case "events":
            yield from update_items(message.value, settings)
        case "reviews":
            yield from _of_review(message)
        case "tracked_object_update":
            yield from tracked_items(message.value, settings)
        case "available":
            yield _available(message)
        case _:
            yield from camera_items(message, parts)


def _of_review(message: Message) -> Iterator[Item]:
    value = message.value
    if not isinstance(value, dict):
        raise BadPayload(SOURCE, "a message is an object")
    yield from review_items(message, value.get("after"))


def _available(message: Message) -> Item:
    if message.text not in {"online", "stopped", "offline"}:
        return Refused("", "available: is neither online, stopped nor offline")
    return connected_is(message, SOURCE, SOURCE, online=message.text == "online")


ADAPTER: Final = Adapter(
    SOURCE, items, SOURCE, TOPICS, takes=frozenset({"recognition_threshold", "people"})
)
