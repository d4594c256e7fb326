"""Turns the messages of a UniFi Protect event into facts, each under its own key."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from eventlog.errors import BadPayload
from eventlog.facts import (
    Box,
    Detection,
    Ding,
    FaceResult,
    Fact,
    Motion,
    Observation,
    Score,
    VisitEnded,
)
from eventlog.sources.items import Addition, Item, Refused, Skipped, Visit
from eventlog.sources.locks import clipped
from eventlog.sources.messages import lenient, millis
from eventlog.sources.unifi_protect.shapes import (
    CONFIDENCE,
    SOURCE,
    Event,
    Group,
    Thumbnail,
    device_of,
    text_of,
)

SOUNDS: Final = frozenset({"smartAudioDetect", "sensorAlarm", "alarmHubGlassBreak"})
LABELS: Final = {"licensePlate": "license_plate", "car": "vehicle", "pet": "animal"}


def opener(event: Event) -> Fact | None:
    """The fact that opens the event; None if the message does not say when it began."""
    if event.start is None:
        return None
    camera, at = device_of(event), millis(event.start)
    if event.type == "ring":
        return Ding(camera_id=camera, recorded_at=at, recording_id=event.id)
    if event.type in SOUNDS:
        types = event.smartDetectTypes or []
        alarm = text_of(event.metadata.alarmType) if event.metadata else None
        label = _label(types[0]) if types else alarm or "sound"
        return Observation(
            camera_id=camera,
            recorded_at=at,
            recording_id=event.id,
            label=label[:64],
            medium="sound",
        )
    return Motion(camera_id=camera, recorded_at=at, recording_id=event.id)


def visit_items(event: Event, opening: Fact | None) -> Iterator[Item]:
    """What a message adds to its event; without an opener, only where that is known already."""
    key = f"{SOURCE}:{event.id}"
    openers = () if opening is None else (opening,)
    if opening is not None:
        yield Visit(key, openers)
    added = list(_added(event, key, openers))
    yield from added
    if opening is None and not added:
        yield Skipped("an update that changes nothing that is kept")


def _added(event: Event, key: str, openers: tuple[Fact, ...]) -> Iterator[Item]:
    thumbnails = (event.metadata.detectedThumbnails if event.metadata else None) or []
    seen = []
    for number, value in enumerate(thumbnails):
        try:
            thumbnail, left_out = lenient(SOURCE, value, Thumbnail)
        except BadPayload as error:
            yield Refused("", f"metadata.detectedThumbnails[{number}]: {error.reason}")
            continue
        yield from (Refused("", reason) for reason in left_out)
        seen.append(thumbnail.type)
        yield from _of_thumbnail(event, thumbnail, key, openers)
    if event.type not in SOUNDS:
        for kind in event.smartDetectTypes or []:
            if kind not in seen:
                found = _detection(event, kind, None if event.score is None else event.score / 100)
                yield _addition(key, openers, "seen", found)
    if event.end is not None:
        end = VisitEnded(ended_at=millis(event.end), reason="source")
        yield Addition(key, f"{key}:ended:{event.end:.0f}", (end,), openers)


def _of_thumbnail(
    event: Event, thumbnail: Thumbnail, key: str, openers: tuple[Fact, ...]
) -> Iterator[Item]:
    at = None if thumbnail.clockBestWall is None else millis(thumbnail.clockBestWall)
    sure = None if thumbnail.confidence is None else thumbnail.confidence / 100
    group = thumbnail.group or Group()
    name = clipped(group.matchedName or group.name)
    if thumbnail.type == "face":
        score = group.confidence if group.confidence is not None else thumbnail.confidence
        face = FaceResult(
            name=name,
            score=None if score is None else Score(value=score / 100, scale=CONFIDENCE),
            box=_box(thumbnail),
            recorded_at=at,
            track=event.id,
        )
        yield _addition(key, openers, "face", face)
        return
    is_vehicle = thumbnail.type in {"vehicle", "licensePlate", "car"}
    found = _detection(event, thumbnail.type, sure)
    yield _addition(
        key,
        openers,
        "seen",
        Detection(
            label=found.label,
            confidence=sure,
            box=_box(thumbnail),
            recorded_at=at,
            plate=clipped(name or thumbnail.name) if is_vehicle else None,
            track=event.id,
        ),
    )


def _detection(event: Event, kind: str, confidence: float | None) -> Detection:
    return Detection(label=_label(kind), confidence=confidence, track=event.id)


def _addition(key: str, openers: tuple[Fact, ...], what: str, fact: Fact) -> Item:
    """A part of the event; what differs from an earlier telling is kept too."""
    label = fact.label if isinstance(fact, Detection) else ""
    return Addition(key, f"{key}:{what}:{label}", (fact,), openers, distinct=True)


def _box(thumbnail: Thumbnail) -> Box | None:
    """`coord` is x, y, width and height in thousandths."""
    if thumbnail.coord is None:
        return None
    x, y, width, height = thumbnail.coord
    corners = (one / 1000 for one in (x, y, x + width, y + height))
    x1, y1, x2, y2 = corners
    return Box(x1=x1, y1=y1, x2=x2, y2=y2, unit="fractions")


def _label(kind: str) -> str:
    """A type as a label: 'alrmGlassBreak' is 'glass_break'."""
    if kind in LABELS:
        return LABELS[kind]
    plain = kind.removeprefix("alrm")
    parts = [f"_{one.lower()}" if one.isupper() else one for one in plain]
    return "".join(parts).strip("_")[:64] or "object"
