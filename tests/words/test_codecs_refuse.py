"""No hostile value gets past `encode`, which names the field at fault and why.

A Struct that was built in Python is checked by nobody before: each value here is put into a
fact, or into a box or a score of one, without a word of complaint from msgspec.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import fields

from eventlog import codecs
from eventlog.errors import BadBody, BadFact
from eventlog.facts import Fact, IdentityLinked, Motion
from tests.support.strategies import hostile_list, hostile_values
from tests.words.whole_facts import BOX, FIELDS, INNER, NOON, WHOLE, with_value


def is_written(value: object) -> bool:
    """Whether MessagePack has bytes for a value, so that reading can say which field is wrong."""
    try:
        return bool(msgspec.msgpack.encode([value])) and value is not msgspec.UNSET
    except (msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError):
        return False


def fault_of(fact: Fact, field: str, value: object) -> str | None:
    """What is wrong with how a bad value is refused, in words; None if all is well."""
    short = repr(value)[:60]
    try:
        codecs.encode(fact)
    except BadFact as error:
        if error.kind != fact.__struct_config__.tag:
            return f"{short}: the error names the kind {error.kind}"
        # A part that can't be written, or leaves a field out, is at fault as a whole.
        whole = field if is_written(value) else field.partition(".")[0]
        # Of a list the element is named, of a seal the bytes in it.
        named = error.field.partition("[")[0].removesuffix(".sealed")
        if named not in {field, whole}:
            return f"{short}: the error names the field {error.field!r}"
        if not error.reason or len(str(error)) > 200:
            return f"{short}: the reason has {len(error.reason)} characters"
        return None
    return f"{short}: accepted"


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_every_hostile_value_is_refused_by_every_field(kind: str, field: str) -> None:
    """BadFact names kind and field, and says why in a sentence."""
    tried = [(value, with_value(kind, field, value)) for value in hostile_list(field, kind)]
    faults = [fault_of(fact, field, value) for value, fact in tried]
    assert [fault for fault in faults if fault] == []


@pytest.mark.parametrize(("kind", "part", "name"), INNER)
def test_every_hostile_value_is_refused_inside_a_part(kind: str, part: str, name: str) -> None:
    """A field of a box or a score is named with the field that holds the part: 'box.x1'."""
    field = f"{part}.{name}"
    tried = [(value, with_value(kind, field, value)) for value in hostile_list(name)]
    faults = [fault_of(fact, field, value) for value, fact in tried]
    assert [fault for fault in faults if fault] == []


@settings(max_examples=500)
@given(data=st.data(), where=st.sampled_from([*FIELDS, *((k, f"{p}.{n}") for k, p, n in INNER)]))
def test_drawn_hostile_values_are_refused(data: st.DataObject, where: tuple[str, str]) -> None:
    """The same holds for random values."""
    kind, field = where
    value = data.draw(hostile_values(field.rpartition(".")[2], kind))
    assert fault_of(with_value(kind, field, value), field, value) is None


@pytest.mark.parametrize("name", ["Zaphod Beeblebrox " * 300, "Zaphod Beeblebrox\udfff"])
@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_a_refusal_does_not_repeat_the_value(kind: str, field: str, name: str) -> None:
    """It may be a person's name, and errors end in logs."""
    with pytest.raises(BadFact) as caught:
        codecs.encode(with_value(kind, field, name))
    assert "Zaphod" not in str(caught.value)


# An identity comes with its source.
GIVEN_TOGETHER: Final = {("identity_linked", "source"), ("identity_linked", "identity")}


@pytest.mark.parametrize(
    "ways",
    [
        {},
        {"source": "front"},
        {"identity": "2"},
        {"source": "front", "same_as": "ben"},
        {"source": "front", "identity": "2", "same_as": "ben"},
    ],
)
def test_an_identity_is_linked_in_one_of_two_ways(ways: dict[str, Any]) -> None:
    """By a source with its identity, or by another name: by both or neither is refused."""
    fact = IdentityLinked(person="anna", **ways)
    with pytest.raises(BadFact) as caught:
        codecs.encode(fact)
    assert caught.value.field in {"source", "identity", "same_as"}
    with pytest.raises(BadBody):
        codecs.decode("identity_linked", 1, msgspec.msgpack.encode(fact))


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_none_is_refused_where_a_field_must_be_known(kind: str, field: str) -> None:
    """None means not known, and is accepted in every field that has it as its default."""
    fact = with_value(kind, field, None)
    defaults = {info.name: info.default for info in fields(fact)}
    if defaults[field] is None and (kind, field) not in GIVEN_TOGETHER:
        assert codecs.decode(*codecs.encode(fact)) == fact
    else:
        assert fault_of(fact, field, None) is None


@pytest.mark.parametrize(("kind", "field"), FIELDS)
def test_a_value_nested_without_end_is_refused(kind: str, field: str) -> None:
    """Depth that would end the interpreter ends in BadFact."""
    deep: list[Any] = []
    for _ in range(10_000):
        deep = [deep]
    try:
        assert fault_of(with_value(kind, field, deep), field, None) is None
    finally:
        while deep:  # or the collector recurses as deep as the list
            deep = deep.pop()


class _Motion(Motion, frozen=True, kw_only=True, tag_field="kind", tag="motion"):
    pass


@pytest.mark.parametrize(
    "thing",
    [
        None,
        "motion",
        b"\x80",
        {"kind": "motion", "camera_id": "front_door", "recorded_at": NOON},
        Motion,
        BOX,
        (WHOLE["motion"],),
        _Motion(camera_id="front_door", recorded_at=NOON),
    ],
)
def test_what_is_no_fact_is_refused_by_the_name_of_its_type(thing: Any) -> None:
    """A dict, a type, a part of a fact and a subclass are not facts."""
    with pytest.raises(BadFact, match="is not a fact") as caught:
        codecs.encode(thing)
    assert (caught.value.kind, caught.value.field) == (type(thing).__name__, "")
