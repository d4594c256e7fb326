"""The shape of an adapter: a pure function from one message to items, and its table of topics.

A message is the same to an adapter whether it was read from a file, came through a pipe or was
received from a broker just now; how it arrived is noted on it. Knows no source, no file and no
network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Final

from msgspec import Struct

from eventlog.errors import BadPayload
from eventlog.facts import Fact
from eventlog.sources.items import REPEAT_WINDOW_S, Item, Occurrence, Refused, series
from eventlog.sources.messages import plain_value

FRONT_DOOR: Final = "front_door"


class Message(Struct, frozen=True):
    """One message of a source.

    Attributes:
        value: the payload as plain values where it is JSON, else its text, else its bytes.
        topic: the MQTT topic, None if there is none.
        raw: the payload's bytes as they came, None for an element of a larger document.
        received_at: when it arrived; None for a file that does not say.
        live: whether it arrives now. False for what was recorded, with its time or without.
        retained: the broker kept it: it is a state, and nothing that happens now.
        duplicate: the broker marks it as delivered a second time.
        place: where in its file it is, for messages to people.
    """

    value: object
    topic: str | None = None
    raw: bytes | None = None
    received_at: datetime | None = None
    live: bool = False
    retained: bool = False
    duplicate: bool = False
    place: str = ""

    @property
    def text(self) -> str:
        """The payload as text, without white space around it; "" for what is not text."""
        if isinstance(self.value, str):
            return self.value.strip()
        return self.raw.decode(errors="replace").strip() if self.raw is not None else ""


class Settings(Struct, frozen=True, kw_only=True):
    """What an owner may say about a source.

    Attributes:
        camera_id: the camera, or the door, of messages that name none.
        recognition_threshold: a face with a lower score is a stranger's; None is the source's own.
        people: names that are persons where a source has names for other things too.
        prefix: the first part of the source's topics; None is the source's default.
    """

    camera_id: str = FRONT_DOOR
    recognition_threshold: float | None = None
    people: frozenset[str] = frozenset()
    prefix: str | None = None


DEFAULTS: Final = Settings()


class Adapter(Struct, frozen=True):
    """A source: its name, what its messages become, and the topics that it listens to.

    `items` is pure, and raises BadPayload for a message that is none of its source's. `topics`
    are MQTT filters below `prefix`. `takes` names the settings that it heeds.
    """

    name: str
    items: Callable[[Message, Settings], Iterable[Item]]
    prefix: str = ""
    topics: tuple[str, ...] = ()
    takes: frozenset[str] = frozenset()

    def subscriptions(self, prefix: str | None = None) -> tuple[str, ...]:
        """The MQTT filters to subscribe to.

        Args:
            prefix: the owner's own first part of the topics; None is the source's default.
        """
        first = self.prefix if prefix is None else prefix
        return tuple(f"{first}/{topic}" if first else topic for topic in self.topics)

    def read(self, message: Message, settings: Settings = DEFAULTS) -> list[Item]:
        """The items of a message, all or one Refused; never raises for what it holds."""
        try:
            items = list(self.items(message, settings))
        except BadPayload as error:
            return [Refused(message.place, error.reason)]
        return list(_placed(items, message.place))


def mqtt_message(
    topic: str,
    payload: bytes,
    *,
    received_at: datetime | None,
    live: bool = True,
    retained: bool = False,
    duplicate: bool = False,
    place: str = "",
) -> Message:
    """A message as a broker delivers it; see `Message` for the arguments."""
    return Message(
        plain_value(payload), topic, payload, received_at, live, retained, duplicate, place
    )


def occurrence(
    message: Message,
    named: str,
    *facts: Fact,
    at: datetime | None = None,
    window_s: float = REPEAT_WINDOW_S,
) -> Occurrence:
    """What happened without an id.

    Args:
        message: the message, whose time of arrival and marks count.
        named: its series, as `items.series` makes it.
        facts: what it becomes.
        at: the source's own time, where it has one.
        window_s: the same within so many seconds is one.
    """
    return Occurrence(
        named,
        facts,
        at or message.received_at,
        message.live,
        message.duplicate,
        window_s,
    )


def state(  # noqa: PLR0917 - a state has a subject, a value and its alternatives
    message: Message,
    source: str,
    device: str,
    what: str,
    value: str,
    alternatives: Iterable[str],
    *facts: Fact,
    at: datetime | None = None,
) -> Occurrence:
    """A state without an id: a fact only where it is another one than the last.

    Args:
        message: the message, whose time of arrival and marks count.
        source: the adapter's name.
        device: the device that the state is of.
        what: which of its states.
        value: the state.
        alternatives: all values that it can have.
        facts: what it becomes.
        at: the source's own time, where it has one.
    """
    named = series(source, device, what, value)
    states = {named, *(series(source, device, what, other) for other in alternatives)}
    return Occurrence(
        named,
        facts,
        at or message.received_at,
        message.live,
        message.duplicate,
        states=tuple(sorted(states)),
    )


def _placed(items: Iterable[Item], place: str) -> Iterator[Item]:
    for item in items:
        if isinstance(item, Refused) and not item.place:
            yield Refused(place, item.reason)
        else:
            yield item
