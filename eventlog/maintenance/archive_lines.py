"""The lines of an archive: reads and checks a header and one line for each record.

Knows the form of the lines. Knows no database, and no file.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, BinaryIO, Final, Literal, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from eventlog import codecs
from eventlog.errors import BadPayload, BadRecord
from eventlog.followers.opening import Opening
from eventlog.journal import chain
from eventlog.record import ID_MAX, Head, StoredRecord
from eventlog.storage.connections import USER_VERSION

T = TypeVar("T")

SOURCE: Final = "archive"
# A record has no limit, but no record of a door makes a line of this length.
LINE_MAX_BYTES: Final = 64 * 2**20
# What other files begin with, and what to do with them.
_OTHER_FILES: Final = {
    b"SQLite format 3\0": "it is a database and not an export: name it by --db to use it, copy it"
    " by `eventlog backup`, or `eventlog salvage` it where it is damaged",
    b"\x1f\x8b": "it is compressed by gzip: zcat FILE | eventlog import -",
    b"\x28\xb5\x2f\xfd": "it is compressed by zstd: zstdcat FILE | eventlog import -",
    b"\xfd7zXZ\0": "it is compressed by xz: xzcat FILE | eventlog import -",
}

_Int64: TypeAlias = Annotated[int, Meta(ge=-ID_MAX - 1, le=ID_MAX)]
_Positive: TypeAlias = Annotated[int, Meta(gt=0, le=ID_MAX)]
_NotNegative: TypeAlias = Annotated[int, Meta(ge=0, le=ID_MAX)]
_Hash: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]


class Header(Struct, frozen=True, kw_only=True):
    """An archive's first line. `hash` is that of the record at `until`, the last one.

    `tree` is the secret of the log's tree, without which no proof of it can be made again; it is
    there where heads of the log were signed. `sealed_since` and `seals_id` are there where names
    are sealed: since which position, and the id of the file that opens them.
    """

    archive: Literal["eventlog/1"] = "eventlog/1"
    log_id: Annotated[bytes, Meta(min_length=16, max_length=16)]
    format: int = chain.FORMAT
    schema: int = USER_VERSION
    after: _NotNegative = 0
    until: _NotNegative
    hash: _Hash
    tree: _Hash | UnsetType = UNSET
    sealed_since: _Positive | UnsetType = UNSET
    seals_id: Annotated[bytes, Meta(min_length=16, max_length=16)] | UnsetType = UNSET


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A record's line. `error` replaces `fact` where the body can't be decoded."""

    position: _Positive
    event_id: _Positive | None
    kind: str
    version: _Positive
    format: Literal[1]
    appended_at: _Int64
    append_index: _NotNegative
    append_size: _Positive
    key: str | None
    meta: bytes | None
    body: bytes
    hash: _Hash
    fact: Any = None
    error: str | None = None


ENCODER: Final = msgspec.json.Encoder()
HEADER_DECODER: Final[msgspec.json.Decoder[Header]] = msgspec.json.Decoder(Header)
LINE_DECODER: Final[msgspec.json.Decoder[Line]] = msgspec.json.Decoder(Line)


def line_of(row: StoredRecord, names: Opening | None = None) -> Line:
    """The line of a record, with its fact or the reason why it can't be decoded.

    `names` opens sealed names in the fact; None shows the seals.
    """
    columns = row._asdict()
    try:
        fact = codecs.decode(row.kind, row.version, row.body, position=row.position)
    except BadRecord as error:
        return Line(**columns, error=str(error))
    if names is not None:
        fact = names.open(codecs.decode_record(row)).fact
    return Line(**columns, fact=codecs.to_builtins(fact))


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of an archive, in bounded memory.

    Raises BadPayload for a line that is longer than any that an export writes: /dev/zero, or a
    file of another kind, has one without end.
    """
    number = 0
    while line := stream.readline(LINE_MAX_BYTES):
        number += 1
        if len(line) == LINE_MAX_BYTES and not line.endswith(b"\n"):
            raise bad_line(number, f"it is longer than {LINE_MAX_BYTES // 2**20} MiB")
        yield line


def require_text(first: bytes | str) -> None:
    """Raise BadPayload, with what helps, where the first line is the start of another file."""
    for start, what in _OTHER_FILES.items():
        if isinstance(first, bytes) and first.startswith(start):
            raise BadPayload(SOURCE, what)


def decode(decoder: msgspec.json.Decoder[T], number: int, text: bytes | str) -> T:
    """Decode a line. Raises BadPayload with its number."""
    try:
        return decoder.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise bad_line(number, error) from error


def bad_line(number: int, what: object) -> BadPayload:
    """The error for what is wrong with a line."""
    return BadPayload(SOURCE, f"line {number}: {what}")


def row_of(number: int, line: Line, after: Head) -> StoredRecord:
    """The record of a line, checked against the head before it. Raises BadPayload."""
    row = StoredRecord._make(getattr(line, column) for column in StoredRecord._fields)
    if row.position != after.position + 1:
        raise bad_line(number, f"record {row.position} follows record {after.position}")
    try:
        digest = chain.digest(row)
    except ValueError as error:
        raise bad_line(number, error) from error
    if chain.link(after.hash, digest) != row.hash:
        raise bad_line(number, f"the hash of record {row.position} does not follow")
    return row
