"""Home Assistant's MQTT statestream: `<base>/<domain>/<object>/<attribute>`.

Each message is retained, one attribute, without a time: it is a state.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eventlog.errors import BadPayload
from eventlog.sources.adapter import Message
from eventlog.sources.home_assistant.entities import GONE, LOCKS, ON_THE_WAY, SOURCE
from eventlog.sources.items import Item, Skipped, Unknown
from eventlog.sources.locks import (
    DoorWord,
    battery_is,
    connected_is,
    door_is,
    lock_is,
    tamper_is,
)
from eventlog.sources.messages import word

_STREAMED: Final = ("_battery", "_tamper")
_ON_OFF: Final = frozenset({"on", "off"})


def statestream_items(message: Message, topic: str) -> Iterator[Item]:
    """`<base>/<domain>/<object>/<attribute>`: retained, one attribute each, without a time."""
    parts = topic.split("/")
    if len(parts) < 3:  # noqa: PLR2004 - domain, object, attribute
        raise BadPayload(SOURCE, "topic: is none of the statestream's")
    domain, name, what = parts[-3], parts[-2][:64], parts[-1]
    told = message.text.strip('"')
    if what != "state":
        yield Skipped(f"attribute {word(what)}")
    elif domain == "lock":
        yield _streamed_lock(message, name, told)
    elif domain == "binary_sensor" and (name == "door" or name.endswith("_door")):
        yield _streamed_door(message, name, told)
    elif (
        domain == "binary_sensor"
        and name.endswith(("_battery", "_tamper"))
        and told in {"on", "off"}
    ):
        yield (
            battery_is(message, SOURCE, name, low=told == "on")
            if name.endswith("_battery")
            else tamper_is(message, SOURCE, name, tampered=told == "on")
        )
    else:
        yield Skipped(f"an entity of {word(domain)}")


def _streamed_lock(message: Message, name: str, told: str) -> Item:
    if told in ON_THE_WAY:
        return Skipped("a lock on its way")
    if told in GONE:
        return connected_is(message, SOURCE, name, online=False)
    if told not in LOCKS:
        return Unknown(f"lock state {word(told)}")
    return lock_is(message, SOURCE, name, LOCKS[told])


def _streamed_door(message: Message, name: str, told: str) -> Item:
    doors: dict[str, DoorWord] = {"on": "open", "off": "closed"}
    if told not in doors:
        return connected_is(message, SOURCE, name, online=False)
    return door_is(message, SOURCE, name, doors[told])
