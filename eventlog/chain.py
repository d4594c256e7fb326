"""Digests, and each record's hash over the one before it.

The preimage is fixed binary and made of the stored columns, never of anything re-encoded, so
that no encoder of the future can break a hash of the past. Two stages: a digest proves one
record by itself, the chain proves its place. `docs/format.md` gives the layout byte by byte.

Knows bytes and numbers only.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from struct import Struct
from struct import error as struct_error
from typing import Any, Final

FORMAT: Final = 1

_RECORD: Final = b"eventlog/record/1\0"
_CHAIN: Final = b"eventlog/chain/1\0"
_LOG: Final = b"eventlog/log/1\0"

_ABSENT: Final = b"\0"
_PRESENT: Final = b"\1"


def genesis(log_id: bytes) -> bytes:
    """What stands before position 1: the first hash of a log whose id is 16 bytes."""
    return sha256(_LOG + log_id).digest()


def digest(record: tuple[Any, ...]) -> bytes:
    """The digest of one record: a StoredRecord, or its columns but for the hash.

    Raises ValueError where a column holds what no journal can: a number past 64 bits, or text
    that UTF-8 can't hold. UnicodeError is a ValueError.
    """
    try:
        return _digest(record)
    except struct_error as error:
        raise ValueError(f"a column is out of its range: {error}") from error


def link(previous: bytes, digest: bytes) -> bytes:
    """The hash of a record whose predecessor's hash is `previous`."""
    return sha256(_CHAIN + previous + digest).digest()


def _digest(record: tuple[Any, ...]) -> bytes:
    position, event_id, kind, version, fmt, appended_at, index, size, key, meta, body, *_ = record
    if event_id is None:
        pack, name = _packer(kind, with_event=False)
        head = pack(position, 0, name, version, fmt, appended_at, index, size)
    else:
        pack, name = _packer(kind, with_event=True)
        head = pack(position, 1, event_id, name, version, fmt, appended_at, index, size)
    if key is None and meta is None:
        tail = b"\0\0"
    else:
        tail = _optional(None if key is None else key.encode()) + _optional(meta)
    return sha256(_RECORD + head + tail + len(body).to_bytes(4) + body).digest()


def _optional(blob: bytes | None) -> bytes:
    return _ABSENT if blob is None else _PRESENT + len(blob).to_bytes(4) + blob


@lru_cache(maxsize=256)
def _packer(kind: str, *, with_event: bool) -> tuple[Callable[..., bytes], bytes]:
    """What packs the fixed part of a kind's records, and the kind as it stands in there.

    Packs position, presence, [event_id,] the kind, version, format, appended_at, index, size.
    """
    text = kind.encode()
    name = len(text).to_bytes(4) + text
    return Struct(f">qB{'q' if with_event else ''}{len(name)}sqqqqq").pack, name
