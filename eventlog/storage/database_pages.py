"""After a failed sync: writes again the pages of the database file that did not reach the disk.

A WAL checkpoint that a reader cuts short copies pages without a sync, and counts them as copied.
The next one syncs them. If that sync fails, the system marks all of them as clean, and the next WAL
checkpoint writes only the pages that were not counted. So after a failure, the pages in the WAL are
compared with the disk, and those that differ are written again. Until a WAL checkpoint succeeds,
the WAL has them too, so a power cut in between loses nothing.

Closing the database file would drop SQLite's locks in this process. So the descriptors that are
opened here, only after a failure, stay open until the process ends.
"""

from __future__ import annotations

import logging
import mmap
import os
from pathlib import Path
from typing import Final

from eventlog.storage import wal_file

log = logging.getLogger("eventlog")

# For each database file: a descriptor, and one that reads past the cache, if the file system can.
_kept: Final[dict[tuple[int, int], tuple[int, int | None]]] = {}


def write_missing(database: Path, wal: Path) -> int:
    """Write the pages that the disk lacks, sync them, and return their number. Raises OSError.

    The caller holds the writers' lock, and the WAL is on the disk. Readers see the same bytes
    before and after.
    """
    page_size, numbers = wal_file.pages(wal)
    if not numbers:
        return 0
    fd, direct = _descriptors(database)
    os.fdatasync(fd)
    written = 0
    for number in sorted(numbers):
        offset = (number - 1) * page_size
        page = os.pread(fd, page_size, offset)
        if page and read_disk(fd, direct, offset, len(page)) != page:
            os.pwrite(fd, page, offset)
            written += 1
    if written:
        log.warning("%s: %d pages were not on the disk and are written again", database, written)
        os.fdatasync(fd)
    return written


def read_disk(fd: int, direct: int | None, offset: int, size: int) -> bytes:
    """The bytes of an open file on the disk, past the system's cache. Raises OSError."""
    start = offset // mmap.PAGESIZE * mmap.PAGESIZE
    length = -(-(offset + size - start) // mmap.PAGESIZE) * mmap.PAGESIZE
    if direct is None:
        os.posix_fadvise(fd, start, length, os.POSIX_FADV_DONTNEED)
        return os.pread(fd, size, offset)
    with mmap.mmap(-1, length) as buffer:
        with memoryview(buffer) as view:
            os.preadv(direct, [view], start)
        return buffer[offset - start : offset - start + size]


def _descriptors(database: Path) -> tuple[int, int | None]:
    status = database.stat()
    key = status.st_dev, status.st_ino
    if key not in _kept:
        fd = os.open(database, os.O_RDWR | os.O_CLOEXEC)
        _kept[key] = fd, None
        try:
            _kept[key] = fd, os.open(database, os.O_RDONLY | os.O_DIRECT | os.O_CLOEXEC)
        except OSError as error:
            log.info("%s is read past the cache without O_DIRECT: %s", database, error.strerror)
    return _kept[key]
