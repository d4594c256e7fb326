"""Computes the digest of a record, and its hash, which covers the hash before it.

The preimage has a fixed binary layout and is made of the stored columns. Nothing is encoded again,
so a later encoder can't break an old hash. There are two stages: the digest proves one record by
itself, the chain proves its place. `docs/format.md` gives the layout byte by byte.

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
    """The hash before position 1, of a log whose id is 16 bytes."""
    return sha256(_LOG + log_id).digest()


def digest(record: tuple[Any, ...]) -> bytes:
    """The digest of one record: a StoredRecord, or its columns but for the hash.

    Raises ValueError if a column holds what no journal can: a number past 64 bits, or text
    that UTF-8 can't hold. UnicodeError is a ValueError.
    """
    try:
        return _digest(record[:11])
    except struct_error as error:
        raise ValueError(f"a column is out of its range: {error}") from error


def link(previous: bytes, digest: bytes) -> bytes:
    """The hash of a record whose predecessor's hash is `previous`."""
    return sha256(_CHAIN + previous + digest).digest()


def seal(previous: bytes, columns: tuple[Any, ...]) -> bytes:
    """The hash of a new record: `link` of the `digest` of its columns, which have no hash yet.

    Raises ValueError if `digest` does.
    """
    try:
        return sha256(_CHAIN + previous + _digest(columns)).digest()
    except struct_error as error:
        raise ValueError(f"a column is out of its range: {error}") from error


def _digest(columns: tuple[Any, ...]) -> bytes:
    position, event_id, kind, version, fmt, appended_at, index, size, key, meta, body = columns
    with_event, plain = event_id is not None, key is None and meta is None
    pack, name = _packer(kind, with_event, plain)
    rest = (name, version, fmt, appended_at, index, size, len(body))
    if with_event:
        head = pack(_RECORD, position, 1, event_id, *rest)
    else:
        head = pack(_RECORD, position, 0, *rest)
    if not plain:
        optional = _optional(None if key is None else key.encode()) + _optional(meta)
        head = head[:-4] + optional + head[-4:]
    return sha256(head + body).digest()


def _optional(blob: bytes | None) -> bytes:
    return _ABSENT if blob is None else _PRESENT + len(blob).to_bytes(4) + blob


@lru_cache(maxsize=256)
def _packer(
    kind: str,
    with_event: bool,  # noqa: FBT001 - called for every record; keywords cost more than the packing
    plain: bool,  # noqa: FBT001 - likewise
) -> tuple[Callable[..., bytes], bytes]:
    """The packer of the fixed part of a kind's records, and the kind's bytes in it.

    Packs the domain, position, presence, [event_id,] the kind, version, format, appended_at, index,
    size, where the record is `plain` the absences of key and meta, and the body's length.
    """
    text = kind.encode()
    name = len(text).to_bytes(4) + text
    event_id, absences = "q" if with_event else "", "2x" if plain else ""
    layout = f">{len(_RECORD)}sqB{event_id}{len(name)}sqqqqq{absences}I"
    return Struct(layout).pack, name
