"""Ring: finds the kind of a message by its topic or its form.

Read are elements of its histories, alone, in a list, or in a page of one (`events`, `items`,
`video_search`); active dings; pushes of version 1 and 2; and ring-mqtt's topics.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eventlog.errors import BadPayload
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.items import Item, Refused
from eventlog.sources.ring.history import SOURCE, element_items
from eventlog.sources.ring.push import is_push, push_items
from eventlog.sources.ring.topics import TOPICS, topic_items

_PAGES: Final = ("events", "items", "video_search")


def items(message: Message, settings: Settings) -> Iterator[Item]:
    """The items of one message. Raises BadPayload."""
    value = message.value
    if message.topic is not None:
        yield from topic_items(message, message.topic)
        return
    if isinstance(value, dict) and "kind" not in value and "event_type" not in value:
        for page in _PAGES:
            if isinstance(value.get(page), list):
                yield from _page(value[page], settings)
                return
        if is_push(value):
            yield from push_items(message, value, settings)
            return
    yield from element_items(value, settings)


def _page(elements: list[object], settings: Settings) -> Iterator[Item]:
    """The elements of a page; a bad one is refused alone."""
    for number, element in enumerate(elements, 1):
        try:
            yield from list(element_items(element, settings))
        except BadPayload as error:
            yield Refused(f"element {number} of its page", error.reason)


ADAPTER: Final = Adapter(SOURCE, items, SOURCE, TOPICS, takes=frozenset({"camera_id"}))
