"""Reads what a document or line says about its message: topic, time, the broker's flags.

A document may be bare, or in the envelope of `mosquitto_sub -F %j`; a line may lead with its topic,
as `mosquitto_sub -v` writes it, and with a time before that. Knows nothing of where one ends and
the next begins.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Final

from eventlog.errors import BadPayload
from eventlog.sources.adapter import Message, mqtt_message
from eventlog.sources.items import Refused
from eventlog.sources.messages import UnixSeconds, moment, parse, plain_value, shape

_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d[T ]?\d\d:\d\d:\d\d\S*|\d{9,10}(?:\.\d+)?")


def document(source: str, text: bytes, place: str, *, live: bool) -> Message:
    """A JSON document as a message: bare, or in the envelope that names its topic.

    That is {"topic": …, "payload": …}, with the time, the retained mark and the payload as text
    that `mosquitto_sub -F %j` writes. It writes the bytes of a picture as they are, so that the
    line is not UTF-8: each is a character then.

    Args:
        source: the adapter's name, for errors.
        text: the document.
        place: where it is in its file.
        live: whether it arrives now.

    Raises:
        BadPayload: for what is not JSON, and for a topic that is not text.
    """
    encoding = "utf-8"
    try:
        value = parse(source, text)
    except BadPayload:
        value = _of_bytes(source, text)
        encoding = "latin-1"
    if not isinstance(value, dict) or "topic" not in value or "payload" not in value:
        return Message(value, None, text, _now(live=live), live, place=place)
    topic, payload = value["topic"], value["payload"]
    if not isinstance(topic, str):
        raise BadPayload(source, "topic: is not text")
    stamp = value.get("tst", value.get("timestamp"))
    received_at = _time(source, str(stamp)) if stamp is not None else None
    raw = payload.encode(encoding, "replace") if isinstance(payload, str) else None
    return Message(
        plain_value(raw) if raw is not None else payload,
        topic,
        raw,
        _now(live=live) if received_at is None else received_at,
        live and received_at is None,
        bool(value.get("retain", value.get("retained"))),
        bool(value.get("dup")),
        place,
    )


def topic_line(source: str, text: bytes, place: str, *, live: bool) -> Message | Refused:
    """A line of `mosquitto_sub -v`: perhaps a time, then the topic and the payload."""
    refused = Refused(place, "is neither a JSON object or list nor a topic with a payload")
    received_at = None
    first, _, rest = text.partition(b" ")
    stamp = first.decode(errors="replace")
    if _ISO.fullmatch(stamp) and rest:
        try:
            received_at, text = _time(source, stamp), rest
        except BadPayload:
            return refused
    topic, payload = _topic_and_payload(text)
    if topic is None:
        return refused
    recorded = received_at is not None
    return mqtt_message(
        topic,
        payload,
        received_at=received_at if recorded else _now(live=live),
        live=live and not recorded,
        place=place,
    )


def _of_bytes(source: str, text: bytes) -> object:
    """An envelope whose payload is bytes. Raises BadPayload for other text that is not UTF-8."""
    try:
        text.decode()
    except UnicodeDecodeError:
        value = parse(source, text.decode("latin-1"))
        if isinstance(value, dict) and "topic" in value and "payload" in value:
            return value
    return parse(source, text)


def _topic_and_payload(text: bytes) -> tuple[str | None, bytes]:
    """Topics may hold blanks: a JSON payload begins at its bracket, any other at the last blank."""
    for mark in (b" {", b" ["):
        cut = text.find(mark)
        if cut > 0:
            return _topic(text[:cut]), text[cut + 1 :]
    topic, _, payload = text.rpartition(b" ")
    return (_topic(topic), payload) if topic else (_topic(text), b"")


def _topic(text: bytes) -> str | None:
    try:
        topic = text.decode()
    except UnicodeDecodeError:
        return None
    return topic if "/" in topic else None


def _time(source: str, stamp: str) -> datetime:
    """A time as mosquitto_sub writes it: ISO 8601 with a zone, or unix seconds."""
    try:
        seconds: float = shape(source, float(stamp), UnixSeconds)
    except ValueError:
        pass
    else:
        return moment(seconds)
    try:
        # Some versions write a Z in front of the offset.
        time = datetime.fromisoformat(re.sub(r"Z(?=[+-]\d)", "", stamp))
        return time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise BadPayload(source, "tst: is not a time") from error


def _now(*, live: bool) -> datetime | None:
    return datetime.now(UTC) if live else None
