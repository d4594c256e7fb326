"""What hypothesis draws: every kind of fact at its borders, whole visits, and hostile values.

`FACTS` has one strategy a kind. Names, cameras, labels and times repeat on purpose, so that a
drawn log has visits that compete for a person and moments that coincide. Instants stand in
several zones, as callers give them; what is read back is the same instant in UTC.

Knows the types of `facts.py`, and nothing of bytes, journals or views. Hostile values are made
in `tests/words/hostile_values.py` and handed on here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any, Final, TypeVar, get_args

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from eventlog.facts import (
    LARGEST,
    OPENERS,
    STANDALONE,
    ActuatorOutcome,
    AlertIntended,
    AlertSent,
    Box,
    CredentialPresented,
    Detection,
    DeviceState,
    Ding,
    DoorAction,
    DoorState,
    EraBegun,
    FaceEnrolled,
    FaceResult,
    Fact,
    HeadSeen,
    HeadWitnessed,
    IdentityLinked,
    LockState,
    Motion,
    Observation,
    PartBack,
    PartStopped,
    PersonErased,
    PersonNamed,
    PictureRemoved,
    RuleArmed,
    Score,
    Sealed,
    SigningKey,
    SourceBack,
    SourceSilent,
    ThumbnailSaved,
    UncleanStop,
    UnlockAction,
    VisitEnded,
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
    "seals",
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
    return st.builds(
        Box,
        x1=corner,
        y1=corner,
        x2=corner,
        y2=corner,
        unit=unit,
        frame_width=maybe(counts()),
        frame_height=maybe(counts()),
    )


def scores() -> SearchStrategy[Score]:
    """Numbers on a scale of their own."""
    return st.builds(Score, value=finite_floats(), scale=words())


def seals() -> SearchStrategy[Sealed]:
    """Seals in place of a name; two come often."""
    often = st.sampled_from([bytes(32), bytes(range(32))])
    return st.builds(Sealed, sealed=often | digests())


def tuples(elements: SearchStrategy[T], longest: int) -> SearchStrategy[tuple[T, ...]]:
    """Lists of up to so many elements, as facts hold them."""
    return st.lists(elements, max_size=longest).map(tuple)


def maybe(strategy: SearchStrategy[T]) -> SearchStrategy[T | None]:
    """A value, or None for not known."""
    return st.none() | strategy


def doors() -> SearchStrategy[str]:
    """Doors, devices and sources. Two come often."""
    return st.sampled_from(["front", "garden"]) | words()


def tracks() -> SearchStrategy[str]:
    """A source's ids of objects. Two come often."""
    return st.sampled_from(["t1", "t2"]) | words()


def intents() -> SearchStrategy[str]:
    """Ids of acts. Two come often."""
    return st.sampled_from(["i1", "i2"]) | texts(256)


def _rule_armed(rule: str, text: str, people: tuple[str, ...]) -> RuleArmed:
    digest = sha256(text.encode()).digest()
    return RuleArmed(rule=rule, text=text, people=people, digest=digest)


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
        confidence=maybe(fractions()),
        box=maybe(boxes()),
        model=maybe(texts(256)),
        recorded_at=maybe(instants()),
        sub_label=maybe(words()),
        plate=maybe(names()),
        zones=tuples(words(), 16),
        track=maybe(tracks()),
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
        track=maybe(tracks()),
        nearest=maybe(names()),
        threshold=maybe(finite_floats()),
        given_by=st.sampled_from([None, None, "model", "person"]),
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
        door_id=maybe(doors()),
        recorded_at=maybe(instants()),
        user_ref=maybe(names()),
        credential_kind=maybe(words()),
        credential_slot=maybe(counts()),
        reason=maybe(words()),
        frames=maybe(counts()),
        dry_run=st.booleans(),
        intent=maybe(intents()),
    ),
    "thumbnail_saved": st.builds(
        ThumbnailSaved,
        path=st.sampled_from(["thumbnails/a.jpg"]) | texts(256),
        sha256=maybe(digests()),
        size_bytes=maybe(counts()),
        width_px=maybe(counts()),
        height_px=maybe(counts()),
        recorded_at=maybe(instants()),
    ),
    "alert_sent": st.builds(
        AlertSent,
        channel=maybe(words()),
        recorded_at=maybe(instants()),
        rule=maybe(words()),
        revision=maybe(counts()),
        outcome=st.sampled_from([None, "sent", "refused", "gave_up", "unknown"]),
        tries=maybe(counts()),
        message_id=maybe(texts(256)),
        intended=maybe(counts()),
    ),
    "person_named": st.builds(PersonNamed, name=names(), display_name=maybe(names())),
    "unclean_stop": st.builds(
        UncleanStop,
        journal_position=counts(),
        head_position=maybe(counts()),
        head_hash=maybe(digests()),
    ),
    "observation": st.builds(
        Observation,
        camera_id=cameras(),
        recorded_at=instants(),
        recording_id=maybe(texts(256)),
        label=st.sampled_from(["doorbell", "doorbell_press", "bark"]) | words(),
        medium=st.sampled_from(["sound", "image", "by_hand"]),
    ),
    "visit_ended": st.builds(
        VisitEnded,
        ended_at=instants(),
        reason=st.sampled_from(["quiet", "longest", "source", "source_silent", "stopped"]),
        answered=maybe(st.booleans()),
        frames=maybe(counts()),
        looked=maybe(counts()),
        skipped=maybe(counts()),
        why_skipped=maybe(words()),
    ),
    "actuator_outcome": st.builds(
        ActuatorOutcome,
        intent=intents(),
        outcome=st.sampled_from(["done", "failed", "timed_out", "unknown"]),
        took_ms=maybe(counts()),
        detail=maybe(words()),
        recorded_at=maybe(instants()),
    ),
    "credential_presented": st.builds(
        CredentialPresented,
        door_id=maybe(doors()),
        credential_kind=words(),
        credential_slot=maybe(counts()),
        user_ref=maybe(names()),
        person=maybe(names()),
        reason=maybe(words()),
        recorded_at=maybe(instants()),
    ),
    "lock_state": st.builds(
        LockState,
        door_id=doors(),
        state=st.sampled_from(
            ["locked", "unlocked", "unlatched", "not_fully_locked", "jammed", "unknown"]
        ),
        source=words(),
        recorded_at=maybe(instants()),
    ),
    "door_state": st.builds(
        DoorState,
        door_id=doors(),
        state=st.sampled_from(["open", "closed", "ajar", "forced_open", "unknown"]),
        source=words(),
        recorded_at=maybe(instants()),
    ),
    "device_state": st.builds(
        DeviceState,
        device_id=doors(),
        what=st.sampled_from(["connectivity", "battery", "tamper", "problem"]),
        state=words(),
        value=maybe(finite_floats()),
        recorded_at=maybe(instants()),
    ),
    "identity_linked": st.builds(
        IdentityLinked,
        person=names(),
        linked=st.booleans(),
        source=words(),
        identity=names(),
    )
    | st.builds(IdentityLinked, person=names(), linked=st.booleans(), same_as=names()),
    "source_silent": st.builds(SourceSilent, source=doors(), since=instants(), reason=words()),
    "source_back": st.builds(
        SourceBack,
        source=doors(),
        until=instants(),
        reconciled=maybe(counts()),
        late=maybe(counts()),
    ),
    "part_stopped": st.builds(PartStopped, part=doors(), error=texts(256), restarts=counts()),
    "part_back": st.builds(PartBack, part=doors(), restarts=counts()),
    "rule_armed": st.builds(_rule_armed, words(), texts(4096), tuples(names(), 64)),
    "alert_intended": st.builds(
        AlertIntended,
        rule=words(),
        channel=words(),
        revision=counts(),
        covers=tuples(counts(), 64),
    ),
    "picture_removed": st.builds(
        PictureRemoved,
        path=st.sampled_from(["thumbnails/a.jpg"]) | texts(256),
        sha256=maybe(digests()),
        size_bytes=maybe(counts()),
        reason=st.sampled_from(["forgotten", "age", "bytes", "asked"]),
    ),
    "person_erased": st.builds(
        PersonErased,
        sealed=st.lists(digests(), min_size=1, max_size=64).map(tuple),
        reason=st.sampled_from(["asked", "consent_withdrawn", "retention", "mistake"]),
        requested_at=instants(),
    ),
    "signing_key": st.builds(SigningKey, vkey=texts(4096), retired=st.booleans()),
    "era_begun": st.builds(
        EraBegun,
        era=counts(),
        reason=st.sampled_from(["restored", "lost", "key_lost"]),
        previous_size=maybe(counts()),
        previous_root=maybe(digests()),
    ),
    "face_enrolled": st.builds(
        FaceEnrolled,
        person=names(),
        picture_sha256=maybe(digests()),
        model=texts(256),
        removed=st.booleans(),
    ),
    "head_witnessed": st.builds(
        HeadWitnessed, size=counts(), root=digests(), witness=texts(256), time=instants()
    ),
    "head_seen": st.builds(
        HeadSeen,
        name=texts(256),
        size=counts(),
        root=digests(),
        key_id=st.binary(min_size=4, max_size=4),
    ),
}


def _of_kinds(kinds: Iterable[str]) -> SearchStrategy[Fact]:
    # By the kind first: a choice of all strategies at once has a text of 64 kB.
    return st.sampled_from(sorted(kinds)).flatmap(lambda kind: FACTS[kind])


def facts() -> SearchStrategy[Fact]:
    """A fact of any kind."""
    return _of_kinds(FACTS)


def openers() -> SearchStrategy[Fact]:
    """A fact that opens an event."""
    return _of_kinds(OPENERS)


def visit_facts() -> SearchStrategy[Fact]:
    """A fact that may be in a visit, after its opener."""
    return _of_kinds(FACTS.keys() - OPENERS)


def standalone_facts() -> SearchStrategy[Fact]:
    """A fact that may be without a visit."""
    return _of_kinds(STANDALONE)


def visits(longest: int = 6) -> SearchStrategy[tuple[Fact, ...]]:
    """An opener and up to `longest` facts of its visit: one append."""
    return st.builds(
        lambda opener, rest: (opener, *rest), openers(), st.lists(visit_facts(), max_size=longest)
    )
