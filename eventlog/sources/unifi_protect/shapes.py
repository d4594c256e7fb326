"""The fields of a UniFi Protect event, and the device that it belongs to.

Times are in milliseconds, confidences 0 to 100, `coord` x, y, width and height in thousandths. The
fields are those of uiprotect 25.0.0 (`data/nvr.py`), and of recorded messages.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from msgspec import Meta, Struct

from eventlog.facts import (
    Finite,
)
from eventlog.sources.messages import UnixMillis, slug

SOURCE: Final = "unifi-protect"
CONFIDENCE: Final = "unifi-protect confidence"

EventId = Annotated[str, Meta(pattern=r"\A[0-9A-Za-z_-]+\Z", max_length=64)]
Percent = Annotated[float, Meta(ge=0, le=100)]


class Text(Struct, frozen=True):
    """A text of the metadata."""

    text: str | None = None


class Card(Struct, frozen=True):
    """A card: by its user's id (private API), or by the identity's (public API)."""

    nfcId: str | None = None  # noqa: N815 - as Protect writes it
    userId: str | None = None  # noqa: N815
    ulpId: str | None = None  # noqa: N815


class Group(Struct, frozen=True):
    """Who a face is, or what a plate reads."""

    matchedName: str | None = None  # noqa: N815
    name: str | None = None
    confidence: Percent | None = None


class Thumbnail(Struct, frozen=True):
    """One of the objects that were detected."""

    type: str
    confidence: Percent | None = None
    clockBestWall: UnixMillis | None = None  # noqa: N815
    name: str | None = None
    coord: tuple[Finite, Finite, Finite, Finite] | None = None
    group: Group | None = None


class Metadata(Struct, frozen=True):
    """What an event has beyond its type and times."""

    sensorId: Text | str | None = None  # noqa: N815
    sensorName: Text | str | None = None  # noqa: N815
    lightId: Text | str | None = None  # noqa: N815
    lightName: Text | str | None = None  # noqa: N815
    deviceId: Text | str | None = None  # noqa: N815
    alarmType: Text | str | None = None  # noqa: N815
    nfc: Card | None = None
    fingerprint: Card | None = None
    detectedThumbnails: list[Any] | None = None  # noqa: N815


class Event(Struct, frozen=True):
    """An event, or what changed of it."""

    id: EventId
    type: str | None = None
    start: UnixMillis | None = None
    end: UnixMillis | None = None
    score: Percent | None = None
    smartDetectTypes: list[str] | None = None  # noqa: N815
    camera: str | None = None
    device: str | None = None
    metadata: Metadata | None = None


def device_of(event: Event) -> str:
    """The camera's id; a sensor's or a light's name, which has no other."""
    metadata = event.metadata or Metadata()
    names = (metadata.sensorName, metadata.lightName)
    ids = (event.camera, event.device, metadata.sensorId, metadata.lightId, metadata.deviceId)
    if event.camera is None:
        for name in names:
            if slug(text_of(name)):
                return slug(text_of(name))
    return next((told for one in ids if (told := text_of(one))), "unknown")[:64]


def text_of(told: Text | str | None) -> str:
    """A text of the metadata, which comes bare or as an object; "" for none."""
    return (told.text or "") if isinstance(told, Text) else told or ""
