"""Reads Frigate's topics of one camera: sounds, pictures, connection, a door's state.

Each is `<prefix>/<camera>/<what>/<which>`, a word or a picture, without an id or a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eventlog.sources.adapter import Message
from eventlog.sources.frigate.api import sound_item
from eventlog.sources.frigate.tracked_object import SOURCE, is_replay
from eventlog.sources.items import Item, Picture, Refused, Skipped
from eventlog.sources.locks import DoorWord, connected_is, door_is

_NO_SOUND: Final = frozenset({"all", "dBFS", "rms", "state", "set", "transcription"})
_DOORS: Final[dict[str, DoorWord]] = {"open": "open", "closed": "closed"}
_PICTURES: Final = frozenset({"best", "person", "face", "package"})


def camera_items(message: Message, parts: list[str]) -> Iterator[Item]:
    """The items of one message; `parts` are those of its topic."""
    if len(parts) < 3:  # noqa: PLR2004 - camera, what, which
        yield Skipped(f"topic {parts[-1][:64]}")
        return
    camera, what, which = parts[-3][:64], parts[-2], parts[-1]
    if is_replay(camera):
        yield Skipped("a debug replay")
    elif which == "snapshot":
        yield _picture(message, camera, what)
    elif what == "audio" and which not in _NO_SOUND:
        yield _sound(message, camera, which)
    elif what == "status":
        yield _status(message, camera, which)
    elif what == "classification":
        yield _classification(message, camera, which)
    else:
        yield Skipped(f"topic {which[:64]}")


def _picture(message: Message, camera: str, label: str) -> Item:
    if not isinstance(message.value, bytes):
        return Skipped("a snapshot that is not there as bytes")
    if label not in _PICTURES:
        return Skipped(f"a snapshot of {label[:48]}")
    if message.retained:
        return Skipped("a retained snapshot: what a broker kept does not happen now")
    at = message.received_at
    name = at.strftime("%Y-%m-%dT%H-%M-%S") if at is not None else ""
    return Picture(message.value, name, None, camera)


def _sound(message: Message, camera: str, label: str) -> Item:
    if message.text != "ON":
        return Skipped("the end of a sound")
    if message.retained:
        return Skipped("a retained sound: what a broker kept does not happen now")
    return sound_item(message, camera, label[:64])


def _status(message: Message, camera: str, role: str) -> Item:
    if role != "detect":
        return Skipped(f"status of {role[:32]}")
    if message.text not in {"online", "offline", "disabled"}:
        return Refused("", "status: is neither online, offline nor disabled")
    return connected_is(message, SOURCE, camera, online=message.text == "online")


def _classification(message: Message, camera: str, model: str) -> Item:
    """A model that says whether a door is open; any other is not a fact."""
    told = message.text.lower()
    if told not in _DOORS:
        return Skipped("a classification of a camera's picture")
    return door_is(message, SOURCE, f"{camera}.{model}"[:64], _DOORS[told])
