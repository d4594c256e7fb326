"""What hypothesis draws: every kind of fact at its borders, whole visits, and hostile values.

`FACTS` has one strategy a kind. Names, cameras, labels and times repeat on purpose, so that a
drawn log has visits that compete for a person and moments that coincide. Instants stand in
several zones, as callers give them; what is read back is the same instant in UTC.

Knows the types of `facts.py`, and nothing of bytes, journals or views. Hostile values are made
in `tests/words/hostile_values.py` and handed on here.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Final, TypeVar, get_args

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from eventlog.facts import (
    LARGEST,
    OPENERS,
    AlertSent,
    Box,
    Detection,
    Ding,
    DoorAction,
    FaceResult,
    Fact,
    Motion,
    PersonNamed,
    Score,
    ThumbnailSaved,
    UncleanStop,
    UnlockAction,
)
from tests.words.hostile_values import hostile_list, hostile_values

__all__ = [
    "COUNT_MAX",
    "FACTS",
    "FIRST_INSTANT",
    "LAST_INSTANT",
    "boxes",
    "cameras",
    "counts",
    "digests",
    "distances",
    "door_actions",
    "facts",
    "finite_floats",
    "fractions",
    "hostile_list",
    "hostile_values",
    "instants",
    "labels",
    "maybe",
    "names",
    "openers",
    "scores",
    "standalone_facts",
    "texts",
    "visit_facts",
    "visits",
    "words",
]

T = TypeVar("T")

# ── values that facts are made of ──────────────────────────────────────────────────────────

FIRST_INSTANT: Final = datetime(1, 1, 1, tzinfo=UTC)
LAST_INSTANT: Final = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
COUNT_MAX: Final = 2**53
_ZONES: Final = [timezone(timedelta(minutes=m)) for m in (-720, -210, 0, 60, 345, 840)]
# Lengths count characters, not bytes; none of these is normalised, escaped or cut by anyone.
_ODD_TEXTS: Final = [
    "\0",
    "a\0b",
    "\n",
    "é",
    "e\u0301",
    "\u202eabc",
    "🙂",
    "\ufeffx",
    "' OR 1=1 --",
]


def texts(longest: int) -> SearchStrategy[str]:
    """Text of 1 to `longest` characters that UTF-8 can hold, both lengths among them."""
    borders = ["x", "x" * longest, "🙂" * longest, *_ODD_TEXTS]
    return st.sampled_from(borders) | st.text(min_size=1, max_size=longest)


def words() -> SearchStrategy[str]:
    """Text of 1 to 64 characters: labels, cameras, scales."""
    return texts(64)


def names() -> SearchStrategy[str]:
    """Names of people. A few come often; what looks alike is not the same person."""
    return st.sampled_from(["anna", "ben", "Anna", "é", "e\u0301"]) | words()


def cameras() -> SearchStrategy[str]:
    """Cameras. A few come often."""
    return st.sampled_from(["front_door", "garden"]) | words()


def labels() -> SearchStrategy[str]:
    """What a model sees. A few come often."""
    return st.sampled_from(["person", "dog", "package"]) | words()


def instants() -> SearchStrategy[datetime]:
    """Aware datetimes of every year from 1 to 9999, in several zones, some of them equal."""
    noon = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
    borders = [
        FIRST_INSTANT,
        LAST_INSTANT,
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
        noon,
        noon.astimezone(_ZONES[-1]),
        noon.replace(microsecond=1),
        noon.replace(microsecond=120_000),
    ]
    # A day from either end, so that no zone leads out of the calendar.
    anywhere = st.datetimes(
        min_value=datetime(1, 1, 2),  # noqa: DTZ001 - hypothesis adds the zone
        max_value=datetime(9999, 12, 30),  # noqa: DTZ001 - likewise
        timezones=st.sampled_from(_ZONES),
    )
    return st.sampled_from(borders) | anywhere


def fractions() -> SearchStrategy[float]:
    """Confidences: 0.0 to 1.0, the zero below zero and the neighbours of the borders too."""
    borders = [0.0, -0.0, 5e-324, 0.5, math.nextafter(1.0, 0.0), 1.0]
    return st.sampled_from(borders) | st.floats(min_value=0.0, max_value=1.0)


def distances() -> SearchStrategy[float]:
    """Finite floats from 0 on; a few come often, so that two faces can be equally near."""
    borders = [0.0, -0.0, 5e-324, 0.31, 0.6, 1.0, 1e308, LARGEST]
    return st.sampled_from(borders) | st.floats(min_value=0.0, max_value=LARGEST)


def finite_floats() -> SearchStrategy[float]:
    """Every float but NaN and the infinities."""
    return st.sampled_from([0.0, -0.0, 1e308, LARGEST, -LARGEST]) | st.floats(
        allow_nan=False, allow_infinity=False
    )


def counts() -> SearchStrategy[int]:
    """Integers from 0 to 2**53."""
    return st.sampled_from([0, 1, COUNT_MAX]) | st.integers(min_value=0, max_value=COUNT_MAX)


def digests() -> SearchStrategy[bytes]:
    """SHA-256 digests: 32 bytes."""
    return st.binary(min_size=32, max_size=32)


def door_actions() -> SearchStrategy[DoorAction]:
    """What a lock can be asked for."""
    actions: tuple[DoorAction, ...] = get_args(DoorAction)
    return st.sampled_from(actions)


def boxes() -> SearchStrategy[Box]:
    """Boxes, corners that a source did not give among them."""
    corner = st.none() | finite_floats()
    unit = st.sampled_from(["pixels", "fractions"])
    return st.builds(Box, x1=corner, y1=corner, x2=corner, y2=corner, unit=unit)


def scores() -> SearchStrategy[Score]:
    """Numbers on a scale of their own."""
    return st.builds(Score, value=finite_floats(), scale=words())


def maybe(strategy: SearchStrategy[T]) -> SearchStrategy[T | None]:
    """A value, or None for not known."""
    return st.none() | strategy


# ── facts ──────────────────────────────────────────────────────────────────────────────────

FACTS: Final[dict[str, SearchStrategy[Any]]] = {
    "motion": st.builds(
        Motion, camera_id=cameras(), recorded_at=instants(), recording_id=maybe(texts(256))
    ),
    "ding": st.builds(
        Ding, camera_id=cameras(), recorded_at=instants(), recording_id=maybe(texts(256))
    ),
    "detection": st.builds(
        Detection,
        label=labels(),
        confidence=fractions(),
        box=maybe(boxes()),
        model=maybe(texts(256)),
        recorded_at=maybe(instants()),
    ),
    "face_result": st.builds(
        FaceResult,
        name=maybe(names()),
        distance=maybe(distances()),
        tolerance=maybe(distances()),
        confidence=maybe(fractions()),
        score=maybe(scores()),
        box=maybe(boxes()),
        model=maybe(texts(256)),
        recorded_at=maybe(instants()),
    ),
    "unlock_action": st.builds(
        UnlockAction,
        granted=st.booleans(),
        door_action=door_actions(),
        person=maybe(names()),
        confidence=maybe(fractions()),
        distance=maybe(distances()),
        rule=maybe(texts(256)),
        actor=maybe(words()),
        door_id=maybe(words()),
        recorded_at=maybe(instants()),
    ),
    "thumbnail_saved": st.builds(
        ThumbnailSaved,
        path=texts(256),
        sha256=maybe(digests()),
        size_bytes=maybe(counts()),
        width_px=maybe(counts()),
        height_px=maybe(counts()),
        recorded_at=maybe(instants()),
    ),
    "alert_sent": st.builds(AlertSent, channel=maybe(words()), recorded_at=maybe(instants())),
    "person_named": st.builds(PersonNamed, name=names(), display_name=maybe(names())),
    "unclean_stop": st.builds(
        UncleanStop,
        journal_position=counts(),
        head_position=maybe(counts()),
        head_hash=maybe(digests()),
    ),
}


def facts() -> SearchStrategy[Fact]:
    """A fact of any kind."""
    return st.one_of(list(FACTS.values()))


def openers() -> SearchStrategy[Fact]:
    """A fact that opens an event."""
    return st.one_of([FACTS[kind] for kind in sorted(OPENERS)])


def visit_facts() -> SearchStrategy[Fact]:
    """A fact that may stand in a visit, after its opener."""
    return st.one_of([strategy for kind, strategy in FACTS.items() if kind not in OPENERS])


def standalone_facts() -> SearchStrategy[Fact]:
    """A fact that may stand without a visit."""
    return st.one_of([FACTS[kind] for kind in ("person_named", "unlock_action", "unclean_stop")])


def visits(longest: int = 6) -> SearchStrategy[tuple[Fact, ...]]:
    """An opener and up to `longest` facts of its visit: one append."""
    return st.builds(
        lambda opener, rest: (opener, *rest), openers(), st.lists(visit_facts(), max_size=longest)
    )
