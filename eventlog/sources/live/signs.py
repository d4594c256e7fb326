"""Which messages of each source prove that it is alive.

Silence is the absence of a sign of life, never of visits: a street is quiet for hours. A source
that is not in this table is there for as long as the broker's connection is: what ring-mqtt and
Nuki say is of single devices, and one that is away is a fact of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from eventlog.sources.adapter import Message

_UP: Final = frozenset({"online", "true", "on"})


class Signs(NamedTuple):
    """A source's signs: the topics below its prefix, and what a message says.

    `periodic` is whether one of them comes by itself all the time, so that its absence says
    something; else only the broker's connection and a message that says "offline" do.
    """

    topics: tuple[str, ...]
    read: Callable[[Message], bool | None]
    periodic: bool = False


def _frigate(message: Message) -> bool | None:
    """`stats` comes once a minute; `available` says online, stopped or offline."""
    last = (message.topic or "").rpartition("/")[2]
    if last == "available":
        return message.text == "online"
    return True if last == "stats" else None


def _bridge(message: Message) -> bool | None:
    """A bridge's own state: text, or {"state": …} as newer versions have it."""
    value = message.value
    said = value.get("state") if isinstance(value, dict) else message.text
    return said in _UP if isinstance(said, str) else None


def _at(*endings: str) -> Callable[[Message], bool | None]:
    def read(message: Message) -> bool | None:
        return _bridge(message) if (message.topic or "").endswith(endings) else None

    return read


SIGNS: Final[Mapping[str, Signs]] = {
    "frigate": Signs(("available", "stats"), _frigate, periodic=True),
    "zigbee2mqtt": Signs(("bridge/state",), _at("bridge/state")),
    "double-take": Signs(("available",), _at("/available")),
}
