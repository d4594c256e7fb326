"""The rule by which pictures are deleted, and what it deletes: pure.

Pictures, visits and a rule in, what to delete out. Also reads ages and sizes as people write them
(90d, 8GB), and says a rule in sentences. Knows no table, no file and no clock.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal

from msgspec import Struct

from eventlog.errors import BadArgument

Reason = Literal["age", "bytes", "forgotten"]

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
KEEP_UNLOCKS_US: Final = 365 * DAY_US

_AGE: Final = re.compile(r"(\d{1,5})\s*([dwy])")
_DAYS: Final = {"d": 1, "w": 7, "y": 365}
_SIZE: Final = re.compile(r"(\d{1,9}(?:\.\d{1,3})?)\s*(B|kB|MB|GB|TB)", re.IGNORECASE)
_UNITS: Final = {"b": 1, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}


class Rule(Struct, frozen=True, kw_only=True):
    """What is kept for how long. Ages are in microseconds; None means no limit.

    `keep_unlocks_us` holds back pictures of visits that opened the door, were refused, or rang,
    whatever the other limits say. `strangers_us` and `labels` are ages in place of `age_us` for
    visits with a stranger's face and for visits with one of these labels; the longest counts.
    """

    age_us: int | None = None
    bytes_max: int | None = None
    keep_unlocks_us: int = KEEP_UNLOCKS_US
    strangers_us: int | None = None
    labels: Mapping[str, int] = {}


class Visit(Struct, frozen=True):
    """What of a visit decides how long its pictures are kept."""

    kept_long: bool = False
    stranger: bool = False
    labels: frozenset[str] = frozenset()


class Picture(Struct, frozen=True):
    """A picture that no fact has removed. `saved_at_us` may be too late, and is never too early.

    `also` are other visits whose facts name the same file.
    """

    position: int
    event_id: int | None
    path: str
    sha256: bytes | None
    size_bytes: int
    saved_at_us: int
    also: frozenset[int] = frozenset()


# ── the rule ───────────────────────────────────────────────────────────────────────────────


def plan(
    pictures: Sequence[Picture], visits: Mapping[int, Visit], rule: Rule, now_us: int
) -> list[tuple[Picture, Reason]]:
    """The pictures to delete, oldest first, each with the reason.

    Age comes first; room is then made among what is left. A picture that the rule holds back is
    never deleted, though the rest take more room than `bytes_max` allows.
    """
    ordered = sorted(pictures, key=lambda picture: (picture.saved_at_us, picture.position))
    gone: list[tuple[Picture, Reason]] = []
    left: list[Picture] = []
    for picture in ordered:
        ages = [_age_allowed(visit, rule) for visit in _visits_of(picture, visits)]
        age = None if None in ages else max(filter(None, ages), default=0)
        if age is not None and now_us - picture.saved_at_us > age:
            gone.append((picture, "age"))
        else:
            left.append(picture)
    if rule.bytes_max is None:
        return gone
    room = sum(picture.size_bytes for picture in left)
    for picture in left:
        if room <= rule.bytes_max:
            break
        kept_long = any(visit.kept_long for visit in _visits_of(picture, visits))
        if kept_long and now_us - picture.saved_at_us <= rule.keep_unlocks_us:
            continue
        gone.append((picture, "bytes"))
        room -= picture.size_bytes
    return gone


def _visits_of(picture: Picture, visits: Mapping[int, Visit]) -> list[Visit]:
    """Every visit that names the file: a later fact of another visit must not shorten its life."""
    return [visits.get(event, Visit()) for event in {picture.event_id or 0, *picture.also}]


def _age_allowed(visit: Visit, rule: Rule) -> int | None:
    """How old this visit's pictures may be, in microseconds; None means any age."""
    ages = [rule.labels[label] for label in visit.labels if label in rule.labels]
    if visit.stranger and rule.strangers_us is not None:
        ages.append(rule.strangers_us)
    age = max(ages) if ages else rule.age_us
    if age is None:
        return None
    return max(age, rule.keep_unlocks_us) if visit.kept_long else age


# ── as people write it ─────────────────────────────────────────────────────────────────────


def age_us(name: str, text: str) -> int:
    """An age in microseconds from text as 90d, 12w or 2y. Raises BadArgument, naming the option."""
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise BadArgument(f"{name}: {text!r} is not an age; write 90d (days), 12w or 2y")
    return int(found[1]) * _DAYS[found[2]] * DAY_US


def size_bytes(name: str, text: str) -> int:
    """A size in bytes from text as 8GB. Raises BadArgument, naming the option."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise BadArgument(f"{name}: {text!r} is not a size; write 500MB or 8GB")
    return int(float(found[1]) * _UNITS[found[2].lower()])


def in_words(rule: Rule | None, unseen_us: int | None = None) -> list[str]:
    """What is kept for how long, in sentences. None is a house without a rule."""
    said = []
    if rule is not None and rule.age_us is not None:
        said.append(f"Pictures are deleted after {_age(rule.age_us)}.")
    if rule is not None and rule.strangers_us is not None:
        said.append(f"Those of strangers are deleted after {_age(rule.strangers_us)}.")
    for label, age in {} if rule is None else rule.labels.items():
        said.append(f"Those with the label {label} are deleted after {_age(age)}.")
    if rule is not None and rule.bytes_max is not None:
        said.append(
            f"Where they take more than {rule.bytes_max / 1e9:.4g} GB the oldest are deleted."
        )
    if said and rule is not None:
        said.append(
            "Those of openings, refused tries and rings are kept for at least"
            f" {_age(rule.keep_unlocks_us)}."
        )
    if unseen_us is not None:
        said.append(f"Persons who have not been seen for {_age(unseen_us)} are forgotten.")
    return [*said, "Records are never deleted."] if said else ["Nothing is deleted automatically."]


def _age(age: int) -> str:
    days = age // DAY_US
    if days % 365 == 0 and days:
        return "1 year" if days == 365 else f"{days // 365} years"  # noqa: PLR2004 - days of a year
    return "1 day" if days == 1 else f"{days} days"
