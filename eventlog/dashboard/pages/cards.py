"""Turns a row of the read tables into the card that a page shows for an event: pure.

Texts of the facts are in a card unchanged; the templates escape them. Knows no template and
no table.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from hashlib import sha256
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from msgspec import Struct

from eventlog.dashboard.local_time import clock, day_title, exact, instant, local, with_offset
from eventlog.projections import clocks

Who = Literal["known", "stranger", "nobody"]
Tone = Literal["granted", "refused", "plain"]

LABELS_SHOWN = 6
MULTIPLIED: Final = "\N{MULTIPLICATION SIGN}"  # what one reads


class Card(Struct, frozen=True, kw_only=True):
    """What a card shows. `at` has its offset; `clock` and `exact` are the door's time.

    `picture` is the key of its picture in an address, None if it has none. `late` says that
    what the door did was added to the event later.
    """

    id: int
    at: str
    clock: str
    exact: str
    camera: str
    ding: bool
    who: Who
    headline: str
    seen: list[str]
    door: str
    tone: Tone
    picture: str | None
    alert_sent: bool
    doubt: str  # what is wrong with the event's own time, '' if nothing is
    claimed: str  # that time
    late: bool
    labels: list[str]  # what was seen, each once


class Day(Struct, frozen=True, kw_only=True):
    """The cards of one day at the door; without a title where the page before began the day.

    `full_title` is its date in words, for when it is no longer today.
    """

    day: str
    title: str
    full_title: str
    cards: list[Card]


def card(event: Mapping[str, Any], names: Mapping[str, str], door: ZoneInfo) -> Card:
    """The card of an event."""
    at = instant(event["listed_at"])
    did, tone = door_words(event)
    return Card(
        id=event["id"],
        at=with_offset(event["listed_at"]),
        clock=clock(at, door),
        exact=exact(at, door),
        camera=event["camera_id"],
        ding=event["event_type"] == "ding",
        who=who(event),
        headline=headline(event, names),
        seen=seen(event["detections"]),
        door=did,
        tone=tone,
        picture=None if event["thumbnail_path"] is None else picture_key(event["thumbnail_path"]),
        alert_sent=bool(event["alert_sent"]),
        doubt=clocks.WORDS.get(event["clock"] or "", ""),
        claimed=exact(instant(event["recorded_at"]), door),
        late=bool(event.get("late")),
        labels=labels_of(event),
    )


def picture_key(path: str) -> str:
    """A picture's path in a URL; no two pictures of a log share a path."""
    return sha256(path.encode()).hexdigest()[:16]


def who(event: Mapping[str, Any]) -> Who:
    """Whether somebody was recognised or let in, a stranger's face was seen, or neither."""
    if event["person_name"] is not None:
        return "known"
    return "stranger" if event["face_recognised"] == 0 else "nobody"


def headline(event: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Who was there and what they did, in a few words."""
    ding = event["event_type"] == "ding"
    name = event["person_name"]
    if name is not None:
        return f"{names.get(name, name)} {'rang' if ding else 'was seen'}"
    if event["face_recognised"] == 0:
        return f"A stranger {'rang' if ding else 'was seen'}"
    if ding:
        return "Somebody rang"
    labels = labels_of(event)
    if not labels:
        return "Something moved"
    first = "person" if "person" in labels else labels[0]
    return f"{first[:1].upper()}{first[1:]} {'seen' if event['detections'] else 'noticed'}"


def labels_of(event: Mapping[str, Any]) -> list[str]:
    """What was seen, each once; where nothing was, what its source noticed."""
    labels = list(dict.fromkeys(detection["label"] for detection in event["detections"]))
    return labels or [label for label in (event["observed"],) if label]


def seen(detections: Sequence[Mapping[str, Any]]) -> list[str]:
    """The labels in the order they were seen, each with its number."""
    return counted_labels(Counter(detection["label"] for detection in detections))


def counted_labels(counted: Mapping[str, int]) -> list[str]:
    """Labels with their numbers, the first ones of them."""
    words = [label if n == 1 else f"{label} {MULTIPLIED}{n}" for label, n in counted.items()]
    rest = len(words) - LABELS_SHOWN
    return words if rest <= 0 else [*words[:LABELS_SHOWN], f"and {rest} more"]


def door_words(event: Mapping[str, Any]) -> tuple[str, Tone]:
    """What the door did, and in which tone to say it; '' if nothing asked it to."""
    outcome, action = event["outcome"], event["lock_action"]
    if outcome in _ACTS:
        return _ACTS[outcome], "refused"
    if outcome == "refused":
        return "Refused", "refused"
    if outcome == "trial":
        return "Trial", "plain"
    if action == "locked":
        return ("Unlocked, then locked", "granted") if event["opened"] else ("Locked", "plain")
    if outcome == "granted":
        return {"unlocked": "Unlocked", "unlatched": "Unlatched"}.get(action, "Granted"), "granted"
    return "", "plain"


_ACTS: Final[dict[str, str]] = {
    "failed": "Unlock failed",
    "timed_out": "Unlock timed out",
    "unknown": "Unlock not known",
}


def days(
    cards: Sequence[Card], door: ZoneInfo, *, today: date, after: str | None = None
) -> list[Day]:
    """Cards by day, newest first; `after` is the time of the last card of the page before."""
    before = None if after is None else _day(datetime.fromisoformat(after), door)
    grouped: dict[date, list[Card]] = {}
    for one in cards:
        grouped.setdefault(_day(datetime.fromisoformat(one.at), door), []).append(one)
    return [
        Day(
            day=day.isoformat(),
            title="" if day == before else day_title(day, today),
            full_title=day_title(day),
            cards=of_day,
        )
        for day, of_day in grouped.items()
    ]


def _day(at: datetime, door: ZoneInfo) -> date:
    return local(at, door).date()
