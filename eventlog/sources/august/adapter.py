"""August and Yale: activities of the log and pushes, distinguished by their form."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eventlog.errors import BadPayload
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.august.activities import SOURCE, activity_items
from eventlog.sources.august.pushes import push_items
from eventlog.sources.items import (
    Item,
)


def items(message: Message, settings: Settings) -> Iterator[Item]:
    """The items of one message. Raises BadPayload."""
    value = message.value
    if not isinstance(value, dict):
        raise BadPayload(SOURCE, "a message is an object")
    if isinstance(value.get("message"), dict):  # with the channel that it came by
        value = {**value["message"], "timestamp": value.get("timestamp", value.get("timetoken"))}
        yield from push_items(message, value, settings)
    elif value.keys() & {"status", "lockAction", "doorState"} and "action" not in value:
        yield from push_items(message, value, settings)
    else:
        yield from activity_items(value)


ADAPTER: Final = Adapter(SOURCE, items)
