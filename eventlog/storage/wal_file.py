"""Reads SQLite's WAL as a file: how much is in use, what the disk lacks of it; and extends it.

After a WAL checkpoint SQLite writes the WAL again from its start, and the file keeps its length. So
the length does not say how much is in use, and every pragma that does makes a WAL checkpoint. But
each frame has the salts of its generation, and the frames of the current one come first: bisection
finds the last of them. SQLite holds no lock on the WAL file, so it may be opened and closed.

Layout: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
"""

from __future__ import annotations

import errno
import logging
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

log = logging.getLogger("eventlog")

_HEADER: Final = struct.Struct(">IIII8s8s")  # magic, format, page size, sequence, salts, checksum
_MAGIC: Final = {0x377F0682, 0x377F0683}
_FRAME_HEADER_SIZE: Final = 24
_FRAME_SALTS: Final = slice(8, 16)
_CHUNK: Final = 1024 * 1024
_SECTOR: Final = 512
# If less than this is left, one of the next commits would make the file longer.
_ROOM: Final = 64 * 1024


def bytes_in_use(wal: Path) -> int:
    """The bytes of the current generation's frames; 0 if there is no WAL. Raises OSError."""
    with _opened(wal) as fd:
        return 0 if fd is None else _bytes_in_use(fd)


def size(wal: Path) -> int:
    """The length of the file, in use or not; 0 if there is no WAL. Raises OSError."""
    try:
        return wal.stat().st_size
    except FileNotFoundError:
        return 0


def make_room(wal: Path) -> None:
    """Append a megabyte of zeros if little room is left after the last frame. Raises OSError.

    To sync a file that has grown, the file system also writes its own journal, which takes several
    times as long as overwriting. Zeros are not a frame, so SQLite's recovery ends before them. The
    caller holds the writers' lock. A program that does not know that lock may commit in between, so
    the zeros are appended wherever the file ends at that moment.
    """
    fd = os.open(wal, os.O_RDWR | os.O_CLOEXEC)
    try:
        end = os.fstat(fd).st_size
        if end - _bytes_in_use(fd) >= _ROOM:
            return
        # Allocating blocks is not enough: writing to them would be as slow.
        os.pwritev(fd, [bytes(_CHUNK)], end, os.RWF_APPEND)
        os.fdatasync(fd)
    finally:
        os.close(fd)


def _bytes_in_use(fd: int) -> int:
    header = os.pread(fd, _HEADER.size, 0)
    if len(header) < _HEADER.size:
        return 0
    magic, _, page_size, _, salts, _ = _HEADER.unpack(header)
    if magic not in _MAGIC:  # in a file of zeros all frames would have the header's salts
        return 0
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


def pages(wal: Path) -> tuple[int, set[int]]:
    """The page size, and the numbers of the pages in the current generation's frames.

    0 and an empty set if there is no WAL. Raises OSError.
    """
    with _opened(wal) as fd:
        in_use = 0 if fd is None else _bytes_in_use(fd)
        if fd is None or not in_use:
            return 0, set()
        page_size = int(_HEADER.unpack(os.pread(fd, _HEADER.size, 0))[2])
        starts = range(_HEADER.size, _HEADER.size + in_use, _FRAME_HEADER_SIZE + page_size)
        return page_size, {int.from_bytes(os.pread(fd, 4, start)) for start in starts}


def sync(wal: Path) -> None:
    """Sync the WAL, from a process that writes no records. Raises OSError.

    A failure that was reported to another open file is not reported here; a writer uses
    `Writer.sync`. If there is no WAL, a WAL checkpoint has synced all of it into the database.
    """
    with _opened(wal) as fd:
        if fd is not None:
            os.fdatasync(fd)


def write_missing(wal: Path) -> int:
    """Write what the disk lacks of the WAL, sync it, and return the number of bytes written.

    After a failed sync, the system marks pages as clean that never reached the disk, and later
    syncs succeed. So the disk is read past the system's cache, and only what differs is written.
    What was acknowledged is on the disk and is not written again: a write that a power cut
    interrupts may leave noise.

    The caller holds the writers' lock; readers see the same bytes before and after. Raises OSError.
    """
    with _opened(wal, os.O_RDWR) as fd:
        if fd is None:
            return 0
        _sync_first(fd, wal)
        written = 0
        for offset, data in _missing(fd, wal):
            os.pwrite(fd, data, offset)
            written += len(data)
        if written:
            log.warning("%s: %d bytes were not on the disk and are written again", wal, written)
            os.fdatasync(fd)
        return written


@contextmanager
def _opened(wal: Path, flags: int = os.O_RDONLY) -> Iterator[int | None]:
    """A descriptor for a block; None if there is no WAL. Raises OSError."""
    try:
        fd = os.open(wal, flags | os.O_CLOEXEC)
    except FileNotFoundError:
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


def _sync_first(fd: int, wal: Path) -> None:
    try:
        os.fdatasync(fd)
    except OSError as error:
        # It may be an earlier process's failure, which the system reports once. What it lost is
        # found next; if the disk still fails, this second sync does too.
        log.warning("%s: an earlier write failed: %s", wal, error.strerror)
        os.fdatasync(fd)


def _missing(fd: int, wal: Path) -> Iterator[tuple[int, bytes]]:
    """The offset and bytes of each part of this generation that differs on the disk."""
    in_use = _bytes_in_use(fd)
    end = _HEADER.size + in_use if in_use else 0
    for offset in range(0, end, _CHUNK):
        # The cache is read first, because reading the disk may drop the cache.
        cached = os.pread(fd, min(_CHUNK, end - offset), offset)
        stored = read_disk(fd, wal, offset, len(cached))
        if len(stored) != len(cached):
            raise OSError(errno.EIO, "the disk answers with less than the file holds")
        if stored != cached:
            for start, stop in _differences(cached, stored):
                yield offset + start, cached[start:stop]


def _differences(cached: bytes, stored: bytes) -> Iterator[tuple[int, int]]:
    """Where two chunks differ, as ranges inside sectors, without a sector's equal ends."""
    for start in range(0, len(cached), _SECTOR):
        ours, theirs = cached[start : start + _SECTOR], stored[start : start + _SECTOR]
        if ours != theirs:
            differ = [at for at, byte in enumerate(ours) if theirs[at : at + 1] != bytes([byte])]
            yield start + differ[0], start + differ[-1] + 1


def read_disk(fd: int, wal: Path, offset: int, size: int) -> bytes:
    """The bytes of an open file on the disk, past the system's cache. Raises OSError.

    Reads with O_DIRECT. If the file system has none, the cache of this range is dropped and filled
    again; until the caller has written the range, readers may see the disk's bytes.
    """
    try:
        return _read_direct(wal, offset, size)
    except OSError as error:
        if error.errno not in {errno.EINVAL, errno.EOPNOTSUPP}:
            raise
    os.posix_fadvise(fd, offset, _whole_pages(size), os.POSIX_FADV_DONTNEED)
    return os.pread(fd, size, offset)


def _read_direct(wal: Path, offset: int, size: int) -> bytes:
    fd = os.open(wal, os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)
    try:
        # Anonymous memory begins at a page, as O_DIRECT needs.
        with mmap.mmap(-1, _whole_pages(size)) as buffer:
            read = 0
            while read < size:
                with memoryview(buffer) as view, view[read:] as rest:
                    got = os.preadv(fd, [rest], offset + read)
                if not got:
                    break
                read += got
            return buffer[: min(read, size)]
    finally:
        os.close(fd)


def _whole_pages(size: int) -> int:
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE
