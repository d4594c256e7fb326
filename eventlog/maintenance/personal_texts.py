"""Finds the texts of a fact that may name a person, in plain text or sealed. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from eventlog.facts import SEALABLE, Fact, Sealed, kind_of


def clear_texts(fact: Fact) -> Iterator[tuple[str, str]]:
    """Each personal text of a fact that is in clear, with its field."""
    for field, value in _personal(fact):
        if isinstance(value, str):
            yield field, value


def seals(fact: Fact) -> Iterator[tuple[str, bytes]]:
    """Each seal of a fact, with its field."""
    for field, value in _personal(fact):
        if isinstance(value, Sealed):
            yield field, value.sealed


def _personal(fact: Fact) -> Iterator[tuple[str, str | Sealed | None]]:
    for field in SEALABLE.get(kind_of(type(fact)), ()):
        value = getattr(fact, field)
        for one in value if isinstance(value, tuple) else (value,):
            yield field, one
