"""Seals in bodies: the bytes are those of the same fact with seals, and come back as texts."""

from __future__ import annotations

from hashlib import sha256

from hypothesis import given
from hypothesis import strategies as st

from eventlog import codecs
from eventlog.facts import Fact, IdentityLinked, Sealed, personal_fields, seals_in, with_personal
from tests.support.strategies import standalone_facts, visit_facts


def seal_of(text: str) -> Sealed:
    """A seal that depends on the text alone."""
    return Sealed(sealed=sha256(text.encode()).digest())


@given(fact=visit_facts() | standalone_facts())
def test_a_sealed_body_is_that_of_the_fact_with_seals(fact: Fact) -> None:
    """Byte for byte; every text is sealed but a slot's number, and each has its owner's name."""
    kind, version, body = codecs.encode(fact)
    owner = getattr(fact, "name", None) or getattr(fact, "person", None)
    seals: dict[str, str | Sealed] = {}
    for path, text in personal_fields(fact):
        if isinstance(text, str) and not (path == "identity" and is_slot(text)):
            seals[path] = seal_of(text)

    def seal(field: str, text: str, whose: str | None) -> bytes:
        assert whose == (None if field == "people" else owner if isinstance(owner, str) else whose)
        return seal_of(text).sealed

    sealed = codecs.sealed_body(kind, body, seal)
    expected = with_personal(fact, seals)
    assert sealed == codecs.encode(expected)[2]
    read = codecs.decode(kind, version, sealed)
    assert {path for path, _ in seals_in(read)} >= set(seals)
    texts = {path: text for path, text in personal_fields(fact) if path in seals}
    assert with_personal(read, texts) == fact


def is_slot(text: str) -> bool:
    """Whether a text is a slot's number, as a lock counts them."""
    number = text.removeprefix("slot ")
    return number.isascii() and number.isdigit() and len(number) <= 16


@given(number=st.integers(0, 10**16 - 1), word=st.sampled_from(["", "slot "]))
def test_the_number_of_a_slot_stays_in_clear(number: int, word: str) -> None:
    """The person that it belongs to does not."""
    fact = IdentityLinked(person="ada", source="front", identity=f"{word}{number}")
    kind, version, body = codecs.encode(fact)
    sealed = codecs.sealed_body(kind, body, lambda _, text, __: seal_of(text).sealed)
    read = codecs.decode(kind, version, sealed)
    assert read == IdentityLinked(person=seal_of("ada"), source="front", identity=fact.identity)
