"""Folds animals and cars of a list into one line an hour, and puts gaps into their places: pure.

An event is folded where nothing but animals or vehicles was seen, no face and no ring, and nothing
asked the lock. Knows cards, and no template.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias
from zoneinfo import ZoneInfo

from msgspec import Struct, structs

from eventlog.dashboard.local_time import clock, day_title, instant, local
from eventlog.dashboard.pages.cards import Card, Day, counted_labels, labels_of
from eventlog.dashboard.pages.gaps import Gap

ANIMALS: Final = frozenset(
    {
        *(
            "animal",
            "bear",
            "bird",
            "cat",
            "cow",
            "deer",
            "dog",
            "elephant",
            "fox",
            "giraffe",
            "goat",
        ),
        *("hedgehog", "horse", "mouse", "raccoon", "rabbit", "sheep", "skunk", "squirrel", "zebra"),
    }
)
VEHICLES: Final = frozenset(
    {
        *("airplane", "bicycle", "boat", "bus", "car", "license_plate", "motorcycle", "train"),
        *("truck", "van", "vehicle"),
    }
)
MINOR: Final = ANIMALS | VEHICLES
FOLD_MIN: Final = 2  # a single card is shown as it is
FOLD_CARDS: Final = 30  # that a line holds; the others are counted, and are a list of their own


class Fold(Struct, frozen=True, kw_only=True):
    """Events of one hour that are shown as one line; `key` is the hour, `text` what was seen.

    `number` counts all of them; `href` leads to them where `cards` holds the newest alone.
    """

    key: str
    text: str
    hours: str
    number: int
    href: str | None
    cards: list[Card]


class Left(Struct, frozen=True):
    """The events of an hour that its line only counts: how many, and how many had each label."""

    number: int
    labels: Counter[str]


Row: TypeAlias = Card | Fold | Gap


class FoldedDay(Struct, frozen=True, kw_only=True):
    """A day whose rows are cards, folded hours and gaps."""

    day: str
    title: str
    full_title: str
    rows: list[Row]


def is_minor(event: Mapping[str, Any]) -> bool:
    """Whether an event is about animals or vehicles alone."""
    labels = set(labels_of(event))
    asked = event["outcome"] != "none" or event["lock_action"] != "none"
    known = event["person_name"] is not None or event["face_recognised"] is not None
    return (
        bool(labels) and labels <= MINOR and event["event_type"] != "ding" and not (asked or known)
    )


def rest_of_hour(events: Sequence[Mapping[str, Any]], door: ZoneInfo) -> datetime | None:
    """When the hour of a page's last event began, if the page folds events of that hour.

    The page then goes on to that time: an hour is one line, wherever the page would have ended.
    """
    if not events:
        return None
    begin = hour_of(events[-1], door)
    of_hour = (event for event in reversed(events) if hour_of(event, door) == begin)
    return begin if any(is_minor(event) for event in of_hour) else None


def hour_of(event: Mapping[str, Any], door: ZoneInfo) -> datetime:
    """When the hour of an event began at the door."""
    return _hour_of_minute(event["listed_at"][: len("2026-02-25T10:30")], door)


@lru_cache(maxsize=4096)
def _hour_of_minute(minute: str, door: ZoneInfo) -> datetime:
    return _begins(instant(minute), door).astimezone(UTC)


def counted(
    events: Sequence[dict[str, Any]], door: ZoneInfo
) -> tuple[list[dict[str, Any]], dict[datetime, Left]]:
    """The events that are shown; and what is left of each hour that has more than a line holds."""
    shown: list[dict[str, Any]] = []
    hours: dict[datetime, list[dict[str, Any]]] = {}
    for event in events:
        of_hour = hours.setdefault(hour_of(event, door), []) if is_minor(event) else []
        of_hour.append(event)
        if len(of_hour) <= FOLD_CARDS:
            shown.append(event)
    left = {hour: of_hour[FOLD_CARDS:] for hour, of_hour in hours.items()}
    return shown, {
        hour: Left(len(rest), Counter(label for e in reversed(rest) for label in labels_of(e)))
        for hour, rest in left.items()
        if rest
    }


def as_they_are(days: Sequence[Day]) -> list[FoldedDay]:
    """Days with nothing folded."""
    return [_day(day, list(day.cards)) for day in days]


def folded(
    days: Sequence[Day],
    minor: frozenset[int],
    door: ZoneInfo,
    left: Mapping[datetime, Left],
    address: Callable[[datetime], str],
) -> list[FoldedDay]:
    """Days in which the cards of minor events are one line for each hour.

    Args:
        days: the days.
        minor: the ids of the minor events.
        door: the door's zone.
        left: what the line of an hour counts beyond its cards.
        address: of the list of an hour's events, each as a card.
    """

    def line(cards: list[Card]) -> Fold:
        return _fold(cards, door, left, address)

    return [_day(day, _rows(day.cards, minor, door, line)) for day in days]


def with_gaps(
    days: Sequence[FoldedDay],
    gaps: Sequence[Gap],
    door: ZoneInfo,
    *,
    today: date,
    after: str | None = None,
) -> list[FoldedDay]:
    """The days with each gap in its place by time; a day that has only gaps is added.

    `after` is the time of the last card of the page before, which has that day's title.
    """
    found = {day.day: day for day in days}
    begun = None if after is None else local(datetime.fromisoformat(after), door).date()
    for gap in gaps:
        on = local(datetime.fromisoformat(gap.at), door).date()
        title = "" if on == begun else day_title(on, today)
        empty = FoldedDay(day=on.isoformat(), title=title, full_title=day_title(on), rows=[])
        day = found.get(empty.day, empty)
        rows = sorted([*day.rows, gap], key=_row_at, reverse=True)
        found[day.day] = structs.replace(day, rows=rows)
    return [found[key] for key in sorted(found, reverse=True)]


def _row_at(row: Row) -> datetime:
    return datetime.fromisoformat(row.cards[0].at if isinstance(row, Fold) else row.at)


def _day(day: Day, rows: list[Row]) -> FoldedDay:
    return FoldedDay(day=day.day, title=day.title, full_title=day.full_title, rows=rows)


def _rows(
    cards: Sequence[Card],
    minor: frozenset[int],
    door: ZoneInfo,
    line: Callable[[list[Card]], Fold],
) -> list[Row]:
    hours: dict[str, list[Card]] = {}
    for card in cards:
        if card.id in minor:
            hours.setdefault(_hour(card, door), []).append(card)
    rows: list[Row] = []
    for card in cards:
        of_hour = hours.get(_hour(card, door), []) if card.id in minor else []
        if len(of_hour) < FOLD_MIN:
            rows.append(card)
        elif card is of_hour[0]:
            rows.append(line(of_hour))
    return rows


def _begin(card: Card, door: ZoneInfo) -> datetime:
    return _begins(datetime.fromisoformat(card.at), door)


def _begins(at: datetime, door: ZoneInfo) -> datetime:
    return local(at, door).replace(minute=0, second=0, microsecond=0)


def _hour(card: Card, door: ZoneInfo) -> str:
    # With its offset: the hour that comes twice in October is two hours.
    return _begin(card, door).isoformat()


def _fold(
    cards: list[Card],
    door: ZoneInfo,
    left: Mapping[datetime, Left],
    address: Callable[[datetime], str],
) -> Fold:
    begin = _begin(cards[0], door)
    rest = left.get(begin.astimezone(UTC))
    seen = Counter[str]() if rest is None else rest.labels.copy()
    seen.update(label for card in reversed(cards) for label in card.labels)
    return Fold(
        key=begin.isoformat(),
        text=", ".join(counted_labels(seen)),
        hours=f"{clock(begin, door)} to {clock(begin.replace(minute=59), door)}",
        number=len(cards) + (0 if rest is None else rest.number),
        href=None if rest is None else address(begin),
        cards=cards,
    )
