"""From the bytes of a foreign file to its messages, one by one, and to values that can be trusted.

A file holds one JSON message, a list of them, or one on each line. A message that is not what its
source promises raises BadPayload; among others it is refused alone, and the rest go in. No reason
repeats a value of the message: it may be a person's name.

Knows JSON and clocks, and no source.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from fractions import Fraction
from typing import Annotated, Final, NamedTuple, TypeAlias, TypeVar

import msgspec
from msgspec import Meta

from eventlog.errors import BadPayload
from eventlog.record import instant
from eventlog.sources.feed import Item, Refused

T = TypeVar("T")

# Seconds since 1970, up to the last second that a datetime can hold.
UnixSeconds: TypeAlias = Annotated[float, Meta(ge=0.0, lt=253402300799.0)]

_BOM: Final = b"\xef\xbb\xbf"
_PATH: Final = re.compile(r" - at `\$\.?([^`]*)`$")
# All that decoding and converting raise on bad bytes, values and dates.
_ERRORS: Final = (msgspec.MsgspecError, ValueError, OverflowError, RecursionError)


class Element(NamedTuple):
    """One message of a file and the place where it stands."""

    place: str
    value: object


def read_messages(
    source: str, data: bytes, items_of: Callable[[object], Iterable[Item]]
) -> Iterator[Item]:
    """The items of all messages in a file, in its order.

    Raises BadPayload at once where the bytes are no JSON, or where the file's only message is
    bad. A bad message in a list or among lines becomes a Refused.
    """
    data = data.removeprefix(_BOM)
    try:
        document = parse(source, data)
    except BadPayload as error:
        return _each(_lines(source, data, error), items_of)
    if isinstance(document, dict):
        return iter(list(items_of(document)))
    if isinstance(document, list):
        return _each(_list(document), items_of)
    raise BadPayload(source, "the file holds neither a message nor a list of them")


def parse(source: str, text: str | bytes) -> object:
    """JSON as plain values. Raises BadPayload."""
    try:
        value: object = msgspec.json.decode(text)
    except _ERRORS as error:
        raise BadPayload(source, _no_json(error)) from error
    return value


def shape(source: str, value: object, wanted: type[T]) -> T:
    """A plain value as the struct that its source promises; unknown fields are ignored.

    Raises BadPayload, which names the field and says why.
    """
    try:
        return msgspec.convert(value, wanted)
    except _ERRORS as error:
        text = str(error)
        match = _PATH.search(text)
        reason = f"{match[1]}: {text[: match.start()]}" if match and match[1] else text
        raise BadPayload(source, _PATH.sub("", reason)) from error


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as an aware UTC datetime, rounded to the nearest microsecond.

    The float is taken for the fraction that it is: a product of floats would round twice.
    """
    return instant(round(Fraction(seconds) * 1_000_000))


def utc(source: str, field: str, time: datetime) -> datetime:
    """A time from outside in UTC; a naive one is UTC already. Raises BadPayload."""
    if time.tzinfo is None:
        return time.replace(tzinfo=UTC)
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise BadPayload(source, f"{field}: is out of range in UTC") from error


def _list(values: list[object], place: str = "element") -> Iterator[Element]:
    for number, value in enumerate(values, 1):
        yield Element(f"{place} {number}", value)


def _lines(source: str, data: bytes, otherwise: BadPayload) -> list[Element | Refused]:
    """The messages on each line; raises `otherwise` where no line holds one."""
    elements: list[Element | Refused] = []
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        place = f"line {number}"
        try:
            value = parse(source, line)
        except BadPayload as error:
            elements.append(Refused(place, error.reason))
            continue
        if isinstance(value, list):
            elements.extend(_list(value, f"{place}, element"))
        else:
            elements.append(Element(place, value))
    # The lines of one broken document may be numbers, and are no messages.
    if not any(isinstance(e, Element) and isinstance(e.value, dict) for e in elements):
        raise otherwise
    return elements


def _each(
    elements: Iterable[Element | Refused], items_of: Callable[[object], Iterable[Item]]
) -> Iterator[Item]:
    for element in elements:
        if isinstance(element, Refused):
            yield element
            continue
        try:
            # All items of a message, or none: a late refusal must not leave half of it.
            yield from list(items_of(element.value))
        except BadPayload as error:
            yield Refused(element.place, error.reason)


def _no_json(error: Exception) -> str:
    if isinstance(error, UnicodeError):
        return "is no JSON: not UTF-8"
    if isinstance(error, RecursionError):
        return "is no JSON that can be read: nested too deeply"
    return "is no JSON"
