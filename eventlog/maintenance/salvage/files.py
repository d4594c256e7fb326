"""Opens a database file and its WAL to read them page by page, however damaged they are.

A page is the newest one that SQLite would read: from the WAL's last valid commit, else from the
database file. The page size is read from either header; if both are damaged, each size is tried.
Knows files and pages. It looks for rows only to try a page size.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from eventlog.maintenance.salvage import cells, pages, wal_frames
from eventlog.maintenance.salvage.pages import PAGE_SIZES
from eventlog.maintenance.salvage.wal_frames import WalFrame

_TRIED_PAGES: Final = 400
_NEEDS_BYTES: Final = 512


class Files:
    """Both files, open. `pages` is how many pages the database has, those in the WAL included."""

    def __init__(self, path: Path, database: BinaryIO, wal: BinaryIO | None) -> None:
        self.path = path
        self._unreadable: set[tuple[str, int]] = set()
        self._database = database
        self._wal = wal
        self._size = os.fstat(database.fileno()).st_size
        named = pages.page_size_of(_read(database, 0, _NEEDS_BYTES) or b"")
        self.header_damaged = named is None
        wal_header = None if wal is None else _read(wal, 0, wal_frames.HEADER_SIZE)
        self.page_size = named or wal_frames.page_size_of(wal_header or b"") or self._try_out()
        if wal is None:
            self.frames = wal_frames.NOTHING
        else:
            wal.seek(0)
            self.frames = wal_frames.read(wal, self.page_size)
        in_file = -(-self._size // self.page_size)  # a cut last page counts
        self.pages = max([in_file, *self.frames.committed])
        self._stale = {frame.page: frame for frame in self.frames.others}

    @classmethod
    @contextmanager
    def open(cls, path: Path, wal_path: Path) -> Iterator[Files]:
        """Open the database file, and its WAL where there is one. Raises OSError."""
        with ExitStack() as stack:
            database = stack.enter_context(path.open("rb", buffering=0))
            wal = None
            if wal_path.exists():
                wal = stack.enter_context(wal_path.open("rb"))
            yield cls(path, database, wal)

    @property
    def unreadable(self) -> int:
        """How many pages the disk did not give."""
        return len(self._unreadable)

    def read(self, number: int) -> bytes | None:
        """A page as SQLite would read it; None if it does not exist or can't be read."""
        offset = self.frames.committed.get(number)
        if offset is not None and self._wal is not None:
            return self._page(self._wal, offset)
        if not 0 < number <= self.pages:
            return None
        return self._page(self._database, (number - 1) * self.page_size)

    def read_frame(self, frame: WalFrame) -> bytes | None:
        """The page that a frame of the WAL holds."""
        return None if self._wal is None else self._page(self._wal, frame.offset)

    def read_stale(self, number: int) -> bytes | None:
        """A page as the last of all frames has it, valid or not; for overflow of such frames."""
        frame = self._stale.get(number)
        return self.read(number) if frame is None else self.read_frame(frame)

    def _page(self, file: BinaryIO, offset: int) -> bytes | None:
        page = _read(file, offset, self.page_size)
        if page is None:
            self._unreadable.add((str(file.name), offset))
            return None
        return page + bytes(self.page_size - len(page)) if page else None

    def _try_out(self) -> int:
        """The page size with which most rows of a journal are found."""
        return max(PAGE_SIZES, key=self._rows_under)

    def _rows_under(self, page_size: int) -> int:
        """About how many rows there are, from some of the pages that are so large."""
        count = -(-self._size // page_size)
        step = max(1, count // _TRIED_PAGES)
        found = 0
        for number in range(1, count + 1, step):
            page = _read(self._database, (number - 1) * page_size, page_size)
            if page is not None and len(page) == page_size:
                rows = cells.rows(page, number, lambda _: None)
                found += sum(row.in_line for row in rows)
        return found * step


def _read(file: BinaryIO, offset: int, size: int) -> bytes | None:
    try:
        return os.pread(file.fileno(), size, offset)
    except OSError:
        return None
