r"""The head file next to the database, which stores where the journal ended.

A cut tail, or one flipped bit in the WAL, leaves a shorter journal that looks complete. So after
each commit, inside the writer's lock, the head is written to `DB_PATH.head`: one write of one
small file, never synced. It may be older than the journal. It may be newer only by relaxed appends
that a power cut took, so it says how far the durable appends reach as well.

    16 bytes  b"eventlog/head/1\0"
    16 bytes  the log's id
     8 bytes  position of the newest record, big-endian
     8 bytes  position of the newest record that was synced when it was acknowledged
    32 bytes  hash of the newest record
    32 bytes  SHA-256 of all before

What the file says is also compared with a journal here. The head file must have been read before
the journal's end, or an append in between would look like a loss.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from hashlib import sha256
from pathlib import Path
from time import sleep
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from eventlog.journal import table as journal
from eventlog.storage.error_translation import translated
from eventlog.storage.forks import forget_in_children
from eventlog.storage.paths import head_path, old_head_path
from eventlog.storage.side_files import open_side_file, read_side_file

_LAYOUT: Final = struct.Struct(">16s16sqq32s")
_MAGIC: Final = b"eventlog/head/1\0"
SIZE: Final = _LAYOUT.size + 32


class HeadMark(Struct, frozen=True):
    """What the head file says: whose log, where it ended, and how far it was durable."""

    log_id: bytes
    position: int
    durable_position: int
    hash: bytes


class BadHeadFile(ValueError):
    """The bytes of the head file are not a head: torn, cut or altered."""


def pack(mark: HeadMark) -> bytes:
    """A head as the bytes of its file."""
    fields = _LAYOUT.pack(_MAGIC, mark.log_id, mark.position, mark.durable_position, mark.hash)
    return fields + sha256(fields).digest()


def unpack(data: bytes) -> HeadMark:
    """The head that the bytes of a file hold. Raises BadHeadFile."""
    fields, checksum = data[: _LAYOUT.size], data[_LAYOUT.size :]
    if len(data) != SIZE or sha256(fields).digest() != checksum:
        raise BadHeadFile("its checksum does not match")
    magic, log_id, position, durable_position, head_hash = _LAYOUT.unpack(fields)
    if magic != _MAGIC:
        raise BadHeadFile("it is of another format")
    return HeadMark(log_id, position, durable_position, head_hash)


def read_head(db_path: Path) -> HeadMark | None:
    """The head of a database, None if none was written yet. Raises BadHeadFile, OSError."""
    try:
        data = read_side_file(head_path(db_path), SIZE + 1)
    except FileNotFoundError:
        return None
    return unpack(data) if data else None


class HeadFile:
    """The head file, open for writing."""

    def __init__(self, db_path: Path) -> None:
        """Open the file, or make it. Raises OSError."""
        self._fd = open_side_file(head_path(db_path), os.O_RDWR, make=True)
        forget_in_children(self)

    def write(self, mark: HeadMark) -> None:
        """Put the head in place of the one before. Raises OSError."""
        os.pwrite(self._fd, pack(mark), 0)

    def forget(self) -> None:
        """In a forked process: the file is the parent's to write."""
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def mark_of(connection: sqlite3.Connection) -> HeadMark:
    """The head of a log all of whose records are on the disk."""
    head = journal.head(connection)
    return HeadMark(journal.log_id(connection), head.position, head.position, head.hash)


def write_head(path: Path, mark: HeadMark) -> None:
    """Write a spare file's head file, and sync it. Raises DatabaseError."""
    with translated(path):
        fd = open_side_file(head_path(path), os.O_WRONLY, make=True)
        try:
            os.pwrite(fd, pack(mark), 0)
            os.fsync(fd)
        finally:
            os.close(fd)


def keep_aside(db_path: Path) -> Path:
    """Rename a head file, so that what it knows outlives the next one; answers its new path.

    `.head.old`, or `.head.old-2` and so on where older ones are there. Raises OSError.
    """
    number = 1
    while (kept := old_head_path(db_path, number)).exists():
        number += 1
    head_path(db_path).rename(kept)
    return kept


def known_mark(path: Path, log_id: bytes) -> HeadMark | None:
    """What the head file says of this log; None if it can't be read or is another log's."""
    try:
        mark = read_head(path)
    except (BadHeadFile, OSError):
        return None  # `verify` reports it; here it could only have known more
    return mark if mark is not None and mark.log_id == log_id else None


_HEAD_TRIES: Final = 5


def read_mark(db_path: Path) -> tuple[HeadMark | None, str | None]:
    """The head file's content, and why it can't be read, if it is there and can't."""
    damage = ""
    for _ in range(_HEAD_TRIES):
        try:
            return read_head(db_path), None
        except OSError as error:
            return None, f"{error.strerror}"
        except BadHeadFile as error:
            damage = str(error)
            sleep(0.001)  # a writer may be in the middle of it
    return None, damage


# ── the head file compared with the journal ───────────────────────────────────────


# whole: the journal has the head file's last record, with the same hash.
# missing: there is no head file. damaged: its bytes are not a head. foreign: it is another log's.
# lost: records are missing that were on the disk when they were acknowledged.
# relaxed: the journal is shorter, but no durable append is known to be missing.
# altered: the record at its position has another hash.
HeadState: TypeAlias = Literal[
    "whole", "missing", "damaged", "foreign", "lost", "relaxed", "altered"
]


class HeadJudgement(Struct, frozen=True):
    """The state, a sentence that explains it, and the first position that it affects, if any."""

    state: HeadState
    what: str
    position: int | None = None


def judge(
    mark: HeadMark | None,
    *,
    log_id: bytes | None,
    end: int,
    hash_at: bytes | None,
    damage: str | None = None,
) -> HeadJudgement:
    """Compare a head file with a journal that ends at position `end`.

    `hash_at` is the journal's hash at the head file's position, None if it can't be read or
    where there is no record; `log_id` is None if it can't be read. `damage` is why the head
    file could not be read.
    """
    if damage is not None:
        return HeadJudgement("damaged", f"the head file can't be read: {damage}")
    if mark is None:
        return HeadJudgement(
            "missing",
            "there is no head file, so nothing shows whether the end of the journal is complete",
        )
    if log_id is not None and mark.log_id != log_id:
        return _foreign(mark)
    if mark.position > end:
        return _shorter(mark, end)
    if hash_at is not None and hash_at != mark.hash:
        return HeadJudgement(
            "altered", "the head file has another hash for this record", mark.position
        )
    return HeadJudgement("whole", "the journal reaches as far as the head file says")


def _foreign(mark: HeadMark) -> HeadJudgement:
    if mark.position > 0:
        return HeadJudgement("foreign", "the head file is another log's")
    # An import gives an empty log another id, and may be killed before it writes the new head. A
    # head of no records proves no loss, whatever log it names.
    return HeadJudgement("whole", "the head file knows of no records")


def _shorter(mark: HeadMark, end: int) -> HeadJudgement:
    gone = f"the journal ends at {end}, the head file says that it reached {mark.position}"
    if mark.durable_position > end:
        return HeadJudgement("lost", f"{gone}: durable records are gone", end + 1)
    return HeadJudgement("relaxed", f"{gone}: only relaxed appends can be missing", end + 1)


def holds(connection: sqlite3.Connection, mark: HeadMark) -> bool:
    """Whether a journal is of the log of a head, and has the head's record with its hash."""
    if mark.log_id != journal.log_id(connection):
        return False
    return mark.position == 0 or hash_at(connection, mark) == mark.hash


def hash_at(connection: sqlite3.Connection, mark: HeadMark | None) -> bytes | None:
    """The journal's hash at the position of a head; None if there is no record."""
    row = None if mark is None else journal.read_one(connection, mark.position)
    return None if row is None else row.hash
