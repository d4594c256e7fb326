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
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.items import Item, Refused, Skipped, Visit
from eventlog.sources.messages import UnixSeconds, lenient, moment, utc

SOURCE: Final = "ring"

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


def items(message: Message, settings: Settings) -> Iterator[Item]:
    """The items of one message of Ring's. Raises BadPayload."""
    ringing, left_out = lenient(SOURCE, message.value, Ringing)
    recorded_at = _recorded_at(ringing, left_out)
    yield from (Refused("", reason) for reason in left_out)
    opener = _OPENERS.get(ringing.kind)
    if opener is None:
        yield Skipped(f"kind {ringing.kind}")
        return
    ring_id = str(int(ringing.id))
    fact = opener(
        camera_id=_camera_id(ringing) or settings.camera_id,
        recorded_at=recorded_at,
        recording_id=ring_id,
    )
    yield Visit(f"{SOURCE}:{ring_id}:{ringing.kind}", (fact,))
    if ringing.cv_properties is not None and ringing.cv_properties.person_detected:
        yield Skipped("a person detected, without a confidence")


def _recorded_at(ringing: Ringing, left_out: list[str]) -> datetime:
    if ringing.created_at is not None:
        return utc(SOURCE, "created_at", ringing.created_at)
    if ringing.now is not None:
        return moment(ringing.now)
    bad = [reason for reason in left_out if reason.startswith(("created_at:", "now:"))]
    raise BadPayload(SOURCE, bad[0] if bad else "has neither created_at nor now")


def _camera_id(ringing: Ringing) -> str:
    """The device's name as a camera id, 'Front Door' as 'front_door'; "" where none is named."""
    described = ringing.doorbot.description if ringing.doorbot is not None else None
    name = ringing.doorbot_description or ringing.device_name or described or ""
    return re.sub(r"\W+", "_", name.lower()).strip("_")[:64]


ADAPTER: Final = Adapter(SOURCE, items, takes=frozenset({"camera_id"}))
