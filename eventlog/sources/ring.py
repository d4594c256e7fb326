"""Ring: doorbot history, intercom history and active dings become items.

All three list rings and motions with an id and a kind. One id may serve two kinds, and the same
ring comes by push and by history with times that differ by fractions; so the key is
`ring:<id>:<kind>`, and the first telling stands. Only the push and the intercom name the device.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Final, TypeAlias

from msgspec import Meta, Struct

from eventlog.errors import BadPayload
from eventlog.facts import Ding, Motion, Word
from eventlog.sources.feed import Item, Skipped, Visit
from eventlog.sources.messages import UnixSeconds, moment, read_messages, shape, utc

SOURCE: Final = "ring"
FRONT_DOOR: Final = "front_door"

# Up to 19 digits, and sometimes text: never a float, which would lose the last of them.
RingId: TypeAlias = (
    Annotated[int, Meta(ge=0, le=2**63 - 1)]
    | Annotated[str, Meta(pattern=r"\A[0-9]+\Z", max_length=20)]
)

_OPENERS: Final[dict[str, type[Ding | Motion]]] = {"ding": Ding, "motion": Motion}


class Device(Struct, frozen=True):
    """The device that an element of the intercom's history names."""

    description: str | None = None


class Vision(Struct, frozen=True):
    """What the camera made of the picture."""

    person_detected: bool | None = None


class Ringing(Struct, frozen=True):
    """An element of any of Ring's lists: history has `created_at`, a push `now`."""

    id: RingId
    kind: Word
    created_at: datetime | None = None
    now: UnixSeconds | None = None
    device_name: str | None = None
    doorbot_description: str | None = None
    doorbot: Device | None = None
    cv_properties: Vision | None = None


def read(data: bytes, *, camera_id: str = FRONT_DOOR) -> Iterator[Item]:
    """The items of a file of Ring's.

    `camera_id` is for rings that name no device. Raises BadPayload where the file, or its only
    element, is none of Ring's.
    """
    return read_messages(SOURCE, data, lambda value: _items(value, camera_id))


def _items(value: object, camera_id: str) -> Iterator[Item]:
    ringing = shape(SOURCE, value, Ringing)
    opener = _OPENERS.get(ringing.kind)
    if opener is None:
        yield Skipped(f"kind {ringing.kind}")
        return
    ring_id = str(int(ringing.id))
    fact = opener(
        camera_id=_camera_id(ringing) or camera_id,
        recorded_at=_recorded_at(ringing),
        recording_id=ring_id,
    )
    yield Visit(f"{SOURCE}:{ring_id}:{ringing.kind}", (fact,))
    if ringing.cv_properties is not None and ringing.cv_properties.person_detected:
        yield Skipped("a person detected, without a confidence")


def _recorded_at(ringing: Ringing) -> datetime:
    if ringing.created_at is not None:
        return utc(SOURCE, "created_at", ringing.created_at)
    if ringing.now is not None:
        return moment(ringing.now)
    raise BadPayload(SOURCE, "has neither created_at nor now")


def _camera_id(ringing: Ringing) -> str:
    """The device's name as a camera id, 'Front Door' as 'front_door'; "" where none is named."""
    described = ringing.doorbot.description if ringing.doorbot is not None else None
    name = ringing.doorbot_description or ringing.device_name or described or ""
    return re.sub(r"\W+", "_", name.lower()).strip("_")[:64]
