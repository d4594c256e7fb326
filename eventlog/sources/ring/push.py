"""Reads Ring's push messages: version 2, and version 1 with its JSON inside JSON.

A push names its device. A ring has the id that it has in the history too; an intercom's may have
none, and an unlock has the message's id only. The alert's text is not read: it holds names, and a
local time.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from eventlog.errors import BadPayload
from eventlog.sources.adapter import Message, Settings, occurrence
from eventlog.sources.items import Item, Skipped, Standalone, Unknown, series
from eventlog.sources.locks import Operation, operated
from eventlog.sources.messages import UnixMillis, millis, parse, shape, slug, word
from eventlog.sources.ring.history import SOURCE, element_items, opener

_KINDS: Final = {
    "com.ring.pn.live-event.ding": "ding",
    "com.ring.pn.live-event.intercom": "ding",
    "com.ring.pn.live-event.motion": "motion",
    "com.ring.push.handle_new_ding": "ding",
    "com.ring.push.handle_new_motion": "motion",
}
_UNLOCKS: Final = frozenset(
    {"com.ring.push.intercom_unlock_from_app", "com.ring.pn.intercom.virtual.unlock"}
)
# Alarm modes, sirens, news: known by how their names begin.
_NO_VISIT: Final = ("com.ring.push.handle_new_", "com.ring.push.", "com.ring.pn.")
RING_WINDOW_S: Final = 20.0  # a ring without an id is one for so long


class Named(Struct, frozen=True):
    """What names a device."""

    id: int | str | None = None
    name: str | None = None


def is_push(value: object) -> bool:
    """Whether a message is a push: its data come by Google's names."""
    if not isinstance(value, dict) or not isinstance(value.get("data"), dict | str):
        return False
    data = _unpacked(value["data"])
    return isinstance(data, dict) and bool(data.keys() & {"gcmData", "android_config", "data"})


def push_items(message: Message, value: dict[str, Any], settings: Settings) -> Iterator[Item]:
    """The items of one push. Raises BadPayload."""
    data = _unpacked(value["data"])
    inner = _unpacked(data.get("data"))
    gcm = _unpacked(data.get("gcmData"))
    if gcm is None and isinstance(inner, dict):
        gcm = _unpacked(inner.get("gcmData"))
    message_id = value.get("fcmMessageId") or value.get("messageId")
    if isinstance(gcm, dict):
        yield from _version_1(message, gcm, message_id, settings)
        return
    config = _unpacked(data.get("android_config"))
    category = config.get("category") if isinstance(config, dict) else None
    if not isinstance(category, str) or not isinstance(inner, dict):
        raise BadPayload(SOURCE, "is a push without a category")
    yield from _version_2(message, category, inner, data, message_id, settings)


def _version_1(
    message: Message, gcm: dict[str, Any], message_id: object, settings: Settings
) -> Iterator[Item]:
    action = gcm.get("action")
    kind = _KINDS.get(str(action).lower())
    if kind is not None and isinstance(gcm.get("ding"), dict):
        # The kind is the action's: the ding inside may call itself by another.
        yield from element_items(
            {"subtype": gcm.get("subtype"), **gcm["ding"], "kind": kind}, settings
        )
    elif str(action).lower() in _UNLOCKS:
        meta = gcm.get("alarm_meta")
        device = str(meta.get("device_zid") or "") if isinstance(meta, dict) else ""
        yield _unlock(message, device or settings.camera_id, message_id)
    else:
        yield _no_visit(action)


def _version_2(  # noqa: PLR0917 - the parts of one push
    message: Message,
    category: str,
    inner: dict[str, Any],
    data: dict[str, Any],
    message_id: object,
    settings: Settings,
) -> Iterator[Item]:
    device = shape(SOURCE, inner.get("device") or {}, Named)
    event = inner.get("event")
    ding = event.get("ding") if isinstance(event, dict) else None
    kind = _KINDS.get(category.lower())
    if kind is not None and isinstance(ding, dict) and ding.get("id") is not None:
        yield from element_items({**ding, "kind": kind, "device_name": device.name}, settings)
    elif kind is not None:
        camera = slug(device.name) or settings.camera_id
        yield _without_id(message, kind, camera, str(device.id or camera), data)
    elif category.lower() in _UNLOCKS:
        yield _unlock(message, str(device.id or "") or settings.camera_id, message_id)
    else:
        yield _no_visit(category)


def _without_id(
    message: Message, kind: str, camera: str, device: str, data: dict[str, Any]
) -> Item:
    """A ring that has no id: known by its device and its time."""
    analytics = _unpacked(data.get("analytics"))
    told = analytics.get("triggered_at") if isinstance(analytics, dict) else None
    at: datetime | None = message.received_at
    if told is not None:
        at = millis(shape(SOURCE, told, UnixMillis))
    fact = None if at is None else opener(kind, camera, at, None)
    if fact is None:
        raise BadPayload(SOURCE, "is a push without an id and without a time")
    named = series(SOURCE, device, kind)
    return occurrence(message, named, fact, at=at, window_s=RING_WINDOW_S)


def _unlock(message: Message, device: str, message_id: object) -> Item:
    fact = operated(
        Operation("unlocked", "app"), door_id=device[:64], recorded_at=message.received_at
    )
    if isinstance(message_id, str) and 0 < len(message_id) <= 128:  # noqa: PLR2004 - a key's part
        return Standalone(f"{SOURCE}:push:{message_id}", (fact,))
    return occurrence(message, series(SOURCE, device, "unlock"), fact)


def _no_visit(action: object) -> Item:
    name = str(action)
    if name.lower().startswith(_NO_VISIT):
        return Skipped(f"push {word(name)}")
    return Unknown(f"push {word(name)}")


def _unpacked(value: object) -> Any:  # noqa: ANN401 - foreign
    """JSON inside JSON as plain values; None if it is not JSON."""
    if not isinstance(value, str):
        return value
    try:
        return parse(SOURCE, value)
    except BadPayload:
        return None
