"""Facts to bytes and back: what is good comes back equal, by MessagePack and by plain values.

`test_codecs_refuse.py` tries what must not get in, `test_codecs_bytes.py` begins at the other
end, with bytes that nobody vouches for.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog import codecs
from eventlog.errors import BadFact
from eventlog.facts import FACT_TYPES, LARGEST, Fact, Motion, kind_of, version_of
from tests.support.strategies import COUNT_MAX, FIRST_INSTANT, LAST_INSTANT, facts
from tests.words.whole_facts import FIELDS, WHOLE, with_value


def same_moment(ours: datetime, read: datetime) -> bool:
    """Whether two moments are one; Python's == says no to any hour that a clock shows twice."""
    return ours.astimezone(UTC) == read and read.tzinfo is UTC


@settings(max_examples=1000)
@given(fact=facts())
def test_every_fact_comes_back_equal(fact: Fact) -> None:
    """decode(encode(fact)) equals the fact and has its type; kind and version are its own."""
    kind, version, body = codecs.encode(fact)
    assert (kind, version) == (kind_of(type(fact)), version_of(type(fact)))
    back = codecs.decode(kind, version, body)
    assert back == fact
    assert type(back) is type(fact)
    assert codecs.signs(body) == (kind, version)
    assert codecs.encode(back)[2] == body


@settings(max_examples=500)
@given(fact=facts())
def test_every_fact_comes_back_from_its_plain_values(fact: Fact) -> None:
    """The plain form survives JSON, digests and zeros below zero included."""
    plain = json.loads(json.dumps(codecs.to_builtins(fact), allow_nan=False))
    back = codecs.from_builtins(plain)
    assert back == fact
    assert codecs.encode(back) == codecs.encode(codecs.decode(*codecs.encode(fact)))


@given(fact=facts())
def test_a_body_names_every_field(fact: Fact) -> None:
    """A body is a map that can be read without this program: no name left out, none shortened."""
    plain = msgspec.msgpack.decode(codecs.encode(fact)[2])
    assert list(plain) == ["kind", *fact.__struct_fields__]


@pytest.mark.parametrize("kind", sorted(WHOLE))
def test_the_whole_fact_of_each_kind_is_good(kind: str) -> None:
    """What the hostile values are put into is accepted without them."""
    assert set(WHOLE) == {kind_of(t) for t in FACT_TYPES}
    fact = WHOLE[kind]
    assert codecs.decode(*codecs.encode(fact)) == fact
    unknown = [name for name in fact.__struct_fields__ if getattr(fact, name) is None]
    # An identity is given by its source, or as another name.
    assert unknown == (["same_as"] if kind == "identity_linked" else [])


@pytest.mark.parametrize(
    ("kind", "field", "value"),
    [
        ("detection", "confidence", 0),
        ("detection", "confidence", 1),
        ("detection", "confidence", -0.0),
        ("detection", "confidence", 5e-324),
        ("detection", "box.x1", 2**53),
        ("detection", "box.x1", -(2**63)),
        ("detection", "box.x1", 2**63),
        ("detection", "box.y2", -LARGEST),
        ("detection", "box.y2", None),
        ("face_result", "distance", 0),
        ("face_result", "distance", LARGEST),
        ("face_result", "score.value", -1e308),
        ("face_result", "name", "x" * 64),
        ("face_result", "name", "🙂" * 64),
        ("face_result", "name", "a\0b\n\u202e"),
        ("face_result", "score.scale", "x" * 64),
        ("unlock_action", "rule", "🙂" * 256),
        ("unlock_action", "granted", False),
        ("thumbnail_saved", "size_bytes", 0),
        ("thumbnail_saved", "size_bytes", COUNT_MAX),
        ("thumbnail_saved", "path", "x" * 256),
        ("motion", "recorded_at", FIRST_INSTANT),
        ("motion", "recorded_at", LAST_INSTANT),
        ("motion", "recorded_at", datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
    ],
)
def test_values_at_the_borders_are_good(kind: str, field: str, value: object) -> None:
    """The last value inside each range is accepted and reads back equal."""
    fact = with_value(kind, field, value)
    assert codecs.decode(*codecs.encode(fact)) == fact


@pytest.mark.parametrize(
    "zone",
    [
        UTC,
        timezone(timedelta(hours=14)),
        timezone(timedelta(hours=-12)),
        timezone(timedelta(hours=5, minutes=45)),
        timezone(timedelta(seconds=3601)),
        ZoneInfo("Europe/Berlin"),
        ZoneInfo("America/St_Johns"),
    ],
)
@pytest.mark.parametrize("fold", [0, 1])
@pytest.mark.parametrize("local", ["2026-10-25T02:30:00.000001", "2026-03-29T02:30:00"])
def test_a_moment_of_any_zone_is_kept_as_one_instant(zone: tzinfo, fold: int, local: str) -> None:
    """Also in the hour that the clock shows twice or skips: fold says which is meant."""
    moment = datetime.fromisoformat(local).replace(tzinfo=zone, fold=fold)
    body = codecs.encode(Motion(camera_id="front_door", recorded_at=moment))
    back = codecs.decode(*body)
    assert isinstance(back, Motion)
    assert same_moment(moment, back.recorded_at)


# ── plain values from outside ──────────────────────────────────────────────────────────────

JSON: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(categories=["L", "Cs", "Cc"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["kind", "version", "recorded_at", "box", "x1"]) | st.text(), inner
        )
    ),
    max_leaves=8,
)


@given(plain=JSON)
def test_plain_values_are_a_fact_or_bad(plain: object) -> None:
    """Whatever JSON holds, from_builtins answers a fact or raises BadFact."""
    with pytest.raises(BadFact):
        codecs.from_builtins(plain)


@settings(max_examples=300)
@given(data=st.data(), where=st.sampled_from(FIELDS))
def test_a_plain_value_in_a_wrong_place_is_bad(data: st.DataObject, where: tuple[str, str]) -> None:
    """With one field replaced it is BadFact, from from_builtins or at the gate, or comes back."""
    kind, field = where
    plain = {**codecs.to_builtins(WHOLE[kind]), field: data.draw(JSON)}
    try:
        fact = codecs.from_builtins(plain)
        back = codecs.decode(*codecs.encode(fact))
    except BadFact as error:
        named = (error.kind, re.split(r"[.\[]", error.field)[0])
    else:
        named = (kind, field)
        assert back == fact
    assert named in {(kind, field), (kind, "")}


# ── the meta of an append ──────────────────────────────────────────────────────────────────


@given(
    meta=st.dictionaries(
        st.text(), st.none() | st.integers(-(2**63), 2**63 - 1) | st.text() | st.binary()
    )
)
def test_meta_comes_back_with_every_entry(meta: dict[str, Any]) -> None:
    """Entries that this program does not know are among them."""
    assert codecs.decode_meta(codecs.encode_meta(meta)) == meta


@pytest.mark.parametrize("value", [2**64, "\ud800", object(), 10**400])
def test_meta_that_is_not_messagepacks_is_refused(value: object) -> None:
    """BadFact, as for a fact, with 'meta' as its kind."""
    with pytest.raises(BadFact) as caught:
        codecs.encode_meta({"entry": value})
    assert caught.value.kind == "meta"


@given(data=st.binary())
def test_bytes_that_are_no_map_are_no_meta(data: bytes) -> None:
    """Any bytes are a map with text for keys, or raise ValueError."""
    try:
        meta = codecs.decode_meta(data)
    except ValueError:
        return
    assert all(isinstance(key, str) for key in meta)


def test_no_meta_is_an_empty_one() -> None:
    """NULL in the column says nothing."""
    assert codecs.decode_meta(None) == {}


@pytest.mark.parametrize("kind", ["detection", "face_result", "unlock_action", "person_named"])
def test_a_program_that_writes_the_last_version_is_understood(kind: str) -> None:
    """Plain facts of version 1 come in as today's: a pipeline of today need not change."""
    fields_of_1: dict[str, Any] = {
        "detection": {"label": "dog", "confidence": 0.5},
        "face_result": {"name": "anna", "distance": 0.3},
        "unlock_action": {"granted": True, "door_action": "unlocked", "person": "anna"},
        "person_named": {"name": "anna"},
    }
    fields_of_1 = fields_of_1[kind]
    one = codecs.from_builtins({"kind": kind, "version": 1, **fields_of_1})
    assert one == codecs.from_builtins({"kind": kind, **fields_of_1})
    with pytest.raises(BadFact):
        codecs.from_builtins({"kind": kind, "version": 3, **fields_of_1})
    with pytest.raises(BadFact):
        codecs.from_builtins({"kind": kind, "version": 1, **fields_of_1, "track": "t"})
