"""What a push message holds: a title, a text, a tag and an event, as JSON of 3,993 bytes at most.

The event is a number, from which the page's service worker makes an address of its own: a message
can lead to no other site. There is no picture in it. Pure.
"""

from __future__ import annotations

import unicodedata
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from typing import Final

import msgspec

from eventlog.reactors.alerts.wording import Message

PAYLOAD_MAX: Final = 3_993  # bytes, so that the encrypted record has 4,096
SHORT_MAX: Final = 1_000  # for a push service that finds the first one too large
TITLE_MAX: Final = 160  # characters
KEPT_S: Final = 24 * 3600  # how long a push service keeps it for a device that is off
TOPIC_SIZE: Final = 32  # characters, by RFC 8030
_CUT: Final = "…"
_JOINER: Final = "\u200d"


def payload(message: Message, limit: int = PAYLOAD_MAX) -> bytes:
    """The JSON of a message, its texts cut to fit into so many bytes: the body, then the title."""
    title = cut(message.title, TITLE_MAX)
    body = _fitted(message.body, lambda text: len(_encoded(message, title, text)) <= limit)
    if not body:
        title = _fitted(title, lambda text: len(_encoded(message, text, "")) <= limit)
    return _encoded(message, title, body)


def _fitted(text: str, fits: Callable[[str], bool]) -> str:
    """A text as long as it fits, "" if nothing of it does."""
    if fits(text):
        return text
    fitting, too_long = 0, len(text)
    while too_long - fitting > 1:
        middle = (fitting + too_long) // 2
        if fits(cut(text, middle)):
            fitting = middle
        else:
            too_long = middle
    return cut(text, fitting)


def headers(message: Message) -> dict[str, str]:
    """The headers TTL, Urgency and Topic: a revision replaces what was not delivered yet."""
    digest = sha256(message.id.encode()).digest()
    return {
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
        "ttl": str(KEPT_S),
        "urgency": "normal" if message.at is None else "high",  # a digest can wait
        "topic": urlsafe_b64encode(digest)[:TOPIC_SIZE].decode(),
    }


def cut(text: str, length: int) -> str:
    """A text of so many characters at most, not cut within what is shown as one."""
    if len(text) <= length:
        return text
    end = max(0, length - 1)
    while end and (_joins(text[end]) or text[end - 1] == _JOINER):
        end -= 1
    return text[:end].rstrip().rstrip(_JOINER) + _CUT if length else ""


def _joins(char: str) -> bool:
    """Whether a character changes the one before it."""
    return unicodedata.category(char).startswith("M") or char == _JOINER


def _encoded(message: Message, title: str, body: str) -> bytes:
    content = {"title": title, "body": body, "tag": message.id, "event": message.event_id}
    return msgspec.json.encode(content)
