"""Reads SQLite's WAL without SQLite: the pages of its commits, and older frames.

SQLite stops at the first frame whose checksum does not match and drops everything after it, so one
flipped bit hides every later commit. This module separates the frames up to the last valid commit
from the others, which can still be read.

Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log. Knows no page's content.
"""

from __future__ import annotations

import struct
from typing import BinaryIO, Final

from msgspec import Struct

from eventlog.maintenance.salvage.pages import PAGE_SIZES

HEADER_SIZE: Final = 32
FRAME_HEADER_SIZE: Final = 24

_HEADER: Final = struct.Struct(">IIIIIIII")
_FRAME: Final = struct.Struct(">IIIIII")
_MAGIC: Final = 0x377F0682  # the last bit is the byte order of the checksums
_FORMAT: Final = 3007000


class WalFrame(Struct, frozen=True):
    """A page's number, and where in the WAL its bytes begin."""

    page: int
    offset: int


class WalFrames(Struct, frozen=True):
    """The frames of a WAL.

    `committed` are the newest frames of each page up to the last valid commit. `others` are all
    others: older, uncommitted, of another generation, or after a damaged one. `damaged` is true if
    the header, or a frame of this generation, is not what was written.
    """

    committed: dict[int, int]
    others: list[WalFrame]
    damaged: bool


NOTHING: Final = WalFrames({}, [], damaged=False)


def page_size_of(header: bytes) -> int | None:
    """The page size that a WAL's header names; None if it is not a header."""
    if len(header) < HEADER_SIZE:
        return None
    magic, version, size, *_ = _HEADER.unpack(header[:HEADER_SIZE])
    known = magic & ~1 == _MAGIC and version == _FORMAT
    return size if known and size in PAGE_SIZES else None


def read(wal: BinaryIO, page_size: int) -> WalFrames:
    """The frames of a WAL whose pages have this size. Raises OSError."""
    header = wal.read(HEADER_SIZE)
    if not header:
        return NOTHING
    chain = _Chain.of(header) if page_size_of(header) == page_size else None
    damaged = chain is None
    pending: dict[int, int] = {}
    committed: dict[int, int] = {}
    every: list[WalFrame] = []
    offset = HEADER_SIZE
    while len(frame := wal.read(FRAME_HEADER_SIZE + page_size)) == FRAME_HEADER_SIZE + page_size:
        number, size_after_commit, *_ = _FRAME.unpack(frame[:FRAME_HEADER_SIZE])
        every.append(WalFrame(number, offset + FRAME_HEADER_SIZE))
        if chain is not None and chain.takes(frame):
            pending[number] = offset + FRAME_HEADER_SIZE
            if size_after_commit:
                committed.update(pending)
                pending = {}
        elif chain is not None:
            damaged = chain.same_generation(frame)
            chain = None
        offset += FRAME_HEADER_SIZE + page_size
    newest = set(committed.items())
    others = [frame for frame in every if (frame.page, frame.offset) not in newest]
    return WalFrames(committed, others, damaged)


class _Chain:
    """The running checksum of a WAL's frames."""

    def __init__(self, order: str, salts: bytes, sums: tuple[int, int]) -> None:
        self._order = order
        self._salts = salts
        self._sums = sums

    @classmethod
    def of(cls, header: bytes) -> _Chain | None:
        order = ">" if header[3] & 1 else "<"
        sums = checksum(header[:24], (0, 0), order)
        if struct.pack(">II", *sums) != header[24:32]:
            return None
        return cls(order, header[16:24], sums)

    def same_generation(self, frame: bytes) -> bool:
        return frame[8:16] == self._salts

    def takes(self, frame: bytes) -> bool:
        """Whether the frame is the valid next one; the chain goes on behind it then."""
        if not self.same_generation(frame):
            return False
        sums = checksum(frame[:8], self._sums, self._order)
        sums = checksum(frame[FRAME_HEADER_SIZE:], sums, self._order)
        if struct.pack(">II", *sums) != frame[16:24]:
            return False
        self._sums = sums
        return True


def checksum(data: bytes, sums: tuple[int, int], order: str) -> tuple[int, int]:
    """SQLite's checksum of these bytes (a multiple of 8), going on from `sums`."""
    first, second = sums
    words = iter(struct.unpack(f"{order}{len(data) // 4}I", data))
    for word, following in zip(words, words, strict=True):
        first = (first + word + second) & 0xFFFFFFFF
        second = (second + following + first) & 0xFFFFFFFF
    return first, second
