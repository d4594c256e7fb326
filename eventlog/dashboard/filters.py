"""Converts query parameters to filters and back.

Pure. Every parameter is text from outside; what is not a value of its kind is refused by name, and
what is not asked for is None. Knows the filters of the views, and no table.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Final, cast
from urllib.parse import parse_qsl, urlencode
from zoneinfo import ZoneInfo

from eventlog.dashboard.local_time import day_bounds, instant
from eventlog.errors import BadArgument
from eventlog.projections.event_list import Before, EventFilter
from eventlog.projections.times import canonical
from eventlog.projections.unlock_actions import UnlockFilter
from eventlog.record import ID_MAX

PAGE: Final = 30  # events of a page, unless another limit is asked for
PAGE_MAX: Final = 200
TEXT_MAX: Final = 256  # characters of any parameter

EVENT_KEYS: Final = (
    *("camera", "person", "label", "type", "outcome", "stranger", "day", "from", "to"),
    *("since", "until", "hour_from", "hour_to", "text"),
)
# The parameters that name a person; what asks for the visits of all persons who were erased.
NAMING: Final = frozenset({"person", "after"})
ERASED_ONES: Final = "erased"
UNLOCK_KEYS: Final = ("person", "outcome", "day", "from", "to", "since", "until")
_DIGITS: Final = len(str(ID_MAX))
_OUTCOMES: Final = ("granted", "refused", "none", "trial", "failed", "timed_out", "unknown")
_TYPES: Final = ("motion", "ding")
_CLOCK: Final = re.compile("([01][0-9]|2[0-3]):([0-5][0-9])")
_CURSOR: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{6})?)~(\d{1,19})")


def event_filter(query: Mapping[str, str], door: ZoneInfo, person: str | None) -> EventFilter:
    """Which events are asked for; `person` is the name of the one asked for by id.

    Raises BadArgument, which names the parameter.
    """
    since, until = _between(query, door)
    return EventFilter(
        camera_id=require_text(query, "camera"),
        person=person,
        label=require_text(query, "label"),
        event_type=cast("Any", _choice(query, "type", _TYPES)),
        outcome=cast("Any", _choice(query, "outcome", _OUTCOMES)),
        stranger=_choice(query, "stranger", ("1", "true", "0", "false")) in {"1", "true"},
        since=since,
        until=until,
    )


def unlock_filter(query: Mapping[str, str], door: ZoneInfo, person: str | None) -> UnlockFilter:
    """Which unlock actions are asked for; see `event_filter`."""
    since, until = _between(query, door)
    outcome = cast("Any", _choice(query, "outcome", _OUTCOMES))
    return UnlockFilter(person=person, outcome=outcome, since=since, until=until)


def asked(query: Mapping[str, str], keys: tuple[str, ...]) -> dict[str, str]:
    """The parameters of a filter that are set, in their order, for forms and addresses."""
    return {key: value for key in keys if (value := query.get(key, ""))}


def fields(query: Mapping[str, str], keys: tuple[str, ...]) -> dict[str, str]:
    """All parameters of a filter, '' if one is not set, for a form."""
    return {key: query.get(key, "") for key in keys}


def in_words(query: Mapping[str, str], names: Mapping[str, str]) -> str:
    """What a filter shows, for its heading; `names` has those to show, by id."""
    words = {
        "type": {"ding": "rings", "motion": "motion"},
        "outcome": {"granted": "opened", "refused": "refused", "none": "lock not asked"}
        | {"trial": "trial", "failed": "unlock failed", "timed_out": "unlock timed out"},
        "stranger": {"1": "strangers", "true": "strangers", "0": "", "false": ""},
        "person": {**names, "0": "nobody", "erased": "erased persons"},
    }
    before = {
        "from": "from ",
        "to": "to ",
        "since": "since ",
        "until": "until ",
        "hour_from": "after ",
        "hour_to": "before ",
    }
    shown = (
        words.get(key, {}).get(value, f"{before.get(key, '')}{_with_a_blank(key, value)}")
        for key, value in query.items()
        if value
    )
    return ", ".join(filter(None, shown))


def _with_a_blank(key: str, value: str) -> str:
    """A moment as one reads it; any other value unchanged."""
    return value.replace("T", " ", 1) if key in {"since", "until"} else value


def chips(
    path: str, query: Mapping[str, str], names: Mapping[str, str]
) -> list[tuple[str, str, str]]:
    """What a filter shows, one by one: its word, the text, and the address of the list without."""
    return [
        (CHIP_WORDS[key], in_words({key: value}, names), address(path, _without(query, key)))
        for key, value in query.items()
        if value and in_words({key: value}, names)
    ]


def _without(query: Mapping[str, str], key: str) -> dict[str, str]:
    return {other: value for other, value in query.items() if other != key}


CHIP_WORDS: Final = {
    "camera": "Camera",
    "person": "Person",
    "label": "Seen",
    "type": "Began",
    "outcome": "Door",
    "stranger": "Who",
    "day": "Day",
    "from": "Days",
    "to": "Days",
    "since": "Time",
    "until": "Time",
    "hour_from": "Time",
    "hour_to": "Time",
    "text": "Text",
}


def address(path: str, query: Mapping[str, str], **more: str) -> str:
    """A path with its parameters."""
    text = urlencode({**query, **more})
    return f"{path}?{text}" if text else path


def without_names(query: str) -> str:
    """A query string without parameters that name a person by name, as older addresses do."""
    asked = parse_qsl(query, keep_blank_values=True)
    kept = [
        (key, text)
        for key, text in asked
        if key not in NAMING or text == ERASED_ONES or whole_number(text) is not None
    ]
    return query if len(kept) == len(asked) else urlencode(kept)


def whole_number(text: str, most: int = ID_MAX) -> int | None:
    """The number that decimal digits name, from 0 to `most`; None for any other text."""
    if not text.isascii() or not text.isdigit() or len(text) > _DIGITS or int(text) > most:
        return None
    return int(text)


def limit(query: Mapping[str, str]) -> int:
    """How many rows a page has. Raises BadArgument."""
    text = query.get("limit", "")
    if not text:
        return PAGE
    rows = whole_number(text, PAGE_MAX)
    if not rows:
        raise BadArgument(f"limit: a page has 1 to {PAGE_MAX} rows")
    return rows


def before(query: Mapping[str, str]) -> Before | None:
    """Where the page begins: the cursor that the page before it gave. Raises BadArgument."""
    text = query.get("before", "")
    if not text:
        return None
    match = _CURSOR.fullmatch(text)
    if match is None or not match.group(0).isascii() or int(match[2]) > ID_MAX:
        raise BadArgument("before: is not a cursor of this list")
    try:
        return canonical(instant(match[1])), int(match[2])
    except ValueError as error:
        raise BadArgument("before: is not a cursor of this list") from error


def position(query: Mapping[str, str]) -> int:
    """The position of a record from a live stream, 0 for none. Raises BadArgument."""
    number = whole_number(query.get("position", "") or "0")
    if number is None:
        raise BadArgument("position: is a number")
    return number


def cursor(at: str, row_id: int) -> str:
    """The cursor of the page that comes after a row."""
    return f"{at}~{row_id}"


def day(query: Mapping[str, str], key: str = "day") -> date | None:
    """The day that is asked for. Raises BadArgument."""
    text = query.get(key, "")
    if not text:
        return None
    if len(text) != len("2026-02-25"):
        raise BadArgument(f"{key}: is not a date such as 2026-02-25")
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise BadArgument(f"{key}: is not a date such as 2026-02-25") from error


def minute(query: Mapping[str, str], key: str) -> int | None:
    """The minute of the day that is asked for. Raises BadArgument."""
    text = query.get(key, "")
    if not text:
        return None
    match = _CLOCK.fullmatch(text)
    if match is None:
        raise BadArgument(f"{key}: is not a time of day such as 22:30")
    return int(match[1]) * 60 + int(match[2])


def _between(query: Mapping[str, str], door: ZoneInfo) -> tuple[datetime | None, datetime | None]:
    since, until = [moment(query, "since")], [moment(query, "until")]
    for key, begins, ends in (("day", True, True), ("from", True, False), ("to", False, True)):
        asked_day = day(query, key)
        if asked_day is not None:
            begin, end = day_bounds(asked_day, door)
            since += [begin] if begins else []
            until += [end] if ends else []
    return (
        max((at for at in since if at is not None), default=None),
        min((at for at in until if at is not None), default=None),
    )


def moment(query: Mapping[str, str], key: str) -> datetime | None:
    """The moment that is asked for, with its offset. Raises BadArgument."""
    text = require_text(query, key)
    if text is None:
        return None
    try:
        # A plus sign that was not encoded has become a blank.
        found = datetime.fromisoformat(text.replace(" ", "+"))
        canonical(found)
    except ValueError as error:
        raise BadArgument(f"{key}: is not a time such as 2026-02-25T10:30:00Z") from error
    if found.tzinfo is None:
        raise BadArgument(f"{key}: a time has an offset; one is 2026-02-25T10:30:00Z")
    return found


def require_text(query: Mapping[str, str], key: str) -> str | None:
    """A parameter that may be any text; None if it is not set. Raises BadArgument."""
    text = query.get(key, "")
    if len(text) > TEXT_MAX:
        raise BadArgument(f"{key}: has {TEXT_MAX} characters at most")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadArgument(f"{key}: is not text that UTF-8 can hold") from error
    return text or None


def _choice(query: Mapping[str, str], key: str, choices: tuple[str, ...]) -> str | None:
    text = query.get(key, "")
    if text and text not in choices:
        raise BadArgument(f"{key}: is one of {', '.join(choices)}")
    return text or None


def _outcome_matches(event: Mapping[str, Any], outcome: str | None) -> bool:
    if outcome == "refused":  # whatever came after it
        return bool(event["refused"])
    return outcome in {None, event["outcome"]}


def matches(event: Mapping[str, Any], wanted: EventFilter) -> bool:
    """Whether one event, with its detections, is among those that a filter shows."""
    at = instant(event["listed_at"])
    return (
        wanted.camera_id in {None, event["camera_id"]}
        and wanted.person in {None, event["person_name"]}
        and wanted.event_type in {None, event["event_type"]}
        and _outcome_matches(event, wanted.outcome)
        and (not wanted.stranger or event["face_recognised"] == 0)
        and (wanted.label is None or any(d["label"] == wanted.label for d in event["detections"]))
        and (wanted.since is None or at >= wanted.since)
        and (wanted.until is None or at < wanted.until)
    )
