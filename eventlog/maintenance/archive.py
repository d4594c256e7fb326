"""Exports a log as lines of JSON, and imports them into a new log.

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
from typing import Protocol

from msgspec import UNSET

from eventlog.errors import BadArgument, BadPayload, BadRecord, JournalHole
from eventlog.evidence import tree_secret
from eventlog.followers.opening import Opening
from eventlog.journal import chain, sealing
from eventlog.journal import table as journal
from eventlog.journal.head_file import HeadMark, mark_of
from eventlog.journal.progress import Progress, tell
from eventlog.maintenance import archive_lines as form
from eventlog.maintenance.journal_swap import require_empty, take_over
from eventlog.maintenance.new_log import copy_guarded, new_log, publish, spare_file
from eventlog.record import Head, Position, StoredRecord
from eventlog.storage.connections import USER_VERSION
from eventlog.storage.error_translation import translated
from eventlog.storage.paths import beside
from eventlog.storage.read_only import opened


class Sink(Protocol):
    """Where an export goes: a binary file, or what writes like one."""

    def write(self, data: bytes, /) -> object:
        """Take bytes."""


# ── out ────────────────────────────────────────────────────────────────────────────────────


def export(
    db_path: Path,
    out: Sink,
    *,
    after: int = 0,
    until: int | None = None,
    progress: Progress | None = None,
    names: Opening | None = None,
) -> Head:
    """Write records as lines.

    Args:
        db_path: The log.
        out: Where the lines go.
        after: Only the records after this position; 0 is all.
        until: Only the records up to this position; None is the journal's end. An append that it
            cuts is written in full.
        progress: Called with the position reached and the last one; None for no calls.
        names: Opens sealed names in the facts, which are for people; None leaves them sealed.

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
        secret, sealed = tree_secret.read(connection), sealing.read(connection)
        header = form.Header(
            log_id=journal.log_id(connection),
            after=after,
            until=end,
            hash=last.hash,
            tree=UNSET if secret is None else secret,
            sealed_since=UNSET if sealed is None else sealed.since,
            seals_id=UNSET if sealed is None else sealed.seals_id,
        )
        out.write(form.ENCODER.encode(header) + b"\n")
        if names is not None:
            names.refresh(connection)
        for row in _checked(connection, start, end, progress):
            out.write(form.ENCODER.encode(form.line_of(row, names)) + b"\n")
    return last


# ── in ─────────────────────────────────────────────────────────────────────────────────────


def import_archive(
    lines: Iterable[bytes | str], db_path: Path, *, progress: Progress | None = None
) -> Head:
    """Restore a log from an archive's lines, all or nothing.

    Args:
        lines: What an export wrote; `archive_lines.lines_of` reads a file in bounded memory.
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


def _restore(lines: Iterable[bytes | str], spare: Path, progress: Progress | None) -> HeadMark:
    numbered = enumerate(lines, start=1)
    first = next(numbered, None)
    if first is None:
        raise BadPayload(form.SOURCE, "it is empty")
    form.require_text(first[1])
    header = form.decode(form.HEADER_DECODER, *first)
    if header.format != chain.FORMAT or header.schema > USER_VERSION:
        raise form.bad_line(1, "it was written by a newer program")
    if header.after != 0:
        raise form.bad_line(
            1,
            f"it begins after {header.after}; only an export of all records can be imported",
        )
    head = Head(Position(0), chain.genesis(header.log_id))
    number = 1
    with translated(spare), new_log(spare, header.log_id) as connection:
        if header.tree is not UNSET:
            tree_secret.put(connection, header.tree)
        if header.sealed_since is not UNSET and header.seals_id is not UNSET:
            sealing.make_table(connection)
            sealing.begin(connection, header.sealed_since, header.seals_id)
        for number, text in numbered:
            row = form.row_of(number, form.decode(form.LINE_DECODER, number, text), head)
            try:
                journal.insert(connection, [row])
            except sqlite3.IntegrityError as error:
                raise form.bad_line(number, error) from error
            head = Head(Position(row.position), row.hash)
            tell(progress, row.position, header.until)
        if (head.position, head.hash) != (header.until, header.hash):
            raise form.bad_line(number, f"it ends at record {head.position} of {header.until}")
        return mark_of(connection)


# ── a log's beginning ──────────────────────────────────────────────────────────────────────


def copy_until(
    db_path: Path, target: Path, position: int, *, progress: Progress | None = None
) -> Head:
    """Copy a log up to a position into a new file, without views.

    Args:
        db_path: The log.
        target: The new file.
        position: The last record to copy. An append that it cuts is copied in full, as no caller
            has ever seen a part of it.
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
        with translated(target), new_log(spare, log_id) as connection:
            copy_guarded(source, connection)
            for row in _checked(source, start, end, progress):
                journal.insert(connection, [row])
            mark = mark_of(connection)
        publish(spare, target)
    return Head(Position(mark.position), mark.hash)


def _checked(
    connection: sqlite3.Connection, after: Head, until: int, progress: Progress | None
) -> Iterator[StoredRecord]:
    """Rows after a head up to a position, each compared with the one before."""
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
