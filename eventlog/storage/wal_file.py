"""SQLite's WAL as a file: how much of it is in use, that it is on the disk, and that it has room.

After a WAL checkpoint SQLite writes the WAL again from its start and leaves the file as long as
it was, so the length says nothing, and no pragma answers without making a WAL checkpoint. But
each frame carries the salts of its generation, those of this generation stand first, and so the
last one is found by bisection. No lock of SQLite's lies on the WAL file: opening it is safe.

Layout: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Final

_HEADER: Final = struct.Struct(">IIII8s8s")  # magic, format, page size, sequence, salts, checksum
_FRAME_HEADER_SIZE: Final = 24
_FRAME_SALTS: Final = slice(8, 16)
_CHUNK: Final = 1024 * 1024
# Where less than this is left, the commits after the next will make the file longer.
_ROOM: Final = 64 * 1024


def bytes_in_use(wal: Path) -> int:
    """The bytes of this generation's frames; 0 where there is no WAL. Raises OSError."""
    try:
        fd = os.open(wal, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return 0
    try:
        return _bytes_in_use(fd)
    finally:
        os.close(fd)


def size(wal: Path) -> int:
    """The length of the file, in use or not; 0 where there is no WAL. Raises OSError."""
    try:
        return wal.stat().st_size
    except FileNotFoundError:
        return 0


def make_room(wal: Path) -> None:
    """Where hardly any room is left behind the last frame, add a megabyte of zeros. Raises OSError.

    To sync a file that has become longer, the file system writes a journal of its own as well, and
    that takes several times as long as to write over what is there. Zeros are no frame, so SQLite's
    recovery ends before them. The caller holds the lock of the writers; a stranger to it may commit
    meanwhile, and so the zeros go to wherever the file ends when they are written.
    """
    fd = os.open(wal, os.O_RDWR | os.O_CLOEXEC)
    try:
        end = os.fstat(fd).st_size
        if end - _bytes_in_use(fd) >= _ROOM:
            return
        # Unwritten blocks that were only set aside would be as slow to write to as none.
        os.pwritev(fd, [bytes(_CHUNK)], end, os.RWF_APPEND)
        os.fdatasync(fd)
    finally:
        os.close(fd)


def _bytes_in_use(fd: int) -> int:
    header = os.pread(fd, _HEADER.size, 0)
    if len(header) < _HEADER.size:
        return 0
    _, _, page_size, _, salts, _ = _HEADER.unpack(header)
    frame_size = _FRAME_HEADER_SIZE + page_size
    low, high = 0, (os.fstat(fd).st_size - _HEADER.size) // frame_size
    while low < high:
        middle = (low + high) // 2
        frame = os.pread(fd, _FRAME_HEADER_SIZE, _HEADER.size + middle * frame_size)
        if frame[_FRAME_SALTS] == salts:
            low = middle + 1
        else:
            high = middle
    return int(low * frame_size)


def sync(wal: Path) -> None:
    """Put on the disk what the WAL holds. Raises OSError.

    Where there is no WAL, a WAL checkpoint has synced all of it into the database.
    """
    try:
        fd = os.open(wal, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        os.fdatasync(fd)
    finally:
        os.close(fd)


def rewrite(wal: Path) -> None:
    """Write each byte of the WAL over itself, and sync it. Raises OSError.

    After a sync that failed the system takes for clean what never came to the disk, and answers
    later syncs with success; only what is written anew is tried anew. The caller holds the lock
    of the writers; readers see the same bytes before and after.
    """
    try:
        fd = os.open(wal, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        offset = 0
        while chunk := os.pread(fd, _CHUNK, offset):
            offset += os.pwrite(fd, chunk, offset)
        os.fdatasync(fd)
    finally:
        os.close(fd)
