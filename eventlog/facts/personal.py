"""Reads and replaces the personal texts of a fact, and the seals that are stored in their place.

Knows which fields are personal. Knows nothing of bytes, keys or what opens a seal.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec.structs import replace

from eventlog.errors import BadFact
from eventlog.facts import FACT_TYPES, SEALABLE, Fact, Sealed, kind_of

_SEALABLE: Final = {t: SEALABLE[kind_of(t)] for t in FACT_TYPES if kind_of(t) in SEALABLE}


def require_text(fact: Fact) -> None:
    """Raise BadFact if a field holds a seal: callers give names as text."""
    if field := sealed_field(fact):
        kind = kind_of(type(fact))
        raise BadFact(kind, field, "is a seal; give the name as text, and this program seals it")


def sealed_field(fact: Fact) -> str | None:
    """The first field that holds a seal instead of text; None if no field does."""
    for name in _SEALABLE.get(type(fact), ()):
        value = getattr(fact, name)
        if type(value) is Sealed:
            return name
        if type(value) is tuple and any(type(one) is Sealed for one in value):
            return name
    return None


def personal_fields(fact: Fact) -> list[tuple[str, str | Sealed]]:
    """The fields of a fact that hold a personal text or its seal, each with its value.

    The elements of a list have a field each: `people.0`, `people.1`, …
    """
    found: list[tuple[str, str | Sealed]] = []
    for name in _SEALABLE.get(type(fact), ()):
        value = getattr(fact, name)
        if type(value) is tuple:
            found += [(f"{name}.{index}", one) for index, one in enumerate(value)]
        elif value is not None:
            found.append((name, value))
    return found


def seals_in(fact: Fact) -> list[tuple[str, bytes]]:
    """The fields of a fact that hold a seal, named as in `personal_fields`, each with its seal."""
    found: list[tuple[str, bytes]] = []
    for name in _SEALABLE.get(type(fact), ()):
        value = getattr(fact, name)
        if type(value) is Sealed:
            found.append((name, value.sealed))
        elif type(value) is tuple:
            for index, one in enumerate(value):
                if type(one) is Sealed:
                    found.append((f"{name}.{index}", one.sealed))
    return found


def with_personal(fact: Fact, values: Mapping[str, str | Sealed]) -> Fact:
    """A fact with other values in fields that `personal_fields` names."""
    changed: dict[str, Any] = {}
    for path, value in values.items():
        name, _, index = path.partition(".")
        if index:
            elements = [*changed.get(name, getattr(fact, name))]
            elements[int(index)] = value
            changed[name] = tuple(elements)
        else:
            changed[name] = value
    return replace(fact, **changed)
