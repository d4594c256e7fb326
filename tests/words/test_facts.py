"""The vocabulary: what every type of fact has in common, and which fields hold a person's name."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from typing import Any, Final, get_args

import msgspec
import pytest
from hypothesis import given
from msgspec.inspect import Metadata, StrType, StructType, Type, UnionType, VarTupleType, type_info
from msgspec.structs import FieldInfo, fields

from eventlog import facts as room
from eventlog.facts import (
    FACT_TYPES,
    OPENERS,
    SEALABLE,
    STANDALONE,
    Box,
    Detection,
    FaceResult,
    Fact,
    Motion,
    Score,
    Sealed,
    UnlockAction,
    kind_of,
    version_of,
)
from tests.support.strategies import facts
from tests.words.whole_facts import WHOLE

KINDS: Final = [kind_of(t) for t in FACT_TYPES]
STRUCTS: Final = [*FACT_TYPES, Box, Score]
# What a source may not know is None; these fields say what happened, and are always known.
ALWAYS_KNOWN: Final = {
    "motion": {"camera_id", "recorded_at"},
    "ding": {"camera_id", "recorded_at"},
    "observation": {"camera_id", "recorded_at", "label", "medium"},
    "detection": {"label", "zones"},
    "face_result": set(),
    "unlock_action": {"granted", "door_action", "dry_run"},
    "thumbnail_saved": {"path"},
    "alert_sent": set(),
    "person_named": {"name"},
    "unclean_stop": {"journal_position"},
    "visit_ended": {"ended_at", "reason"},
    "actuator_outcome": {"intent", "outcome"},
    "credential_presented": {"credential_kind"},
    "lock_state": {"door_id", "state", "source"},
    "door_state": {"door_id", "state", "source"},
    "device_state": {"device_id", "what", "state"},
    "identity_linked": {"person", "linked"},
    "source_silent": {"source", "since", "reason"},
    "source_back": {"source", "until"},
    "part_stopped": {"part", "error", "restarts"},
    "part_back": {"part", "restarts"},
    "rule_armed": {"rule", "text", "people", "digest"},
    "alert_intended": {"rule", "channel", "revision", "covers"},
    "picture_removed": {"path", "reason"},
    "person_erased": {"sealed", "reason", "requested_at"},
    "signing_key": {"vkey", "retired"},
    "era_begun": {"era", "reason"},
    "face_enrolled": {"person", "model", "removed"},
    "head_witnessed": {"size", "root", "witness", "time"},
    "head_seen": {"name", "size", "root", "key_id"},
}
PERSONAL: Final = {
    ("detection", "plate"),
    ("face_result", "name"),
    ("face_result", "nearest"),
    ("unlock_action", "person"),
    ("unlock_action", "user_ref"),
    ("credential_presented", "person"),
    ("credential_presented", "user_ref"),
    ("face_enrolled", "person"),
    ("person_named", "name"),
    ("person_named", "display_name"),
    ("identity_linked", "person"),
    ("identity_linked", "identity"),
    ("identity_linked", "same_as"),
    ("rule_armed", "people"),
}


def parts(of: Type) -> list[Type]:
    """A type, or the members of a union, with what each of them says about itself."""
    if isinstance(of, UnionType):
        return [part for member in of.types for part in parts(member)]
    if isinstance(of, VarTupleType):
        return parts(of.item_type)
    if isinstance(of, Metadata) and isinstance(of.type, VarTupleType):
        return parts(of.type)
    return [of]


def is_personal(field: FieldInfo) -> bool:
    """Whether a field is marked as one that holds a person's name."""
    return any(
        isinstance(part, Metadata) and (part.extra or {}).get("personal") is True
        for part in parts(type_info(field.type))
    )


# ── one tagged union ───────────────────────────────────────────────────────────────────────


def test_the_union_is_the_list_of_types() -> None:
    """What decodes as a fact and what is listed as one are the same, in the same order."""
    assert get_args(Fact) == FACT_TYPES


def test_the_kinds_are_those_that_are_promised_and_differ() -> None:
    """Kinds are names on the disk forever: snake case, short, each used once."""
    promised = {
        *("motion", "ding", "detection", "face_result", "unlock_action"),
        *("thumbnail_saved", "alert_sent", "person_named"),
    }
    assert promised <= set(KINDS)
    assert len(set(KINDS)) == len(KINDS)
    assert all(kind.isidentifier() and kind == kind.lower() for kind in KINDS)


def test_openers_and_standalone_facts_are_kinds_apart() -> None:
    """An opener is never standalone; each name in the two sets is a kind."""
    assert set(KINDS) >= OPENERS | STANDALONE
    assert not OPENERS & STANDALONE
    assert {"motion", "ding", "observation"} == OPENERS
    assert {"person_named", "unlock_action"} <= STANDALONE


@pytest.mark.parametrize("fact_type", FACT_TYPES)
def test_a_type_carries_kind_and_version(fact_type: type[msgspec.Struct]) -> None:
    """The version is a field that its type lets have one value only, and the first of all."""
    config = fact_type.__struct_config__
    assert config.tag_field == "kind"
    assert kind_of(fact_type) == config.tag
    first = fields(fact_type)[0]
    assert (first.name, first.default) == ("version", version_of(fact_type))
    assert get_args(first.type) == (version_of(fact_type),)
    assert version_of(fact_type) >= 1


@pytest.mark.parametrize("struct", STRUCTS)
def test_a_type_is_frozen_and_takes_names_only(struct: type[msgspec.Struct]) -> None:
    """Facts are values: nothing of them changes, and no field is taken for another."""
    config = struct.__struct_config__
    assert config.frozen
    assert config.forbid_unknown_fields
    with pytest.raises(TypeError):
        struct(1)


@pytest.mark.parametrize("fact", WHOLE.values())
def test_a_fact_cannot_be_changed(fact: msgspec.Struct) -> None:
    """Setting and deleting a field raise."""
    for name in fact.__struct_fields__:
        with pytest.raises(AttributeError):
            setattr(fact, name, None)
        with pytest.raises(AttributeError):
            delattr(fact, name)


# ── what may not be known ──────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fact_type", FACT_TYPES)
def test_every_field_that_a_source_may_not_know_may_be_none(
    fact_type: type[msgspec.Struct],
) -> None:
    """None means not known, and is the default of such a field."""
    known = {
        info.name
        for info in fields(fact_type)
        if info.name != "version" and info.default is not None
    }
    assert known == ALWAYS_KNOWN[kind_of(fact_type)]


def test_a_fact_names_no_event() -> None:
    """The envelope says which visit a fact belongs to, the fact does not."""
    names = {info.name for fact_type in FACT_TYPES for info in fields(fact_type)}
    assert not names & {"event_id", "event", "visit", "position", "id"}


def test_exactly_the_fields_that_hold_a_persons_name_are_marked() -> None:
    """A later version can find what to seal: names, and nothing but names."""
    marked = {
        (kind_of(fact_type), info.name)
        for fact_type in FACT_TYPES
        for info in fields(fact_type)
        if is_personal(info)
    }
    assert marked == PERSONAL
    assert {(kind, name) for kind, names in SEALABLE.items() for name in names} == PERSONAL


def test_every_field_that_holds_a_persons_name_can_hold_a_seal() -> None:
    """What is only marked could never be erased."""
    for kind, name in PERSONAL:
        fact_type = next(t for t in FACT_TYPES if kind_of(t) == kind)
        (info,) = [one for one in fields(fact_type) if one.name == name]
        structs = [part.cls for part in parts(type_info(info.type)) if isinstance(part, StructType)]
        assert structs == [Sealed], (kind, name)


@pytest.mark.parametrize("struct", STRUCTS)
def test_every_text_has_a_stated_length(struct: type[msgspec.Struct]) -> None:
    """No field takes text without end, or empty text that would mean not known a second way."""
    for info in fields(struct):
        for part in parts(type_info(info.type)):
            inner = part.type if isinstance(part, Metadata) else part
            if isinstance(inner, StrType):
                assert inner.min_length == 1, info.name
                assert inner.max_length in {64, 256, 4096}, info.name


# ── values ─────────────────────────────────────────────────────────────────────────────────


@given(fact=facts())
def test_a_fact_is_a_value(fact: Fact) -> None:
    """Copies are equal and hash alike, and a fact survives the trip to another process."""
    for copied in (copy.copy(fact), copy.deepcopy(fact), pickle.loads(pickle.dumps(fact))):  # noqa: S301 - our own bytes
        assert copied == fact
        assert hash(copied) == hash(fact)
        assert type(copied) is type(fact)


def test_facts_of_two_kinds_are_never_equal() -> None:
    """A motion is not a ding, whatever else they have in common."""
    every: list[Any] = [fact for one in WHOLE.values() for fact in (one, copy.copy(one))]
    assert len(set(every)) == len(WHOLE)


def test_what_the_owner_asks_years_later_has_a_place() -> None:
    """Why the door opened: each of these can be said by a fact."""
    moment = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
    assert {info.name for info in fields(Detection)} >= {"model", "recorded_at"}
    face = {"name", "distance", "tolerance", "model", "box"}
    assert {info.name for info in fields(FaceResult)} >= face
    why = {"granted", "door_action", "person", "confidence", "distance", "rule", "actor"}
    assert {info.name for info in fields(UnlockAction)} >= why
    assert FaceResult().name is None
    assert Motion(camera_id="front_door", recorded_at=moment).recording_id is None
    assert Box(x1=None, y1=None, x2=None, y2=None).unit == "pixels"


def test_the_room_says_what_it_checks() -> None:
    """Building a fact checks nothing, and the docstring says so."""
    assert "checks nothing" in (room.__doc__ or "")
    values: dict[str, Any] = {"camera_id": 7, "recorded_at": "yesterday"}
    assert Motion(**values).recorded_at == "yesterday"
