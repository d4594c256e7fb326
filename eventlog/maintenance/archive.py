"""A log as lines of JSON, and back: an export can be read by people, an import is a restore.

The first line is a header: the log's id, the range of positions, and the last hash. Then comes a
line for each record: every column, blobs in base64, and the decoded fact, which is for people and
is ignored by an import. An import gives the same positions, ids and hashes, checks each of them,
and is complete or not there at all.

Memory use stays flat: both ways go record by record.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final, Literal, Protocol, TypeAlias, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from eventlog import codecs
from eventlog.errors import BadArgument, BadPayload, BadRecord, JournalHole
from eventlog.evidence import tree_secret
from eventlog.journal import chain
from eventlog.journal import table as journal
from eventlog.journal.head_file import HeadMark, mark_of
from eventlog.journal.progress import Progress, tell
from eventlog.maintenance.journal_swap import require_empty, take_over
from eventlog.maintenance.new_log import new_log, publish, spare_file
from eventlog.record import Head, Position, StoredRecord
from eventlog.storage.connections import USER_VERSION
from eventlog.storage.error_translation import translated
from eventlog.storage.paths import beside
from eventlog.storage.read_only import opened

T = TypeVar("T")

_SOURCE: Final = "archive"
# No record has a limit of its own; a line of this length is none of a door.
LINE_MAX_BYTES: Final = 64 * 2**20
# What other files begin with, and what to do with them.
_OTHER_FILES: Final = {
    b"SQLite format 3\0": "it is a database and not an export: name it by --db to use it, copy it"
    " by `eventlog backup`, or `eventlog salvage` it where it is damaged",
    b"\x1f\x8b": "it is compressed by gzip: zcat FILE | eventlog import -",
    b"\x28\xb5\x2f\xfd": "it is compressed by zstd: zstdcat FILE | eventlog import -",
    b"\xfd7zXZ\0": "it is compressed by xz: xzcat FILE | eventlog import -",
}

_Int64: TypeAlias = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_Positive: TypeAlias = Annotated[int, Meta(gt=0, le=2**63 - 1)]
_NotNegative: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
_Hash: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]


class Header(Struct, frozen=True, kw_only=True):
    """An archive's first line. `hash` is that of the record at `until`, the last one.

    `tree` is the secret of the log's tree, without which no proof of it can be made again; it is
    there where heads of the log were signed.
    """

    archive: Literal["eventlog/1"] = "eventlog/1"
    log_id: Annotated[bytes, Meta(min_length=16, max_length=16)]
    format: int = chain.FORMAT
    schema: int = USER_VERSION
    after: _NotNegative = 0
    until: _NotNegative
    hash: _Hash
    tree: _Hash | UnsetType = UNSET


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


class Sink(Protocol):
    """Where an export goes: a binary file, or what writes like one."""

    def write(self, data: bytes, /) -> object:
        """Take bytes."""


_encoder: Final = msgspec.json.Encoder()
_header_decoder: Final[msgspec.json.Decoder[Header]] = msgspec.json.Decoder(Header)
_line_decoder: Final[msgspec.json.Decoder[Line]] = msgspec.json.Decoder(Line)

# ── out ────────────────────────────────────────────────────────────────────────────────────


def export(
    db_path: Path,
    out: Sink,
    *,
    after: int = 0,
    until: int | None = None,
    progress: Progress | None = None,
) -> Head:
    """Write records as lines.

    Args:
        db_path: The log.
        out: Where the lines go.
        after: Only the records after this position; 0 is all.
        until: Only the records up to this position; None is the journal's end. An append that it
            cuts is written in full.
        progress: Called with the position reached and the last one; None for no calls.

    Returns:
        The last record that was written.

    Raises:
        BadArgument: The journal has no such position.
        BadRecord, JournalHole: The journal is damaged; `salvage` copies what can be read of it.
    """
    with opened(db_path) as log, translated(db_path):
        connection = log.connection
        end = _end(connection, until)
        if not 0 <= after <= end:
            raise BadArgument(f"there is nothing after {after}: the last record is {end}")
        last = Head(Position(end), _hash_at(connection, end))
        start = Head(Position(after), _hash_at(connection, after))
        secret = tree_secret.read(connection)
        header = Header(
            log_id=journal.log_id(connection),
            after=after,
            until=end,
            hash=last.hash,
            tree=UNSET if secret is None else secret,
        )
        out.write(_encoder.encode(header) + b"\n")
        for row in _checked(connection, start, end, progress):
            out.write(_encoder.encode(_line(row)) + b"\n")
    return last


def _line(row: StoredRecord) -> Line:
    columns = row._asdict()
    try:
        fact = codecs.decode(row.kind, row.version, row.body, position=row.position)
    except BadRecord as error:
        return Line(**columns, error=str(error))
    return Line(**columns, fact=codecs.to_builtins(fact))


# ── in ─────────────────────────────────────────────────────────────────────────────────────


def import_archive(
    lines: Iterable[bytes | str], db_path: Path, *, progress: Progress | None = None
) -> Head:
    """Restore a log from an archive's lines, all or nothing.

    Args:
        lines: What an export wrote; `lines_of` reads them from a file in bounded memory.
        db_path: A new file, or a log without records.
        progress: Called with the position reached and the last one; None for no calls.

    Returns:
        The last record.

    Raises:
        BadPayload: A line is not what an export writes; its number is named.
        BadArgument: The log has records.
        ForeignDatabase: The file is not a log.
        DatabaseError: The log stays as it was.
    """
    if not db_path.exists():
        with spare_file(db_path) as spare:
            mark = _restore(lines, spare, progress)
            publish(spare, db_path)
    else:
        with opened(db_path) as log, translated(db_path):
            require_empty(log.connection, db_path)
        with spare_file(beside(db_path, ".import")) as spare:
            _restore(lines, spare, progress)
            mark = take_over(db_path, spare)
    return Head(Position(mark.position), mark.hash)


def lines_of(stream: BinaryIO) -> Iterator[bytes]:
    """The lines of an archive, in bounded memory.

    Raises BadPayload for a line that is longer than any that an export writes: /dev/zero, or a
    file of another kind, has one without end.
    """
    number = 0
    while line := stream.readline(LINE_MAX_BYTES):
        number += 1
        if len(line) == LINE_MAX_BYTES and not line.endswith(b"\n"):
            raise _bad(number, f"it is longer than {LINE_MAX_BYTES // 2**20} MiB")
        yield line


def _require_text(first: bytes | str) -> None:
    """Raise BadPayload, with what helps, where the first line is the start of another file."""
    for start, what in _OTHER_FILES.items():
        if isinstance(first, bytes) and first.startswith(start):
            raise BadPayload(_SOURCE, what)


def _restore(lines: Iterable[bytes | str], spare: Path, progress: Progress | None) -> HeadMark:
    numbered = enumerate(lines, start=1)
    first = next(numbered, None)
    if first is None:
        raise BadPayload(_SOURCE, "it is empty")
    _require_text(first[1])
    header = _decode(_header_decoder, *first)
    if header.format != chain.FORMAT or header.schema > USER_VERSION:
        raise _bad(1, "it was written by a newer program")
    if header.after != 0:
        raise _bad(
            1,
            f"it begins after {header.after}; only an export of all records can be imported",
        )
    head = Head(Position(0), chain.genesis(header.log_id))
    number = 1
    with translated(spare), new_log(spare, header.log_id) as connection:
        if header.tree is not UNSET:
            tree_secret.put(connection, header.tree)
        for number, text in numbered:
            row = _row(number, _decode(_line_decoder, number, text), head)
            try:
                journal.insert(connection, [row])
            except sqlite3.IntegrityError as error:
                raise _bad(number, error) from error
            head = Head(Position(row.position), row.hash)
            tell(progress, row.position, header.until)
        if (head.position, head.hash) != (header.until, header.hash):
            raise _bad(number, f"it ends at record {head.position} of {header.until}")
        return mark_of(connection)


def _decode(decoder: msgspec.json.Decoder[T], number: int, text: bytes | str) -> T:
    try:
        return decoder.decode(text)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise _bad(number, error) from error


def _bad(number: int, what: object) -> BadPayload:
    return BadPayload(_SOURCE, f"line {number}: {what}")


def _row(number: int, line: Line, after: Head) -> StoredRecord:
    row = StoredRecord._make(getattr(line, column) for column in StoredRecord._fields)
    if row.position != after.position + 1:
        raise _bad(number, f"record {row.position} follows record {after.position}")
    try:
        digest = chain.digest(row)
    except ValueError as error:
        raise _bad(number, error) from error
    if chain.link(after.hash, digest) != row.hash:
        raise _bad(number, f"the hash of record {row.position} does not follow")
    return row


# ── a log's beginning ──────────────────────────────────────────────────────────────────────


def copy_until(
    db_path: Path, target: Path, position: int, *, progress: Progress | None = None
) -> Head:
    """Copy a log up to a position into a new file, without views.

    Args:
        db_path: The log.
        target: The new file.
        position: The last record to copy. An append that it cuts is copied in full, as nobody has
            ever seen a part of it.
        progress: Called with the position reached and the last one; None for no calls.

    Returns:
        The copy's head.

    Raises:
        BadArgument: The target exists, or the journal has no such position.
        BadRecord, JournalHole: The journal is damaged.
    """
    with opened(db_path) as log, spare_file(target) as spare, translated(db_path):
        source = log.connection
        end = _end(source, position)
        log_id = journal.log_id(source)
        start = Head(Position(0), chain.genesis(log_id))
        secret = tree_secret.read(source)
        with translated(target), new_log(spare, log_id) as connection:
            if secret is not None:
                tree_secret.put(connection, secret)
            for row in _checked(source, start, end, progress):
                journal.insert(connection, [row])
            mark = mark_of(connection)
        publish(spare, target)
    return Head(Position(mark.position), mark.hash)


def _checked(
    connection: sqlite3.Connection, after: Head, until: int, progress: Progress | None
) -> Iterator[StoredRecord]:
    """Rows after a head up to a position, each held against the one before."""
    position, previous = after.position, after.hash
    for row in journal.read_all(connection, after=position):
        if row.position > until:
            break
        if row.position != position + 1:
            raise JournalHole(position + 1, row.position)
        if chain.link(previous, chain.digest(row)) != row.hash:
            raise BadRecord(
                row.position,
                row.kind,
                "its hash does not follow: run `eventlog verify`, then `eventlog salvage`",
            )
        yield row
        position, previous = Position(row.position), row.hash
        tell(progress, position, until)
    if position != until:
        raise JournalHole(position + 1, until)


def _end(connection: sqlite3.Connection, until: int | None) -> int:
    """The last position of the append that holds `until`, or of the journal."""
    end = journal.last_position(connection)
    if until is None:
        return end
    if not 0 <= until <= end:
        raise BadArgument(f"there is no position {until}: the journal ends at {end}")
    row = journal.read_one(connection, until)
    return until if row is None else min(end, until + row.append_size - row.append_index - 1)


def _hash_at(connection: sqlite3.Connection, position: int) -> bytes:
    if position == 0:
        return chain.genesis(journal.log_id(connection))
    row = journal.read_one(connection, position)
    if row is None:
        raise BadArgument(f"there is no record {position}")
    return row.hash
