"""Parses and checks values of foreign messages: JSON, structs, fields, times.

A message that is not what its source promises raises BadPayload; a field that its source may leave
out, and that is not what it promises, is left out and named. No reason repeats a value of the
message: it may be a person's name. Knows JSON and clocks, and no source.
"""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import datetime
from fractions import Fraction
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Final, TypeAlias, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import FieldInfo, fields

from eventlog.codecs import split_error
from eventlog.errors import BadPayload
from eventlog.record import in_utc, instant

T = TypeVar("T")
S = TypeVar("S", bound=Struct)

# Seconds since 1970, up to the last second that a datetime can hold; and milliseconds.
UnixSeconds: TypeAlias = Annotated[float, Meta(ge=0.0, lt=253402300799.0)]
UnixMillis: TypeAlias = Annotated[float, Meta(ge=0.0, lt=253402300799000.0)]

_NO_NUMBER: Final = re.compile(rb"NaN|Infinity")
# All that decoding and converting raise on bad bytes, values and dates.
_ERRORS: Final = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)
_WORD: Final = re.compile(r"[\w .:/+-]{1,64}")


def parse(source: str, text: str | bytes) -> object:
    """JSON as plain values; NaN and Infinity are taken too. Raises BadPayload."""
    data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
    value: object
    try:
        value = msgspec.json.decode(data)
    except _ERRORS as error:
        if _NO_NUMBER.search(data) is None:
            raise BadPayload(source, _no_json(error)) from error
        try:
            value = json.loads(data)
        except _ERRORS as again:
            raise BadPayload(source, _no_json(again)) from again
    return value


def is_json(data: bytes) -> bool:
    """Whether bytes are one JSON document."""
    try:
        msgspec.json.decode(data)
    except _ERRORS:
        return False
    return True


def plain_value(payload: bytes) -> object:
    """A payload as plain values where it is JSON, else as text, else as the bytes that it is."""
    try:
        return parse("", payload)
    except BadPayload:
        pass
    try:
        return payload.decode()
    except UnicodeDecodeError:
        return payload


def shape(source: str, value: object, wanted: type[T]) -> T:
    """A plain value as the struct that its source promises; unknown fields are ignored.

    Raises BadPayload, which names the field and says why.
    """
    try:
        return msgspec.convert(value, wanted)
    except _ERRORS as error:
        raise BadPayload(source, _reason(error)) from error


def lenient(source: str, value: object, wanted: type[S]) -> tuple[S, list[str]]:
    """The same, but a field with a default takes that where its value is not what is promised.

    Such a field of a struct within is left out alone as well.

    Returns:
        The struct, and the reason for each field that was left out.

    Raises:
        BadPayload: where the value is not an object, or a field without a default is bad.
    """
    if not isinstance(value, dict):
        raise BadPayload(source, "a message is an object")
    try:  # nearly all messages are sound as they are
        return msgspec.convert(value, wanted), []
    except _ERRORS:
        return _by_field(source, value, wanted)


def _by_field(source: str, value: dict[str, Any], wanted: type[S]) -> tuple[S, list[str]]:
    """A message with something wrong in it, field by field."""
    taken: dict[str, Any] = {}
    left_out: list[str] = []
    for field in _fields(wanted):
        name = field.encode_name
        if name not in value:
            if field.required:
                raise BadPayload(source, f"{name}: is missing")
            continue
        try:
            taken[field.name] = _field(source, value[name], field.type, name, left_out)
        except BadPayload as error:
            if field.required:
                raise
            left_out.append(error.reason)
    return wanted(**taken), left_out


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as an aware UTC datetime, rounded to the nearest microsecond.

    The float is taken for the fraction that it is: a product of floats would round twice.
    """
    return instant(round(Fraction(seconds) * 1_000_000))


def millis(milliseconds: float) -> datetime:
    """Milliseconds since 1970 as an aware UTC datetime, rounded in the same way."""
    return instant(round(Fraction(milliseconds) * 1_000))


def utc(source: str, field: str, time: datetime) -> datetime:
    """A time from outside in UTC; a naive one is UTC already. Raises BadPayload."""
    try:
        return in_utc(time)
    except OverflowError as error:
        raise BadPayload(source, f"{field}: is out of range in UTC") from error


def word(text: object) -> str:
    """The name of a kind, where it is fit to be counted and shown; else a replacement."""
    return text if isinstance(text, str) and _WORD.fullmatch(text) else "that is not a word"


def slug(name: object) -> str:
    """A device's name as an id: 'Front Door' is 'front_door', and "" if nothing is named.

    A letter and its accent count as one, however they were written. A name of symbols alone, as an
    emoji is, is taken as it is.
    """
    text = unicodedata.normalize("NFC", name).lower() if isinstance(name, str) else ""
    letters = re.sub(r"\W+", "_", text).strip("_")
    symbols = "".join(one for one in text if unicodedata.category(one) == "So")
    return (letters or symbols)[:64]


@cache
def _fields(wanted: type[Struct]) -> tuple[FieldInfo, ...]:
    return fields(wanted)


def _field(source: str, value: object, wanted: Any, name: str, left_out: list[str]) -> object:  # noqa: ANN401 - a type of any kind
    struct = _struct_of(wanted)
    if struct is not None and isinstance(value, dict):
        try:
            inner, lost = lenient(source, value, struct)
        except BadPayload as error:
            raise BadPayload(source, f"{name}.{error.reason}") from error
        left_out.extend(f"{name}.{reason}" for reason in lost)
        return inner
    try:
        return msgspec.convert(value, wanted)
    except _ERRORS as error:
        raise BadPayload(source, f"{name}: {_reason(error)}") from error


def _struct_of(wanted: Any) -> type[Struct] | None:  # noqa: ANN401 - a type of any kind
    """The struct of a field's type, also if the field may be None."""
    some = get_args(wanted) if get_origin(wanted) in {Union, UnionType} else (wanted,)
    some = tuple(one for one in some if one is not NoneType)
    if len(some) == 1 and isinstance(some[0], type) and issubclass(some[0], Struct):
        return some[0]
    return None


def _reason(error: Exception) -> str:
    field, reason = split_error(error)
    return f"{field}: {reason}" if field else reason


def _no_json(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "is not JSON: not UTF-8"
    if isinstance(error, RecursionError):
        return "is not JSON that can be read: nested too deeply"
    return "is not JSON"
