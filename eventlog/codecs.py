"""Facts to bytes and back: the only room that knows msgspec's encoders.

A body is a MessagePack map with the field names in it, `kind` and `version` among them; times
are MessagePack timestamps. `encode` is the gate: it proves a fact by decoding what it wrote with
the strict types of `facts.py`, because a Struct that was built in Python is checked by nobody.
`decode` reads every version ever written, and guesses nothing.

Knows nothing of positions but to name them in errors, and nothing of the database.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final, cast

import msgspec

from eventlog.errors import BadArgument, BadBody, BadFact, UnknownKind
from eventlog.facts import (
    FACT_TYPES,
    SEALABLE,
    Fact,
    IdentityLinked,
    Sealed,
    kind_of,
    version_of,
)
from eventlog.record import Author, EventId, Position, Record, StoredRecord, is_instant
from eventlog.upcasters import MissingStep, lift

# All that msgspec and Python's own codecs raise on bad values or bytes; ValueError covers
# UnicodeError, and dates that are none.
_ENCODE_ERRORS: Final = (
    msgspec.MsgspecError,
    TypeError,
    ValueError,
    OverflowError,
    RecursionError,
    NotImplementedError,
)
# TypeError: a damaged column may come as text, a number or NULL instead of bytes.
_DECODE_ERRORS: Final = (
    msgspec.MsgspecError,
    TypeError,
    ValueError,
    OverflowError,
    RecursionError,
)
_REASON_LENGTH_MAX: Final = 200
_PATH: Final = re.compile(r" - at (?:`key` in )?`\$\.?([^`]*)`$")
# The sentences of msgspec's that repeat what stands in the bytes, which may be a name.
_REPEATS: Final = re.compile(r"(Invalid enum value|Invalid value|Object contains unknown field) .*")

_TYPES: Final[dict[str, type[msgspec.Struct]]] = {kind_of(t): t for t in FACT_TYPES}
_SIGNS: Final[dict[type[msgspec.Struct], tuple[str, int]]] = {
    t: (kind_of(t), version_of(t)) for t in FACT_TYPES
}
_SEALABLE: Final = {t: SEALABLE[kind_of(t)] for t in FACT_TYPES if kind_of(t) in SEALABLE}
# The kinds whose fields must fit each other: no type of a field can say that.
_RULED: Final = frozenset({"identity_linked"})
_VERSIONS: Final[dict[str, int]] = {kind_of(t): version_of(t) for t in FACT_TYPES}

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[Fact]] = msgspec.msgpack.Decoder(Fact)
_plain: Final[msgspec.msgpack.Decoder[dict[str, Any]]] = msgspec.msgpack.Decoder(dict[str, Any])
_encode: Final = _encoder.encode
_decode: Final = _decoder.decode


def encode(fact: Fact) -> tuple[str, int, bytes]:
    """A fact as its kind, version and body.

    Raises BadFact, which names the field and says why, where the value may not enter the
    journal or is no fact.
    """
    sign = _SIGNS.get(type(fact))
    if sign is None:
        raise BadFact(type(fact).__name__, "", "is no fact that this program knows")
    kind, version = sign
    try:
        body = _encode(fact)
        read = _decode(body)
    except _ENCODE_ERRORS as error:
        raise _bad_fact(kind, fact, error) from error
    # An encoder turns many a thing into text; what reads back as another value is refused.
    if read != fact and (field := _other(fact, read)):
        raise BadFact(kind, field, "is of another type than the field's")
    if kind in _RULED and (broken := _contradiction(read)):
        raise BadFact(kind, *broken)
    return kind, version, body


def require_text(fact: Fact) -> None:
    """Raise BadFact where a seal stands in place of a text: from outside only text comes in."""
    if field := sealed_field(fact):
        kind = _SIGNS[type(fact)][0]
        raise BadFact(kind, field, "is a seal: names come in as text, and seals are made here")


def sealed_field(fact: Fact) -> str | None:
    """The first field in which a seal stands in place of a text, None where none does."""
    for name in _SEALABLE.get(type(fact), ()):
        value = getattr(fact, name)
        if type(value) is Sealed:
            return name
        if type(value) is tuple and any(type(one) is Sealed for one in value):
            return name
    return None


def decode(kind: str, version: int, body: bytes, *, position: int = 0) -> Fact:
    """The fact that a body holds, lifted to today's version.

    Raises UnknownKind for a kind or version of a later program, BadBody for bytes that are no
    fact of that kind and version; both carry `position`.
    """
    today = _VERSIONS.get(kind)
    if today is None:
        raise UnknownKind(position, kind, "this program does not know the kind")
    try:
        if version == today:
            fact = _decode(body)
        else:
            fact = _decode_old(kind, version, body, today, position)
    except _DECODE_ERRORS as error:
        field, reason = _field_and_reason(error)
        where = f" - at {field}" if field else ""
        raise BadBody(position, kind, f"the bytes are no {kind}: {reason}{where}") from error
    if type(fact) is not _TYPES[kind]:
        raise BadBody(position, kind, f"the bytes hold a {_SIGNS[type(fact)][0]}")
    if kind in _RULED and (broken := _contradiction(fact)):
        raise BadBody(position, kind, f"the bytes are no {kind}: {broken[0]} {broken[1]}")
    return fact


def decode_record(stored: StoredRecord) -> Record:
    """A stored row as a record. Raises what `decode` raises, and BadBody for no time."""
    check_time(stored.position, stored.kind, stored.appended_at)
    fact = decode(stored.kind, stored.version, stored.body, position=stored.position)
    return Record(
        Position(stored.position),
        None if stored.event_id is None else EventId(stored.event_id),
        stored.appended_at,
        stored.key,
        fact,
        stored.hash,
    )


def check_time(position: int, kind: str, appended_at_us: object) -> None:
    """Raise BadBody where a record's time of append is none of the years 1 to 9999."""
    if not is_instant(appended_at_us):
        raise BadBody(position, kind, "its time of append is no date")


def signs(body: bytes) -> tuple[object, object]:
    """The kind and the version that a body names, whatever they are; (None, None) if it is none.

    `verify` holds them against the columns.
    """
    try:
        plain = _plain.decode(body)
    except _DECODE_ERRORS:
        return None, None
    return plain.get("kind"), plain.get("version")


def to_builtins(fact: Fact) -> dict[str, Any]:
    """A fact as plain values, for JSON and for people."""
    builtins: dict[str, Any] = msgspec.to_builtins(fact)
    return builtins


def from_builtins(plain: object) -> Fact:
    """A fact from plain values, as JSON has them, in today's version of its kind or an older one.

    Raises BadFact.
    """
    kind = plain.get("kind") if isinstance(plain, dict) else None
    name = kind if isinstance(kind, str) and kind in _TYPES else "fact"
    try:
        if isinstance(plain, dict) and name in _TYPES:
            plain = _lifted(name, plain)
        fact: Fact = msgspec.convert(plain, Fact)
    except _DECODE_ERRORS as error:
        field, reason = _field_and_reason(error)
        raise BadFact(name, field, reason) from error
    return fact


def _lifted(kind: str, plain: dict[str, Any]) -> dict[str, Any]:
    """Plain values of an older version as those of today's; all others as they are."""
    version, today = plain.get("version"), _VERSIONS[kind]
    if type(version) is not int or not 0 < version < today:
        return plain
    try:
        return lift(kind, version, plain, to=today)
    except (LookupError, AttributeError) as error:
        raise ValueError(f"no {kind} of version {version}") from error


def encode_meta(meta: dict[str, Any]) -> bytes:
    """The meta of an append as bytes. Raises BadFact where a value is not MessagePack's."""
    try:
        return _encoder.encode(meta)
    except _ENCODE_ERRORS as error:
        raise BadFact("meta", "", str(error)) from error


def decode_meta(meta: bytes | None) -> dict[str, Any]:
    """The meta of an append, entries unknown to this program included; {} where there is none.

    Raises ValueError where the bytes are no map.
    """
    if meta is None:
        return {}
    try:
        return _plain.decode(meta)
    except _DECODE_ERRORS as error:
        raise ValueError(f"the meta is no MessagePack map: {error}") from error


def decode_author(meta: bytes | None) -> Author | None:
    """Who made the append that this is the meta of; None where it does not say so.

    Records of before `writer` was kept, and metas that can't be read, say nothing.
    """
    try:
        return msgspec.convert(decode_meta(meta)["writer"], Author)
    except (KeyError, ValueError, BadArgument):
        return None


def _decode_old(kind: str, version: int, body: bytes, today: int, position: int) -> Fact:
    plain = _plain.decode(body)
    if plain.get("kind") != kind or plain.get("version") != version:
        raise BadBody(position, kind, f"the bytes do not say {kind} {_shown(version)}")
    try:
        lifted = lift(kind, version, plain, to=today) if 0 < version < today else None
    except MissingStep:
        lifted = None
    except (LookupError, TypeError, AttributeError) as error:
        raise BadBody(position, kind, f"the bytes are no {kind} of {_shown(version)}") from error
    if lifted is None:
        raise UnknownKind(position, kind, f"this program does not know {_shown(version)} of {kind}")
    # Of the one type: msgspec makes what it knows of a union anew for each call.
    return cast("Fact", msgspec.convert(lifted, _TYPES[kind]))


def _shown(version: object) -> str:
    # A damaged column may hold a name instead.
    return f"version {version}" if isinstance(version, int) else "a version that is no number"


def _bad_fact(kind: str, fact: Fact, error: Exception) -> BadFact:
    field, reason = _field_and_reason(error)
    if not field:  # the encoder does not say where: ask it field by field
        for name in fact.__struct_fields__:
            try:
                _encoder.encode(getattr(fact, name))
            except _ENCODE_ERRORS as inner:
                return BadFact(kind, name, _field_and_reason(inner)[1])
    return BadFact(kind, field, reason)


def _other(given: msgspec.Struct, read: msgspec.Struct) -> str:
    """The path of the first field that reads back as another value, "" where none does."""
    for name in given.__struct_fields__:
        one, other = getattr(given, name), getattr(read, name)
        if isinstance(one, msgspec.Struct) and type(one) is type(other):
            if inner := _other(one, other):
                return f"{name}.{inner}"
        elif isinstance(one, datetime) and isinstance(other, datetime):
            # A time that its zone has twice, or not at all, equals no time of another zone. One
            # whose zone does not know its offset is as naive as one without a zone.
            if one.utcoffset() is None or one.astimezone(UTC) != other:
                return name
        elif one != other:
            return name
    return ""


def _contradiction(fact: Fact) -> tuple[str, str] | None:
    """The field at fault and the reason, where the fields of a fact do not fit each other."""
    if isinstance(fact, IdentityLinked):
        if (fact.source is None) != (fact.identity is None):
            missing = "source" if fact.source is None else "identity"
            return missing, "is missing: an identity comes with its source"
        if (fact.identity is None) == (fact.same_as is None):
            return "same_as", "is given where no identity is, and only there"
    return None


def split_error(error: Exception) -> tuple[str, str]:
    """The field that an error of msgspec's names, "" if none, and its sentence without that.

    The sentence may repeat a value, which may be a name.
    """
    text = str(error)
    match = _PATH.search(text)
    return (match[1], text[: match.start()]) if match else ("", text)


def _field_and_reason(error: Exception) -> tuple[str, str]:
    """The field that an error names ("" if none), and its reason without the value."""
    if isinstance(error, UnicodeError):
        return "", "holds a lone surrogate, which UTF-8 can't hold"
    if isinstance(error, OverflowError):
        return "", "an integer past 64 bits, or a date out of range"
    if isinstance(error, RecursionError):
        return "", "is nested too deeply"
    field, reason = split_error(error)
    reason = _REPEATS.sub(r"\1", reason)
    return field[:_REASON_LENGTH_MAX], reason[:_REASON_LENGTH_MAX]
