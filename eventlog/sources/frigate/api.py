"""Reads Frigate's lists of events and reviews from its API.

A list that is fetched while an object is visible lacks its last score and its name: each
telling is kept, under a key that holds what can change. Knows nothing of topics.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final

from msgspec import Struct, field

from eventlog.errors import BadPayload
from eventlog.facts import Box, Confidence, Detection, Finite, Motion, Observation, Text, Word
from eventlog.sources.adapter import Message, Settings, occurrence
from eventlog.sources.frigate.mqtt import MOST_ZONES, plate
from eventlog.sources.frigate.tracked_object import (
    SOURCE,
    Corners,
    ObjectId,
    SubLabel,
    ended,
    is_replay,
    named,
    object_key,
    opener,
    refused,
    started,
    started_at,
    sub_label,
    track,
)
from eventlog.sources.items import Addition, Item, Picture, Refused, Skipped, Visit, series
from eventlog.sources.messages import UnixSeconds, lenient, moment

# The topic, the API and a review report the same sound; within this time it is one.
SOUND_WINDOW_S: Final = 10.0
# What a review may open an event for: an object of one of these is seen, not made by hand.
_SEEN: Final = frozenset(
    {
        *("person", "face", "car", "motorcycle", "bicycle", "bus"),
        *("truck", "boat", "train", "airplane", "dog", "cat"),
        *("bird", "horse", "sheep", "cow", "bear", "deer"),
        *("fox", "raccoon", "rabbit", "squirrel", "skunk", "goat"),
        *("package", "license_plate", "backpack", "umbrella", "suitcase", "handbag"),
        *("skateboard", "waste_bin", "bbq_grill", "robot_lawnmower", "school_bus", "baby"),
        *("baby_stroller", "amazon", "usps", "ups", "fedex", "dhl"),
        *("an_post", "purolator", "postnl", "nzpost", "postnord", "gls"),
        *("dpd", "canada_post", "royal_mail"),
    }
)


class EventData(Struct, frozen=True):
    """What an API event has under `data`; `box` is x, y, width and height as fractions."""

    top_score: Confidence | None = None
    score: Confidence | None = None
    box: Corners | None = None
    sub_label_score: Finite | None = None
    type: str | None = None
    recognized_license_plate: str | None = None


class ApiEvent(Struct, frozen=True):
    """An element of the events API's list; times in unix seconds."""

    id: ObjectId
    camera: Word
    label: Word | None = None
    start_time: UnixSeconds | None = None
    end_time: UnixSeconds | None = None
    false_positive: bool | None = None
    top_score: Confidence | None = None
    sub_label: Any = None
    model_type: Text | None = None
    zones: list[Word] | None = None
    thumbnail: str | None = None
    data: EventData | None = None


class ReviewData(Struct, frozen=True):
    """What a review has under `data`: the ids of its objects, their labels, and its sounds."""

    detections: list[ObjectId] = field(default_factory=list)
    objects: list[str] = field(default_factory=list)
    audio: list[Word] = field(default_factory=list)


class Review(Struct, frozen=True):
    """A review, of the API or on MQTT; the API writes its times as text."""

    camera: Word
    data: ReviewData
    start_time: UnixSeconds | str | None = None


def api_items(message: Message, value: object, settings: Settings) -> Iterator[Item]:
    """The items of one event of the API's list. Raises BadPayload."""
    event, left_out = lenient(SOURCE, value, ApiEvent)
    data = event.data or EventData()
    if is_replay(event.camera):
        yield Skipped("a debug replay")
    elif event.false_positive:
        yield Skipped("a false positive")
    elif data.type == "audio":
        at = started_at(event.id, event.start_time)
        yield _sound(message, event.camera, event.label or "sound", at, event.id)
    elif data.type == "api":
        yield _by_hand(event)
    else:
        yield from _object_items(event, data, settings, left_out)
    yield from refused(left_out)


def _object_items(
    event: ApiEvent, data: EventData, settings: Settings, left_out: list[str]
) -> Iterator[Item]:
    key = object_key(event.id)
    opening = opener(event.id, event.camera, event.start_time)
    given = sub_label(event.sub_label, left_out, data.sub_label_score)
    found = _detection(event, data, given, settings, left_out)
    if found is None:
        yield Skipped("an event without a score")
        yield Visit(key, (opening,))
    else:
        yield Addition(
            key,
            f"{key}:best:{found.confidence!r}",
            (found,),
            (opening,),
            distinct=True,
            old_key=f"{key}:api:{found.confidence!r}",
        )
    # What the API says of a name is said of the object when it has gone.
    last = None if event.end_time is None else moment(event.end_time)
    yield from named(event.id, given, settings.people, last, opening)
    yield from ended(event.id, event.end_time, opening)
    yield from _picture(event, opening)


def _detection(
    event: ApiEvent,
    data: EventData,
    given: SubLabel,
    settings: Settings,
    left_out: list[str],
) -> Detection | None:
    """What the model saw at best."""
    scores = (event.top_score, data.top_score, data.score)
    confidence = next((score for score in scores if score is not None), None)
    if confidence is None or event.label is None:
        return None
    box = None
    if data.box is not None:
        x, y, width, height = data.box
        box = Box(x1=x, y1=y, x2=x + width, y2=y + height, unit="fractions")
    try:
        other = given.label(settings.people)
    except BadPayload as error:
        left_out.append(error.reason)
        other = None
    return Detection(
        label=event.label,
        confidence=confidence,
        box=box,
        model=event.model_type,
        sub_label=other,
        plate=plate(data.recognized_license_plate),
        zones=tuple((event.zones or [])[:MOST_ZONES]),
        track=track(event.id),
    )


def _by_hand(event: ApiEvent) -> Item:
    """An event that somebody, or a bell button, made by the API."""
    fact = Observation(
        camera_id=event.camera,
        recorded_at=started_at(event.id, event.start_time),
        recording_id=event.id,
        label=event.label or "event",
        medium="by_hand",
    )
    return Visit(object_key(event.id), (fact,))


def _sound(
    message: Message,
    camera: str,
    label: str,
    at: datetime,
    recording_id: str | None,
) -> Item:
    fact = Observation(
        camera_id=camera, recorded_at=at, recording_id=recording_id, label=label, medium="sound"
    )
    named_by = series(SOURCE, camera, "sound", label)
    return occurrence(message, named_by, fact, at=at, window_s=SOUND_WINDOW_S)


def sound_item(message: Message, camera: str, label: str) -> Item:
    """The item of `<camera>/audio/<type>`, which has no time of its own."""
    if message.received_at is None:
        return Refused("", "a sound without a time: see docs/sources.md")
    return _sound(message, camera, label, message.received_at, None)


def review_items(message: Message, value: object) -> Iterator[Item]:
    """The items of one review. Raises BadPayload.

    A review groups objects that have events of their own, and adds nothing to those. One that was
    missed is opened as it would have opened itself: its id holds its time, and the review its
    camera. A sound is reported if the review has only sounds.
    """
    review, left_out = lenient(SOURCE, value, Review)
    yield from refused(left_out)
    if is_replay(review.camera):
        yield Skipped("a debug replay")
        return
    labels = {label.removesuffix("-verified") for label in review.data.objects}
    seen = bool(labels) and labels <= _SEEN
    for object_id in review.data.detections:
        seconds = started(object_id)
        if seen and seconds is not None:
            opening: Motion = opener(object_id, review.camera, seconds)
            yield Visit(object_key(object_id), (opening,))
    start = review.start_time
    if not review.data.detections and not labels and isinstance(start, float | int):
        for label in review.data.audio:
            yield _sound(message, review.camera, label, moment(start), None)
    yield Skipped("review")


def _picture(event: ApiEvent, opening: Motion) -> Iterator[Item]:
    """The thumbnail that a list brings along, as base64."""
    if not event.thumbnail:
        return
    try:
        frame = base64.b64decode(event.thumbnail.partition("base64,")[2] or event.thumbnail)
    except (binascii.Error, ValueError):
        yield Refused("", "thumbnail: is not base64")
        return
    name = opening.recorded_at.strftime("%Y-%m-%dT%H-%M-%S")
    yield Picture(frame, name, object_key(event.id), event.camera)
