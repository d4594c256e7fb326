"""Bytes that nobody vouches for: they are a fact, or raise an error that names the record.

Nothing but the family of BadRecord may come out of `decode`, whatever goes in; a kind or a
version of a later program is told apart from damage.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, cast

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import fields

from eventlog import codecs
from eventlog.errors import BadBody, BadRecord, UnknownKind
from eventlog.facts import FACT_TYPES, OPENERS, Fact, Instant, Word, kind_of, version_of
from eventlog.record import StoredRecord
from eventlog.upcasters import UPCASTERS, Body
from tests.support.strategies import facts, texts
from tests.words.whole_facts import WHOLE

TODAY: Final = {kind_of(t): version_of(t) for t in FACT_TYPES}
KINDS: Final = sorted(TODAY)
POSITION: Final = 4711


def body_of(kind: str, /, **changes: object) -> bytes:
    """The complete fact of a kind as a body, with entries changed or added."""
    plain = msgspec.msgpack.decode(codecs.encode(WHOLE[kind])[2])
    return msgspec.msgpack.encode({**plain, **changes})


def settle(kind: str, version: int, body: bytes) -> Fact | BadRecord:
    """What decode answers or raises; anything but a fact or a BadRecord fails the test."""
    try:
        return codecs.decode(kind, version, body, position=POSITION)
    except BadRecord as error:
        return error


def require_named(answer: Fact | BadRecord, kind: str) -> None:
    """A fact of the kind, or an error that carries position, kind and a reason."""
    if isinstance(answer, BadRecord):
        assert (answer.position, answer.kind) == (POSITION, kind)
        assert answer.reason
        assert str(POSITION) in str(answer)
    else:
        assert kind_of(type(answer)) == kind


# ── what a later program wrote ─────────────────────────────────────────────────────────────


@given(kind=texts(64).filter(lambda kind: kind not in KINDS), version=st.integers(1), fact=facts())
def test_an_unknown_kind_is_named(kind: str, version: int, fact: Fact) -> None:
    """UnknownKind carries position and kind, whatever the bytes are."""
    with pytest.raises(UnknownKind) as caught:
        codecs.decode(kind, version, codecs.encode(fact)[2], position=POSITION)
    assert (caught.value.position, caught.value.kind) == (POSITION, kind)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("version", [0, -1, -(2**63), "next", 99, 2**63 - 1])
def test_an_unknown_version_is_named(kind: str, version: int | str) -> None:
    """UnknownKind, also where the fields of that version are none that this program knows."""
    version = TODAY[kind] + 1 if isinstance(version, str) else version
    body = body_of(kind, version=version, a_field_of_later=[1])
    with pytest.raises(UnknownKind, match=f"version {version}") as caught:
        codecs.decode(kind, version, body, position=POSITION)
    assert (caught.value.position, caught.value.kind) == (POSITION, kind)


def test_a_record_names_its_own_position() -> None:
    """decode_record hands the row's position on."""
    stored = StoredRecord(7, None, "levitation", 1, 1, 0, 0, 1, None, None, b"\x80", bytes(32))
    with pytest.raises(UnknownKind) as caught:
        codecs.decode_record(stored)
    assert (caught.value.position, caught.value.kind) == (7, "levitation")


# ── columns and bytes that disagree ────────────────────────────────────────────────────────


@pytest.mark.parametrize("kind", KINDS)
def test_bytes_of_another_kind_are_bad(kind: str) -> None:
    """The column names one kind, the body another."""
    for other in KINDS:
        if other != kind:
            with pytest.raises(BadBody):
                codecs.decode(kind, TODAY[kind], codecs.encode(WHOLE[other])[2])


@pytest.mark.parametrize(("column", "inside"), [(1, 2), (2, 1), (1, 0), (0, 1), (3, 2)])
def test_bytes_of_another_version_are_bad(column: int, inside: int) -> None:
    """The column names one version, the body another: damage, and no later program."""
    with pytest.raises(BadBody):
        codecs.decode("ding", column, body_of("ding", version=inside))


@pytest.mark.parametrize(
    "changes",
    [
        {"one_more": 1},
        {"camera_id": None},
        {"camera_id": "x" * 65},
        {"recorded_at": 0},
        {"recorded_at": msgspec.msgpack.Ext(-1, bytes(5))},
        {"recorded_at": msgspec.msgpack.Ext(-1, bytes(4) + b"\x7f" + bytes(7))},
        {"recorded_at": msgspec.msgpack.Ext(5, bytes(4))},
        {"version": "1"},
        {"kind": 1},
        {"kind": None},
    ],
)
def test_a_body_that_encode_would_not_write_is_bad(changes: dict[str, Any]) -> None:
    """Fields are held to their types and ranges when reading, too; none may be added."""
    with pytest.raises(BadBody):
        codecs.decode("motion", TODAY["motion"], body_of("motion", **changes))


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_field_is_unknown_or_bad(kind: str) -> None:
    """The default where the field may be unknown, BadBody where it may not; no other value."""
    whole = WHOLE[kind]
    for name in whole.__struct_fields__[1:]:
        plain = msgspec.msgpack.decode(codecs.encode(whole)[2])
        del plain[name]
        answer = settle(kind, TODAY[kind], msgspec.msgpack.encode(plain))
        require_named(answer, kind)
        defaults = {info.name: info.default for info in fields(whole)}
        assert isinstance(answer, BadBody) or getattr(answer, name) == defaults[name]


# ── bytes that are anything ────────────────────────────────────────────────────────────────


@settings(max_examples=500)
@given(kind=st.sampled_from(KINDS), version=st.integers(-1, 3), body=st.binary())
@example(kind="motion", version=1, body=b"")
@example(kind="motion", version=1, body=b"\xdf\xff\xff\xff\xff")
@example(kind="motion", version=1, body=b"\xdd\xff\xff\xff\xff")
@example(kind="motion", version=2, body=b"\xdf\xff\xff\xff\xff")
@example(kind="motion", version=1, body=b"\x91" * 200_000)
@example(kind="motion", version=2, body=b"\x81\xa1k" * 200_000)
@example(kind="motion", version=1, body=b"\x82\xa4kind\xa6motion\xff" + b"\x91" * 200_000)
def test_any_bytes_are_a_fact_or_a_bad_record(kind: str, version: int, body: bytes) -> None:
    """No bytes raise anything but the family of BadRecord."""
    require_named(settle(kind, version, body), kind)


@settings(max_examples=1000)
@given(fact=facts(), data=st.data())
def test_a_mutated_body_is_a_fact_or_a_bad_record(fact: Fact, data: st.DataObject) -> None:
    """Bytes flipped, cut out or put in: a fact of that kind that can be written, or BadBody."""
    kind, version, body = codecs.encode(fact)
    mutated = bytearray(body)
    for _ in range(data.draw(st.integers(1, 4), label="changes")):
        start = data.draw(st.integers(0, len(mutated)), label="from")
        size = data.draw(st.integers(0, 4), label="bytes")
        mutated[start : start + size] = data.draw(st.binary(max_size=4), label="become")
    answer = settle(kind, version, bytes(mutated))
    require_named(answer, kind)
    assert not isinstance(answer, UnknownKind)
    if not isinstance(answer, BadRecord):
        assert codecs.decode(*codecs.encode(answer)) == answer


@settings(max_examples=200)
@given(fact=facts())
def test_every_body_that_was_cut_is_bad(fact: Fact) -> None:
    """A body with bytes missing or added is refused."""
    kind, version, body = codecs.encode(fact)
    for size in range(len(body)):
        assert isinstance(settle(kind, version, body[:size]), BadBody)
    assert isinstance(settle(kind, version, body + b"\xc0"), BadBody)


@given(body=st.binary() | facts().map(lambda fact: codecs.encode(fact)[2]))
@example(body=b"\x91" * 200_000)
@example(body=b"\xdf\xff\xff\xff\xff")
def test_signs_are_read_from_any_bytes(body: bytes) -> None:
    """`verify` may ask any body for its kind and version; what is not one has neither."""
    kind, version = codecs.signs(body)
    try:
        plain = msgspec.msgpack.decode(body, type=dict[str, Any])
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        plain = {}
    assert (kind, version) == (plain.get("kind"), plain.get("version"))


# ── old versions ───────────────────────────────────────────────────────────────────────────


class _Ding(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="ding",
):
    """A ding as a program of later might have it."""

    version: Literal[3] = 3
    camera: Word
    recorded_at: Instant


def two_versions_later(
    monkeypatch: pytest.MonkeyPatch, steps: dict[int, Callable[[Body], Body]]
) -> None:
    """Make this the program that writes version 3 of a ding and has these upcasters."""
    monkeypatch.setattr(codecs, "Fact", _Ding)
    monkeypatch.setattr(codecs, "_TYPES", {"ding": _Ding})
    monkeypatch.setattr(codecs, "_VERSIONS", {"ding": 3})
    for version, step in steps.items():
        monkeypatch.setitem(cast("dict[Any, Any]", UPCASTERS), ("ding", version), step)


def test_an_old_version_is_lifted_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each step sees the shape that the one before it made; the last is today's."""
    seen: list[Body] = []

    def to_second(body: Body) -> Body:
        seen.append(dict(body))
        return {"cam": body["camera_id"], "recorded_at": body["recorded_at"]}

    def to_third(body: Body) -> Body:
        seen.append(dict(body))
        body["camera"] = body.pop("cam")
        return body

    two_versions_later(monkeypatch, {1: to_second, 2: to_third})
    first: Any = codecs.decode("ding", 1, body_of("ding", version=1))
    assert first == _Ding(camera="front_door", recorded_at=WHOLE["ding"].recorded_at)
    assert [body["version"] for body in seen] == [1, 2]
    second = {"kind": "ding", "version": 2, "cam": "x", "recorded_at": first.recorded_at}
    third: Any = codecs.decode("ding", 2, msgspec.msgpack.encode(second))
    assert third == _Ding(camera="x", recorded_at=first.recorded_at)


def test_a_step_that_is_missing_is_an_unknown_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is guessed across a hole."""
    two_versions_later(monkeypatch, {1: lambda body: body})
    with pytest.raises(UnknownKind, match="version 1"):
        codecs.decode("ding", 1, body_of("ding", version=1))


@pytest.mark.parametrize(
    "step",
    [
        lambda body: {"camera": body["no_such_field"]},
        lambda body: {"camera": body["camera_id"] + 1},
        lambda body: {"camera": body["camera_id"].no_such_attribute},
        lambda body: {"camera": body["camera_id"][99]},
        lambda body: {"camera": int(body["camera_id"])},
        lambda _: {"camera": 7},
    ],
    ids=["a field", "a type", "an attribute", "an item", "a value", "no fact"],
)
def test_an_old_body_that_cannot_be_lifted_is_bad(
    monkeypatch: pytest.MonkeyPatch, step: Callable[[Body], Body]
) -> None:
    """What an upcaster trips over is damage of that record, and no unknown version."""
    two_versions_later(monkeypatch, {1: step, 2: lambda body: body})
    with pytest.raises(BadBody) as caught:
        codecs.decode("ding", 1, body_of("ding", version=1), position=POSITION)
    assert (caught.value.position, caught.value.kind) == (POSITION, "ding")


def test_the_kinds_of_the_tests_are_all_kinds() -> None:
    """Nothing above passes because a kind was left out."""
    assert sorted(WHOLE) == KINDS
    assert set(KINDS) >= OPENERS
