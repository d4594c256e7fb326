"""The Home Assistant device of a door: its entities, their topics, and their announcement.

Never a `lock` entity: it would offer to unlock. Topics and ids contain the first 8 hex digits of
the log's id, so that two doors on one broker do not collide, and so that our own entities can be
distinguished from others. Knows no record and no connection.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

ONLINE: Final = b"online"
OFFLINE: Final = b"offline"


class Publication(NamedTuple):
    """A message to publish."""

    topic: str
    payload: bytes
    retain: bool = False


class Outward(Struct, frozen=True, kw_only=True):
    """What is published, and under which topics.

    Attributes:
        log_id: The first 8 hex digits of the log's id.
        doors: The names of the doors, as the owner calls them.
        version: The version of this program.
        discovery: The topic prefix of Home Assistant's discovery.
        prefix: The prefix of our own topics.
        per_entity: Whether each entity is announced by itself, for a Home Assistant older than
            2024.12.
        last_person: Whether names are published.
        picture: Whether pictures are published.
    """

    log_id: str
    doors: tuple[str, ...]
    version: str
    discovery: str = "homeassistant"
    prefix: str = "eventlog"
    per_entity: bool = False
    last_person: bool = False
    picture: bool = False

    @property
    def availability(self) -> str:
        """The topic that says whether we are there; the broker says when we are not."""
        return f"{self.prefix}/{self.log_id}/status"

    @property
    def own_ids(self) -> str:
        """How the unique ids of our entities begin."""
        return f"eventlog_{self.log_id}_"

    def topic(self, door: str, what: str) -> str:
        """The topic of one of a door's components."""
        return f"{self.prefix}/{self.log_id}/{door}/{what}"

    def announcements(self) -> Iterator[Publication]:
        """The discovery of every door, retained."""
        for door in self.doors:
            if self.per_entity:
                yield from self._per_entity(door)
            else:
                yield self._device(door)

    def _device(self, door: str) -> Publication:
        payload = {**self._shared(door), "components": self._components(door)}
        topic = f"{self.discovery}/device/{self.own_ids}{door}/config"
        return Publication(topic, msgspec.json.encode(payload), retain=True)

    def _per_entity(self, door: str) -> Iterator[Publication]:
        for name, component in self._components(door).items():
            payload = {**self._shared(door), **component}
            platform = payload.pop("platform")
            payload.pop("default_entity_id")
            topic = f"{self.discovery}/{platform}/{self.own_ids}{door}/{name}/config"
            yield Publication(topic, msgspec.json.encode(payload), retain=True)

    def _shared(self, door: str) -> dict[str, Any]:
        return {
            "device": {
                "identifiers": [f"{self.own_ids}{door}"],
                "name": door.replace("_", " ").capitalize(),
                "manufacturer": "eventlog",
                "sw_version": self.version,
            },
            "origin": {"name": "eventlog", "sw_version": self.version},
            "availability_topic": self.availability,
            "qos": 1,
        }

    def _components(self, door: str) -> dict[str, dict[str, Any]]:
        found = dict(_COMPONENTS)
        if self.last_person:
            found["last_person"] = {"platform": "sensor", "name": "Last person"}
        if self.picture:
            found["picture"] = {"platform": "image", "name": "Last visit"}
        return {
            name: {
                **component,
                "unique_id": f"{self.own_ids}{door}_{name}",
                "default_entity_id": f"{component['platform']}.{door}_{name}",
                _TOPIC_FIELD.get(component["platform"], "state_topic"): self.topic(door, name),
            }
            for name, component in found.items()
        }


_TOPIC_FIELD: Final = {"image": "image_topic"}
_COMPONENTS: Final[dict[str, dict[str, Any]]] = {
    "doorbell": {
        "platform": "event",
        "name": "Doorbell",
        "device_class": "doorbell",
        "event_types": ["ring"],
    },
    "motion": {
        "platform": "event",
        "name": "Motion",
        "device_class": "motion",
        "event_types": ["motion"],
    },
    "access": {
        "platform": "event",
        "name": "Access",
        "event_types": ["granted", "refused", "locked", "jammed"],
    },
    "bolt": {
        "platform": "binary_sensor",
        "name": "Lock",
        "device_class": "lock",
        "payload_on": "unlocked",
        "payload_off": "locked",
    },
    "door": {
        "platform": "binary_sensor",
        "name": "Door",
        "device_class": "door",
        "payload_on": "open",
        "payload_off": "closed",
    },
    "last_ring": {"platform": "sensor", "name": "Last ring", "device_class": "timestamp"},
    "problem": {
        "platform": "binary_sensor",
        "name": "Log problem",
        "device_class": "problem",
        "entity_category": "diagnostic",
    },
}
