"""Converts numbers, text and times of other libraries to Python's own types.

A face library returns numpy scalars, a configuration has enums, a database column is a Decimal.
Facts hold float, int, bool, str, bytes and datetime. A value that equals one of these is converted,
and a value that the conversion would change is refused.

Handles values of numpy, pandas and torch by their methods, without importing these packages. Does
not know the fields of facts or their bounds: `codecs.encode` judges the plain value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from numbers import Integral, Rational, Real
from operator import index
from typing import Any, Final, TypeAlias, cast

from msgspec import Struct
from msgspec.structs import replace

from eventlog import codecs
from eventlog.errors import BadFact
from eventlog.facts import FACT_TYPES, Fact

# A foreign value, before anything is known of it. Its methods are looked up by name.
Foreign: TypeAlias = Any

_EXACT: Final = frozenset({float, int, bool, str, bytes, datetime, type(None)})
_EXACT_FLOAT: Final = 2**53
_LENGTH_MAX: Final = 10_000  # elements of a list in a fact; a longer one is refused anyway


class NotPlainError(ValueError):
    """A value can't be converted, or not without a loss; the message says which."""


def encode(fact: Fact) -> tuple[str, int, bytes]:
    """Encode a fact as its kind, version and body, after converting every value.

    Raises BadFact, with the field, for a value that is refused.
    """
    try:
        return codecs.encode(fact)
    except BadFact:
        if type(fact) not in FACT_TYPES:
            raise
        try:
            taken = cast("Fact", plain_struct(fact))
        except RecursionError:  # parts in parts without end: the first error says so
            taken = fact
        if taken is fact:
            raise
        return codecs.encode(taken)


def plain_struct(struct: Struct, *, kind: str = "", path: str = "") -> Struct:
    """A fact or a part of one with plain values; the same object where it has no other.

    Args:
        struct: The fact, or the part.
        kind: The fact's kind, for the error; "" reads it from the fact.
        path: The path of the part in its fact, ending with a dot.

    Raises:
        BadFact: A value would lose something; it names the field.
    """
    kind = kind or str(struct.__struct_config__.tag)
    changed: dict[str, object] = {}
    for name in struct.__struct_fields__:
        value = getattr(struct, name)
        taken = _plain_field(value, kind, f"{path}{name}")
        if taken is not value:
            changed[name] = taken
    return replace(struct, **changed) if changed else struct


def plain_value(value: Foreign) -> Foreign:
    """The float, int, bool, str, bytes or datetime that equals a value.

    Other values are returned unchanged. Raises NotPlainError for a value that can't be converted
    without a loss.
    """
    if type(value) in _EXACT:
        return value
    try:
        return _plain(value)
    except NotPlainError:
        raise
    # A foreign value's methods may raise anything.
    except (TypeError, ValueError, ArithmeticError, AttributeError, RecursionError) as error:
        raise NotPlainError(f"has no plain value: {_shown(value)}") from error


def _plain_field(value: Foreign, kind: str, path: str) -> object:
    if isinstance(value, list | tuple) and 0 < len(value) <= _LENGTH_MAX:
        taken = [_plain_part(one, kind, path) for one in value]
        same = all(one is other for one, other in zip(value, taken, strict=True))
        return value if same else tuple(taken)
    return _plain_part(value, kind, path)


def _plain_part(value: Foreign, kind: str, path: str) -> object:
    if isinstance(value, Struct):
        return plain_struct(value, kind=kind, path=f"{path}.")
    try:
        return plain_value(value)
    except NotPlainError as error:
        raise BadFact(kind, path, str(error)) from error


def _plain(value: Foreign) -> object:
    if isinstance(value, Enum):
        return plain_value(value.value)
    if _is_scalar(value):
        return _of_scalar(value)
    if getattr(value, "shape", ()) != ():
        raise NotPlainError("is an array, and not one value of it")
    for of_type, to_plain in _FAMILIES:
        if isinstance(value, of_type):
            return to_plain(value)
    return index(value) if hasattr(type(value), "__index__") else value


def _is_scalar(value: Foreign) -> bool:
    """Whether a value is one of an array library's: a scalar, or an array of no dimension."""
    return (
        callable(getattr(type(value), "item", None))
        and not isinstance(value, Mapping)
        and tuple(getattr(value, "shape", (0,))) == ()
    )


def _of_scalar(value: Foreign) -> object:
    if bool(getattr(value, "mask", False)):
        raise NotPlainError("is masked: it has no value")
    if getattr(getattr(value, "dtype", None), "kind", "") == "M":
        return _of_datetime64(value)
    item = value.item()
    if type(item) is type(value):  # a wider float than Python's
        return _of_number(item)
    return plain_value(item)


def _of_datetime64(value: Foreign) -> object:
    instant = value.astype("datetime64[us]")
    item = instant.item()
    if not isinstance(item, datetime):
        raise NotPlainError("is not a time of the years 1 to 9999")
    if instant != value:
        raise NotPlainError("is finer than a microsecond")
    return item


def _of_datetime(value: Foreign) -> datetime:
    if getattr(value, "nanosecond", 0):
        raise NotPlainError("is finer than a microsecond")
    day, clock = (value.year, value.month, value.day), value.time()
    time_of_day = clock.hour, clock.minute, clock.second, clock.microsecond
    return datetime(*day, *time_of_day, tzinfo=value.tzinfo, fold=value.fold)


def _of_number(value: Foreign) -> float | int:
    fraction = isinstance(value, Decimal | Rational)
    if isinstance(value, Integral) or (fraction and abs(value) < _EXACT_FLOAT and value % 1 == 0):
        return int(value)  # fits an int field, and a float field as well
    number = float(value)
    if number == value or (number != number and value != value):  # noqa: PLR0124 - NaN is no other
        return number
    # A decimal or a fraction becomes the float with the same shortest text: 0.7 is 7/10.
    if isinstance(value, Decimal) and Decimal(repr(number)) == value:
        return number
    if isinstance(value, Rational) and Fraction(repr(number)) == value:
        return number
    raise NotPlainError("has more digits than a float can hold")


# The exact copy of an instance of a subclass, whatever the subclass makes of str() and float().
_FAMILIES: Final[tuple[tuple[Any, Callable[[Any], object]], ...]] = (
    (datetime, _of_datetime),
    (str, str.__str__),
    (int, int.__int__),
    (float, float.__float__),
    (bytes, lambda value: bytes(memoryview(value))),
    (Decimal | Rational | Real, _of_number),
)


def _shown(value: Foreign) -> str:
    return f"a {type(value).__name__[:40]}"
