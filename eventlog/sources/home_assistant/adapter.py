"""Home Assistant: events, automation triggers, states and topics, distinguished by their form.

Read are events (`zwave_js_notification`, `state_changed`) as its WebSocket and webhooks send them,
the trigger objects of automations, states alone, and the topics of its MQTT statestream. An event
is known by its context's id.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from eventlog.errors import BadPayload
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.home_assistant.entities import SOURCE, changed_items
from eventlog.sources.home_assistant.statestream import statestream_items
from eventlog.sources.items import Item, Unknown
from eventlog.sources.messages import word
from eventlog.sources.zwave_js import home_assistant_items


def items(message: Message, _: Settings) -> Iterator[Item]:
    """The items of one message. Raises BadPayload."""
    value = message.value
    if message.topic is not None and not isinstance(value, dict):
        yield from statestream_items(message, message.topic)
        return
    if not isinstance(value, dict):
        raise BadPayload(SOURCE, "a message is an object")
    if value.get("type") == "event" and isinstance(value.get("event"), dict):
        value = value["event"]  # as the WebSocket sends it
    if value.get("platform") == "event" and isinstance(value.get("event"), dict):
        value = value["event"]  # as an automation's trigger has it
    yield from _of_event(message, value)


def _of_event(message: Message, value: dict[str, Any]) -> Iterator[Item]:
    kind = value.get("event_type")
    if kind == "zwave_js_notification":
        yield from home_assistant_items(message, value)
    elif kind == "state_changed" and isinstance(value.get("data"), dict):
        data = value["data"]
        yield from changed_items(message, data.get("old_state"), data.get("new_state"))
    elif isinstance(kind, str):
        yield Unknown(f"event {word(kind)}")
    elif "to_state" in value:
        yield from changed_items(message, value.get("from_state"), value["to_state"])
    elif "entity_id" in value and "state" in value:
        yield from changed_items(message, None, value)
    else:
        raise BadPayload(SOURCE, "is not an event, trigger or state of Home Assistant")


ADAPTER: Final = Adapter(
    SOURCE,
    items,
    "homeassistant",
    ("lock/+/state", "binary_sensor/+/state"),
)
