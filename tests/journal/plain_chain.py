"""The chain a second time: digest, hash and genesis in plain words.

Written from `docs/format.md` alone, slow and without a line of `eventlog/chain.py`, so that a
slip there can't hide in the tests that hold it.
"""

from __future__ import annotations

from hashlib import sha256

from eventlog.record import StoredRecord


def integer(number: int) -> bytes:
    """An integer: 8 bytes, the most significant first, signed."""
    return number.to_bytes(8, "big", signed=True)


def blob(data: bytes) -> bytes:
    """A blob, or text in UTF-8: 4 bytes of length, and the bytes."""
    return len(data).to_bytes(4, "big", signed=False) + data


def plain_preimage(row: StoredRecord) -> bytes:
    """The preimage of a row's digest, as docs/format.md describes it."""
    out = b"eventlog/record/1" + b"\x00"
    out += integer(row.position)
    out += b"\x00" if row.event_id is None else b"\x01" + integer(row.event_id)
    out += blob(row.kind.encode("utf-8"))
    out += integer(row.version)
    out += integer(row.format)
    out += integer(row.appended_at)
    out += integer(row.append_index)
    out += integer(row.append_size)
    out += b"\x00" if row.key is None else b"\x01" + blob(row.key.encode("utf-8"))
    out += b"\x00" if row.meta is None else b"\x01" + blob(row.meta)
    out += blob(row.body)
    return out


def plain_hash(previous: bytes, digest: bytes) -> bytes:
    """The hash of a row, as docs/format.md describes it."""
    return sha256(b"eventlog/chain/1" + b"\x00" + previous + digest).digest()


def plain_genesis(log_id: bytes) -> bytes:
    """The hash before position 1, as docs/format.md describes it."""
    return sha256(b"eventlog/log/1" + b"\x00" + log_id).digest()


def plain_digest(row: StoredRecord) -> bytes:
    """The digest of a row, as docs/format.md describes it."""
    return sha256(plain_preimage(row)).digest()
