"""Frigate: a file of its API or of its MQTT messages becomes items.

Read are the events API's list, and the MQTT messages of `frigate/events`, `frigate/reviews` and
`frigate/tracked_object_update`: bare, or with their topic as {"topic": …, "payload": …}.

Under `frigate:<id>` stands the opener alone, which every message of an object knows in the same
words; what they add stands under keys of their own. So any order of API and MQTT gives the same
facts, and a list fetched while an object is still there and again later keeps what is new.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import Struct, field

from eventlog.errors import BadPayload
from eventlog.facts import Box, Confidence, Detection, Finite, Word
from eventlog.sources.adapter import Adapter, Message, Settings
from eventlog.sources.frigate.mqtt import RECOGNITION_THRESHOLD, tracked_items, update_items
from eventlog.sources.frigate.tracked_object import (
    SOURCE,
    Corners,
    ObjectId,
    SubLabel,
    named,
    object_key,
    opener,
    started,
)
from eventlog.sources.items import Addition, Item, Skipped, Visit
from eventlog.sources.messages import UnixSeconds, shape

_TOPICS: Final = frozenset({"events", "reviews", "tracked_object_update"})


class EventData(Struct, frozen=True):
    """What an API event has under `data`; `box` is x, y, width and height as fractions."""

    top_score: Confidence | None = None
    score: Confidence | None = None
    box: Corners | None = None
    sub_label_score: Finite | None = None
    type: str | None = None


class ApiEvent(Struct, frozen=True):
    """An element of the events API's list; times in unix seconds."""

    id: ObjectId
    camera: Word
    label: Word
    start_time: UnixSeconds
    false_positive: bool | None = None
    top_score: Confidence | None = None
    sub_label: SubLabel = None
    model_type: str | None = None
    data: EventData | None = None


class ReviewData(Struct, frozen=True):
    """What a review has under `data`: the ids of its objects, and sounds that have ids too."""

    detections: list[ObjectId] = field(default_factory=list)
    audio: list[str] = field(default_factory=list)


class Review(Struct, frozen=True):
    """A review, of the API or on MQTT."""

    id: ObjectId
    camera: Word
    data: ReviewData


class ReviewUpdate(Struct, frozen=True):
    """A message of `frigate/reviews`."""

    after: Review


def items(message: Message, settings: Settings) -> Iterator[Item]:
    """The items of one message, whichever of Frigate's it is. Raises BadPayload."""
    given = settings.recognition_threshold
    threshold = RECOGNITION_THRESHOLD if given is None else given
    value = message.value
    if message.topic is not None:
        yield from _topic_items(message.topic, value, threshold)
    elif not isinstance(value, dict):
        raise BadPayload(SOURCE, "a message is an object")
    elif "after" in value:
        after = value["after"]
        is_review = isinstance(after, dict) and "severity" in after
        yield from _by_topic("reviews" if is_review else "events", value, threshold)
    elif "severity" in value:
        yield from _review_items(shape(SOURCE, value, Review))
    elif "event_id" in value:
        yield Skipped("trigger")
    elif "type" in value and "id" in value:
        yield from _by_topic("tracked_object_update", value, threshold)
    elif "id" in value:
        yield from _api_items(shape(SOURCE, value, ApiEvent))
    else:
        raise BadPayload(SOURCE, "is no event, review or update of Frigate")


def _topic_items(topic: str, value: object, threshold: float) -> Iterator[Item]:
    """Of a message with its topic; the first part of the topic is its owner's to choose."""
    last = topic.rpartition("/")[2]
    if last not in _TOPICS:
        yield Skipped(f"topic {last[:64]}")
        return
    yield from _by_topic(last, value, threshold)


def _by_topic(topic: str, value: object, threshold: float) -> Iterator[Item]:
    if topic == "events":
        yield from update_items(value)
    elif topic == "reviews":
        yield from _review_items(shape(SOURCE, value, ReviewUpdate).after)
    else:
        yield from tracked_items(value, threshold)


def _api_items(event: ApiEvent) -> Iterator[Item]:
    data = event.data or EventData()
    if event.false_positive:
        yield Skipped("a false positive")
        return
    if data.type == "audio":
        yield Skipped("a sound, and nothing seen")
        return
    key = object_key(event.id)
    opening = opener(event.id, event.camera, event.start_time)
    found = _detection(event, data)
    if found is None:
        yield Skipped("an event without a score")
        yield Visit(key, (opening,))
    else:
        # A list fetched while the object is there has not its last score yet; with the score in
        # the key, a later list tells the better one.
        yield Addition(key, f"{key}:api:{found.confidence!r}", (found,), (opening,))
    yield from named(event.id, event.label, event.sub_label, data.sub_label_score, opening)


def _detection(event: ApiEvent, data: EventData) -> Detection | None:
    """What the model saw at best; None for an event that somebody made by hand."""
    scores = (event.top_score, data.top_score, data.score)
    confidence = next((score for score in scores if score is not None), None)
    if confidence is None or data.type == "api":
        return None
    box = None
    if data.box is not None:
        x, y, width, height = data.box
        box = Box(x1=x, y1=y, x2=x + width, y2=y + height, unit="fractions")
    return Detection(
        label=event.label, confidence=confidence, box=box, model=event.model_type or None
    )


def _review_items(review: Review) -> Iterator[Item]:
    """A review groups objects that have events of their own, and adds nothing to those.

    One that was missed is opened as it would have opened itself: its id holds its time, and the
    review its camera. Where the review holds sounds too, an id may be that of a sound.
    """
    if not review.data.audio:
        for object_id in review.data.detections:
            seconds = started(object_id)
            if seconds is not None:
                opening = opener(object_id, review.camera, seconds)
                yield Visit(object_key(object_id), (opening,))
    yield Skipped("review")


ADAPTER: Final = Adapter(
    SOURCE,
    items,
    SOURCE,
    ("events", "reviews", "tracked_object_update"),
    takes=frozenset({"recognition_threshold"}),
)
