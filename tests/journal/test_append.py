"""What one append may hold, where its records go, and when two of them say the same.

Pure functions: nothing here opens a file. The rules are compared with a plain model of them.
"""

from __future__ import annotations

import pickle
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from eventlog import codecs
from eventlog.errors import (
    BadAppend,
    BadArgument,
    BadFact,
    BadKey,
    UnknownEvent,
)
from eventlog.facts import (
    OPENERS,
    SEALABLE,
    STANDALONE,
    Fact,
    Motion,
    PersonNamed,
    Sealed,
    sealed_field,
)
from eventlog.journal import chain
from eventlog.journal.append import (
    FACTS_MAX,
    KEY_LENGTH_MAX,
    Append,
    EncodedFact,
    check_event_id,
    check_key,
    place,
    prepare,
    same_facts,
)
from eventlog.record import Head, Position, StoredRecord
from tests.journal.plain_chain import plain_digest, plain_genesis, plain_hash
from tests.support.strategies import facts, standalone_facts, texts, visit_facts, visits
from tests.words.whole_facts import NOON, WHOLE

MOTION: Final = WHOLE["motion"]
DING: Final = WHOLE["ding"]
FACE: Final = WHOLE["face_result"]
UNLOCK: Final = WHOLE["unlock_action"]
NAMED: Final = WHOLE["person_named"]
LOG_ID: Final = bytes(range(16))
START: Final = Head(Position(0), plain_genesis(LOG_ID))


def kinds_of(some: list[Fact]) -> list[str]:
    """The kinds of some facts."""
    return [codecs.encode(fact)[0] for fact in some]


def fault_of(kinds: list[str], event_id: int | None) -> str | None:
    """The rules a second time: what is wrong with an append of these kinds, if anything."""
    openers = [kind for kind in kinds if kind in OPENERS]
    if not kinds:
        return "no_fact"
    if openers and event_id is not None:
        return "opener_with_event"
    if len(openers) > 1:
        return "two_openers"
    if openers:
        return None if kinds[0] in OPENERS else "fact_before_opener"
    if event_id is None and not set(kinds) <= STANDALONE:
        return "no_event"
    return None


# ── what may be appended together ──────────────────────────────────────────────────────────


@settings(max_examples=300)
@given(some=st.lists(facts(), max_size=5), event_id=st.none() | st.integers(1, 2**63 - 1))
def test_an_append_is_good_or_its_error_is_named(some: list[Fact], event_id: int | None) -> None:
    """Every mixture of facts, with and without an event, ends as the rules say."""
    expected = fault_of(kinds_of(some), event_id)
    if expected is None:
        append = prepare(some, event_id=event_id)
        assert append.opens is (kinds_of(some)[0] in OPENERS)
        assert append.event_id == event_id
    else:
        with pytest.raises(BadAppend) as caught:
            prepare(some, event_id=event_id)
        assert caught.value.reason == expected


@given(visit=visits())
def test_a_visit_is_one_append_that_opens_an_event(visit: tuple[Fact, ...]) -> None:
    """An opener and the facts after it; the encoded facts keep the given order."""
    append = prepare(visit, key="a key")
    assert append.opens
    assert (append.event_id, append.key) == (None, "a key")
    assert [codecs.decode(f.kind, f.version, f.body) for f in append.facts] == list(visit)


@pytest.mark.parametrize(
    ("some", "event_id", "reason"),
    [
        ([], None, "no_fact"),
        ([], 1, "no_fact"),
        ([MOTION, DING], None, "two_openers"),
        ([MOTION, FACE, MOTION], None, "two_openers"),
        ([MOTION], 1, "opener_with_event"),
        ([FACE, DING], 1, "opener_with_event"),
        ([FACE, MOTION], None, "fact_before_opener"),
        ([NAMED, DING, FACE], None, "fact_before_opener"),
        ([FACE], None, "no_event"),
        ([NAMED, FACE], None, "no_event"),
        ([WHOLE["visit_ended"]], None, "no_event"),
        ([WHOLE["thumbnail_saved"]], None, "no_event"),
        ([WHOLE["detection"]], None, "no_event"),
    ],
)
def test_each_broken_rule_has_its_reason(
    some: list[Fact], event_id: int | None, reason: str
) -> None:
    """The cases that the rules were written for, one by one; the sentence survives a pickle."""
    with pytest.raises(BadAppend) as caught:
        prepare(some, event_id=event_id)
    assert caught.value.reason == reason
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert (str(copy), copy.reason) == (str(caught.value), reason)


@given(some=st.lists(standalone_facts(), min_size=1, max_size=4))
def test_some_facts_stand_without_a_visit(some: list[Fact]) -> None:
    """A name, a key in the lock and an unclean stop belong to no visit, and may join one."""
    alone = prepare(some)
    assert (alone.opens, alone.event_id) == (False, None)
    assert prepare(some, event_id=7).event_id == 7


def test_one_bad_fact_spoils_its_append() -> None:
    """BadFact comes before any write, whichever of the facts it is."""
    bad = PersonNamed(name="x" * 65)
    for some in ([bad], [NAMED, bad], [MOTION, FACE, bad, FACE]):
        with pytest.raises(BadFact, match=r"person_named\.name"):
            prepare(some)


def test_an_append_has_a_greatest_size() -> None:
    """The greatest append is good, one fact more is a named error."""
    assert len(prepare([MOTION, *[FACE] * (FACTS_MAX - 1)]).facts) == FACTS_MAX
    with pytest.raises(BadArgument, match=str(FACTS_MAX)):
        prepare([MOTION, *[FACE] * FACTS_MAX])


# ── arguments ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("event_id", [0, -1, 2**63, -(2**63), 10**30])
def test_an_id_that_no_event_can_have_is_unknown(event_id: int) -> None:
    """UnknownEvent names the id; it is raised before the journal is asked."""
    with pytest.raises(UnknownEvent) as caught:
        check_event_id(event_id)
    assert caught.value.event_id == event_id


@pytest.mark.parametrize("event_id", ["1", 1.0, True, b"1", [], object()])
def test_what_is_no_int_is_no_event_id(event_id: Any) -> None:
    """A bool is not an id, and neither is a float that looks like one."""
    with pytest.raises(BadArgument, match="event id"):
        check_event_id(event_id)


@pytest.mark.parametrize("event_id", [None, 1, 2**63 - 1])
def test_an_id_that_an_event_may_have_is_good(event_id: int | None) -> None:
    """Whether there is such an event, the journal says."""
    check_event_id(event_id)


@given(key=texts(KEY_LENGTH_MAX))
def test_any_text_of_a_stated_length_is_a_key(key: str) -> None:
    """NUL, newlines and characters past the first plane are kept, not cut."""
    check_key(key)
    assert prepare([MOTION], key=key).key == key


@pytest.mark.parametrize(
    "key",
    ["", "x" * (KEY_LENGTH_MAX + 1), "x" * 100_000, "\ud800", b"key", 7, True, [], object()],
)
def test_what_is_no_key_is_refused(key: Any) -> None:
    """Empty, too long, not text, or text that UTF-8 can't hold: BadKey, without the key in it."""
    with pytest.raises(BadKey) as caught:
        check_key(key)
    assert len(str(caught.value)) < 200
    with pytest.raises(BadKey):
        prepare([MOTION], key=key)


@pytest.mark.parametrize("durability", ["", "full", "Durable", None, True, 1, [], {}])
def test_what_is_no_durability_is_refused(durability: Any) -> None:
    """There are two, and anything else is a named error."""
    with pytest.raises(BadArgument, match="durability"):
        prepare([MOTION], durability=durability)


@pytest.mark.parametrize("event_id", [-(10**5000), 10**5000], ids=["below", "above"])
def test_an_id_past_what_python_prints_is_unknown(event_id: int) -> None:
    """The error's sentence can be made for any int, however long."""
    with pytest.raises(UnknownEvent):
        check_event_id(event_id)


# ── durability ─────────────────────────────────────────────────────────────────────────────


@given(visit=visits())
def test_an_unlock_action_is_never_relaxed(visit: tuple[Fact, ...]) -> None:
    """The bolt moves after the record is safe, whatever was asked for."""
    unlocks = "unlock_action" in kinds_of(list(visit))
    assert prepare(visit, durability="relaxed").durable is unlocks
    assert prepare(visit, durability="durable").durable
    assert prepare(visit).durable


# ── places in the journal ──────────────────────────────────────────────────────────────────


@settings(max_examples=50)
@given(
    visits_=st.lists(visits(), min_size=1, max_size=4),
    key=st.none() | texts(20),
    meta=st.none() | st.binary(max_size=20),
    at_us=st.integers(-(2**62), 2**62),
)
def test_rows_follow_each_other_without_a_hole(
    visits_: list[tuple[Fact, ...]], key: str | None, meta: bytes | None, at_us: int
) -> None:
    """Positions are consecutive, hashes form the chain, only the first record has key and meta."""
    head, previous = START, START.hash
    for event_id, visit in enumerate(visits_, start=1):
        append = prepare(visit, key=key)
        rows, after = place(append, head, event_id=event_id, at_us=at_us, meta=meta)
        stored = [StoredRecord._make(row) for row in rows]
        assert len(stored) == len(visit)
        for index, (row, fact) in enumerate(zip(stored, visit, strict=True)):
            kind, version, body = codecs.encode(fact)
            assert (row.kind, row.version, row.body) == (kind, version, body)
            assert row.position == head.position + index + 1
            assert (row.append_index, row.append_size) == (index, len(visit))
            assert (row.event_id, row.appended_at, row.format) == (event_id, at_us, chain.FORMAT)
            assert (row.key, row.meta) == ((key, meta) if index == 0 else (None, None))
            previous = plain_hash(previous, plain_digest(row))
            assert row.hash == previous
        assert after == Head(Position(head.position + len(visit)), previous)
        head = after


def test_what_is_carried_over_keeps_its_own_time_and_meta() -> None:
    """An append that brings a time and a meta is not given those of now."""
    (encoded,) = prepare([NAMED]).facts
    carried = Append((encoded,), opens=False, appended_at_us=-5, meta=b"\x80")
    rows, _ = place(carried, START, event_id=None, at_us=99, meta=b"\x81\xa1x\x01")
    row = StoredRecord._make(rows[0])
    assert (row.appended_at, row.meta) == (-5, b"\x80")


# ── the same append again ──────────────────────────────────────────────────────────────────


def stored_of(append: Append) -> list[tuple[str, int, bytes]]:
    """What the journal holds of an append."""
    return [(fact.kind, fact.version, fact.body) for fact in append.facts]


@given(visit=visits(), other=visits())
def test_two_appends_are_the_same_if_their_facts_are_equal(
    visit: tuple[Fact, ...], other: tuple[Fact, ...]
) -> None:
    """Equal facts in the same order and nothing else; the event they got does not matter."""
    ours, theirs = prepare(visit, key="k"), prepare(other, key="k", durability="relaxed")
    assert same_facts(ours, stored_of(ours), 7)
    assert same_facts(ours, stored_of(theirs), 7) is (visit == other)


@given(some=st.lists(visit_facts(), min_size=1, max_size=3))
def test_facts_that_join_another_event_are_not_the_same(some: list[Fact]) -> None:
    """The event that was asked for is part of what an append says."""
    ours = prepare(some, event_id=3)
    assert same_facts(ours, stored_of(ours), 3)
    assert not same_facts(ours, stored_of(ours), 4)
    assert not same_facts(ours, stored_of(ours), None)


@given(some=st.lists(standalone_facts(), min_size=1, max_size=3))
def test_facts_that_join_no_event_are_not_those_that_joined_one(some: list[Fact]) -> None:
    """An unlock by key on its own is not the unlock of a visit."""
    ours = prepare(some)
    assert same_facts(ours, stored_of(ours), None)
    assert not same_facts(ours, stored_of(ours), 3)


def test_the_same_moment_in_other_bytes_is_the_same_fact() -> None:
    """Facts are compared, not bytes: an encoder of another day makes no conflict."""
    ours = prepare([Motion(camera_id="front_door", recorded_at=NOON)])
    kind, version, body = stored_of(ours)[0]
    # The moment as a timestamp of 12 bytes, and the unknown field left out.
    longer = body.replace(b"\xd6\xff", b"\xc7\x0c\xff" + bytes(8), 1)
    other = b"\x84" + longer[1:].removesuffix(b"\xacrecording_id\xc0")
    assert codecs.decode(kind, version, other) == codecs.decode(kind, version, body)
    assert same_facts(ours, [(kind, version, other)], 7)


def test_bytes_that_cannot_be_read_are_the_same_as_themselves_only() -> None:
    """A record of a later program conflicts with everything but its own bytes."""
    later = EncodedFact("levitation", 3, b"\x80")
    ours = Append((later,), opens=False)
    assert same_facts(ours, [("levitation", 3, b"\x80")], None)
    assert not same_facts(ours, [("levitation", 3, b"\x81\xa1x\x01")], None)
    assert not same_facts(prepare([NAMED]), [("levitation", 3, b"\x80")], None)
    assert not same_facts(ours, stored_of(prepare([NAMED])), None)
    assert not same_facts(prepare([UNLOCK, NAMED]), stored_of(prepare([UNLOCK])), None)


@pytest.mark.parametrize("kind", sorted(SEALABLE))
def test_a_seal_is_refused_from_outside(kind: str) -> None:
    """Only this program makes seals; callers give text."""
    for name in SEALABLE[kind]:
        seal: Any = Sealed(sealed=bytes(32))
        value = (seal,) if name == "people" else seal
        changed = {"source": None, "identity": None} if name == "same_as" else {}
        fact = replace(WHOLE[kind], **{name: value, **changed})
        assert sealed_field(fact) == name
        with pytest.raises(BadFact) as caught:
            prepare([fact], event_id=1)
        assert (caught.value.kind, caught.value.field) == (kind, name)
