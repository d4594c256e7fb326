"""Encodes facts as bytes and decodes them: the only file that uses msgspec's encoders.

A body is a MessagePack map from field names to values, with `kind` and `version` among them. Times
are MessagePack timestamps. A Struct that is built in Python is not checked, so `encode` decodes
what it wrote with the strict types of `facts/`. `decode` reads every version ever written.

Uses positions only in errors. Knows nothing of the database.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, cast

import msgspec

from eventlog.errors import BadArgument, BadBody, BadFact, UnknownKind
from eventlog.facts import FACT_TYPES, SEALABLE, Fact, contradiction, kind_of, version_of
from eventlog.record import Author, EventId, Position, Record, StoredRecord, is_instant
from eventlog.upcasters import MissingStep, lift

# What msgspec and Python's own codecs raise for bad values or bytes. ValueError: UnicodeError and
# impossible dates. TypeError: a damaged column may hold text, a number or NULL instead of bytes.
_DECODE_ERRORS: Final = (
    *(msgspec.MsgspecError, TypeError, ValueError, OverflowError, RecursionError),
)
_ENCODE_ERRORS: Final = (*_DECODE_ERRORS, NotImplementedError)
_REASON_LENGTH_MAX: Final = 200
# A credential's slot in a lock.
_SLOT: Final = re.compile(r"(?:slot )?[0-9]{1,16}", re.ASCII)
_PATH: Final = re.compile(r" - at (?:`key` in )?`\$\.?([^`]*)`$")
# The messages of msgspec that repeat the value, which may be a name.
_REPEATS: Final = re.compile(r"(Invalid enum value|Invalid value|Object contains unknown field) .*")

_TYPES: Final = {kind_of(t): t for t in FACT_TYPES}
_SIGNS: Final = {t: (kind_of(t), version_of(t)) for t in FACT_TYPES}
# The kinds whose fields depend on each other, which types can't express: see `contradiction`.
_RULED: Final = frozenset({"identity_linked"})
_VERSIONS: Final[dict[str, int]] = {kind_of(t): version_of(t) for t in FACT_TYPES}

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final[msgspec.msgpack.Decoder[Fact]] = msgspec.msgpack.Decoder(Fact)
_plain: Final[msgspec.msgpack.Decoder[dict[str, Any]]] = msgspec.msgpack.Decoder(dict[str, Any])
_encode: Final = _encoder.encode
_decode: Final = _decoder.decode


def encode(fact: Fact) -> tuple[str, int, bytes]:
    """Encode a fact: its kind, its version and its body.

    Raises BadFact, with the field and the reason, for a value that the journal refuses.
    """
    sign = _SIGNS.get(type(fact))
    if sign is None:
        raise BadFact(type(fact).__name__, "", "is not a fact that this program knows")
    kind, version = sign
    try:
        body = _encode(fact)
        read = _decode(body)
    except _ENCODE_ERRORS as error:
        raise _bad_fact(kind, fact, error) from error
    # The encoder writes values of some other types as text. They decode to another value.
    if read != fact and (field := _other(fact, read)):
        raise BadFact(kind, field, "is of another type than the field's")
    if kind in _RULED and (broken := contradiction(read)):
        raise BadFact(kind, *broken)
    return kind, version, body


def sealed_body(kind: str, body: bytes, seal: Callable[[str, str, str | None], bytes]) -> bytes:
    """A body that `encode` made, with seals in place of its personal texts.

    Args:
        kind: The fact's kind.
        body: The fact in the current version of its kind.
        seal: Answers the seal of a text, from the field, the text and the name of the person whose
            text it is; None if the fact names nobody.

    Returns:
        The bytes that `encode` makes of the same fact with seals.
    """
    plain = _plain.decode(body)
    owner = plain.get("name") or plain.get("person")
    changed = False
    for field in SEALABLE.get(kind, ()):
        value = plain[field]
        if isinstance(value, str):
            if field == "identity" and _SLOT.fullmatch(value):
                continue  # compared with the numbers of slots, and no name
            plain[field] = {"sealed": seal(field, value, owner)}
            changed = True
        elif isinstance(value, list):
            plain[field] = [{"sealed": seal(field, one, None)} for one in value]
            changed |= bool(value)
    return _encoder.encode(plain) if changed else body


def decode(kind: str, version: int, body: bytes, *, position: int = 0) -> Fact:
    """Decode a body, and convert it to the current version of its kind.

    Raises UnknownKind for a kind or a version of a later program, and BadBody for bytes that are
    not a fact of that kind and version. Both have `position`.
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
        raise BadBody(
            position, kind, f"the bytes are not of kind {kind}: {reason}{where}"
        ) from error
    if type(fact) is not _TYPES[kind]:
        raise BadBody(position, kind, f"the bytes hold a {_SIGNS[type(fact)][0]}")
    if kind in _RULED and (broken := contradiction(fact)):
        raise BadBody(position, kind, f"the bytes are not of kind {kind}: {broken[0]} {broken[1]}")
    return fact


def decode_record(stored: StoredRecord) -> Record:
    """A stored row as a record. Raises what `decode` and `check_time` raise."""
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
    """Raise BadBody for a time of append outside the years 1 to 9999."""
    if not is_instant(appended_at_us):
        raise BadBody(position, kind, "its time of append is not a date")


def signs(body: bytes) -> tuple[object, object]:
    """The kind and the version in a body, of any type; (None, None) for bytes that are not a body.

    `verify` compares them with the columns.
    """
    try:
        plain = _plain.decode(body)
    except _DECODE_ERRORS:
        return None, None
    return plain.get("kind"), plain.get("version")


def to_builtins(fact: Fact) -> dict[str, Any]:
    """A fact as plain values, for JSON and for people."""
    return cast("dict[str, Any]", msgspec.to_builtins(fact))


def from_builtins(plain: object) -> Fact:
    """A fact from plain values, as in JSON, of the current version of its kind or an older one.

    Raises BadFact.
    """
    kind = plain.get("kind") if isinstance(plain, dict) else None
    name = kind if isinstance(kind, str) and kind in _TYPES else "fact"
    try:
        if isinstance(plain, dict) and name in _TYPES:
            plain = _lifted(name, plain)
        return cast("Fact", msgspec.convert(plain, Fact))
    except _DECODE_ERRORS as error:
        field, reason = _field_and_reason(error)
        raise BadFact(name, field, reason) from error


def _lifted(kind: str, plain: dict[str, Any]) -> dict[str, Any]:
    """Plain values of an older version, converted to the current one; others unchanged."""
    version, today = plain.get("version"), _VERSIONS[kind]
    if type(version) is not int or not 0 < version < today:
        return plain
    try:
        return lift(kind, version, plain, to=today)
    except (LookupError, AttributeError) as error:
        raise ValueError(f"no {kind} of version {version}") from error


def encode_meta(meta: dict[str, Any]) -> bytes:
    """Encode the meta of an append. Raises BadFact for a value that MessagePack can't hold."""
    try:
        return _encoder.encode(meta)
    except _ENCODE_ERRORS as error:
        raise BadFact("meta", "", str(error)) from error


def decode_meta(meta: bytes | None) -> dict[str, Any]:
    """Decode the meta of an append, with entries that this program does not know; None is {}.

    Raises ValueError if the bytes are not a map.
    """
    if meta is None:
        return {}
    try:
        return _plain.decode(meta)
    except _DECODE_ERRORS as error:
        raise ValueError(f"the meta is not a MessagePack map: {error}") from error


def clock_of(meta: dict[str, Any]) -> tuple[bytes, int] | None:
    """The boot id, and the time since that boot in nanoseconds; None if a meta lacks them."""
    boot, clock_ns = meta.get("boot"), meta.get("clock_ns")
    return (boot, clock_ns) if isinstance(boot, bytes) and isinstance(clock_ns, int) else None


def decode_author(meta: bytes | None) -> Author | None:
    """Who made the append with this meta; None in old records and where it can't be decoded."""
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
        raise BadBody(
            position, kind, f"the bytes are not of kind {kind}, {_shown(version)}"
        ) from error
    if lifted is None:
        raise UnknownKind(position, kind, f"this program does not know {_shown(version)} of {kind}")
    # To the one type: msgspec would analyse a union again at each call.
    return cast("Fact", msgspec.convert(lifted, _TYPES[kind]))


def _shown(version: object) -> str:
    # A damaged column may hold a name instead.
    return f"version {version}" if isinstance(version, int) else "a version that is not a number"


def _bad_fact(kind: str, fact: Fact, error: Exception) -> BadFact:
    field, reason = _field_and_reason(error)
    if not field:  # the encoder does not name the field: encode each one
        for name in fact.__struct_fields__:
            try:
                _encoder.encode(getattr(fact, name))
            except _ENCODE_ERRORS as inner:
                return BadFact(kind, name, _field_and_reason(inner)[1])
    return BadFact(kind, field, reason)


def _other(given: msgspec.Struct, read: msgspec.Struct) -> str:
    """The path of the first field that decoded to another value; "" if none did."""
    for name in given.__struct_fields__:
        one, other = getattr(given, name), getattr(read, name)
        if isinstance(one, msgspec.Struct) and type(one) is type(other):
            if inner := _other(one, other):
                return f"{name}.{inner}"
        elif isinstance(one, datetime) and isinstance(other, datetime):
            # A time that occurs twice in its zone, or never, equals no time of another zone. A zone
            # without an offset for a time makes it naive.
            if one.utcoffset() is None or one.astimezone(UTC) != other:
                return name
        elif one != other:
            return name
    return ""


def split_error(error: Exception) -> tuple[str, str]:
    """Split an error of msgspec into its field, "" if it names none, and the rest of its message.

    The message may repeat the value, which may be a name.
    """
    text = str(error)
    match = _PATH.search(text)
    return (match[1], text[: match.start()]) if match else ("", text)


def _field_and_reason(error: Exception) -> tuple[str, str]:
    """The field that an error names, "" if none, and its reason without the value."""
    if isinstance(error, UnicodeError):
        return "", "contains a lone surrogate, which UTF-8 can't hold"
    if isinstance(error, OverflowError):
        return "", "an integer past 64 bits, or a date out of range"
    if isinstance(error, RecursionError):
        return "", "is nested too deeply"
    field, reason = split_error(error)
    reason = _REPEATS.sub(r"\1", reason)
    return field[:_REASON_LENGTH_MAX], reason[:_REASON_LENGTH_MAX]
