r"""The head file: where the journal ended, kept beside the database.

A cut tail, or one flipped bit in the WAL, leaves a shorter journal that looks whole. So after
each commit, inside the writer's lock, the head is written to `DB_PATH.head`: one write of one
small file, never synced. It may be older than the journal; it must never be newer, but for
relaxed appends that a power cut took, and so it says how far the durable ones reach as well.

    16 bytes  b"eventlog/head/1\0"
    16 bytes  the log's id
     8 bytes  position of the newest record, big-endian
     8 bytes  position of the newest record that was synced when it was acknowledged
    32 bytes  hash of the newest record
    32 bytes  SHA-256 of all before

Knows nothing of SQLite.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from hashlib import sha256
from pathlib import Path
from time import sleep
from typing import Final

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
    """The head file's bytes are no head: torn, cut or altered."""


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
    """The head of a database, None where none was written yet. Raises BadHeadFile, OSError."""
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
    """What the head file says of this log; None where it can't be read or is another log's."""
    try:
        mark = read_head(path)
    except (BadHeadFile, OSError):
        return None  # `verify` tells of it; here it only could have known more
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
