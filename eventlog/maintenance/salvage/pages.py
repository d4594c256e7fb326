"""SQLite's file format, read without SQLite: pages, cells of table leaves, overflow, records.

Trusts no byte: every number is checked against the bounds of the page and the file, and what does
not fit is None. Format: https://www.sqlite.org/fileformat2.html

Knows pages and records, not what a table holds. Assumes that pages have no reserved bytes at their
ends, as in every file that this program makes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, TypeAlias

# The bytes of a page by its number, from 1; None if it does not exist or can't be read.
ReadPage: TypeAlias = Callable[[int], bytes | None]

MAGIC: Final = b"SQLite format 3\0"
PAGE_SIZES: Final = (512, 1024, 2048, 4096, 8192, 16384, 32768, 65536)

MORE: Final = 0x80  # the bit of a varint's byte that says that another follows

_HEADER_SIZE: Final = 100  # of the file, before the first page's own
_LEAF: Final = 0x0D
_LEAF_HEADER_SIZE: Final = 8
_VARINT_MAX: Final = 9
_SIZES: Final = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)  # of the serial types below 10
_REAL: Final = 7
_ZERO, _ONE = 8, 9
_BLOB, _TEXT = 12, 13


class Cell(NamedTuple):
    """A cell of a table's leaf: its row's id, and where in the page its record begins."""

    rowid: int
    start: int
    size: int


class Record(NamedTuple):
    """The header of a record: its serial types, its own size, and the size of the record."""

    types: tuple[int, ...]
    header_size: int
    size: int


def page_size_of(first_bytes: bytes) -> int | None:
    """The page size that a file's header names; None if it is not a header."""
    if len(first_bytes) < _HEADER_SIZE or first_bytes[: len(MAGIC)] != MAGIC:
        return None
    size = int.from_bytes(first_bytes[16:18])
    size = 65536 if size == 1 else size
    return size if size in PAGE_SIZES else None


def varint(data: bytes, at: int) -> tuple[int, int] | None:
    """The signed 64-bit integer that begins at an offset, and where it ends."""
    if at < len(data) and not data[at] & MORE:
        return data[at], at + 1
    value = 0
    for offset in range(_VARINT_MAX - 1):
        if at + offset >= len(data):
            return None
        byte = data[at + offset]
        value = value << 7 | byte & 0x7F
        if not byte & MORE:
            return value, at + offset + 1
    if at + _VARINT_MAX > len(data):
        return None
    value = value << 8 | data[at + _VARINT_MAX - 1]
    return value - 2**64 if value >= 2**63 else value, at + _VARINT_MAX


def leaf_cells(page: bytes, number: int) -> Iterator[Cell]:
    """The cells that a table leaf's pointers name, in their order; none for any other page."""
    header = _HEADER_SIZE if number == 1 else 0
    if page[header] != _LEAF:
        return
    count = int.from_bytes(page[header + 3 : header + 5])
    pointers = header + _LEAF_HEADER_SIZE
    end = pointers + 2 * count
    if end > len(page):
        return
    for at in range(pointers, end, 2):
        pointer = int.from_bytes(page[at : at + 2])
        if pointer < end:
            continue
        size = varint(page, pointer)
        rowid = None if size is None else varint(page, size[1])
        if size is not None and rowid is not None and size[0] > 0:
            yield Cell(rowid[0], rowid[1], size[0])


def record_header(data: bytes, at: int) -> Record | None:
    """The header of the record that begins at an offset, where one can begin there."""
    first = varint(data, at)
    if first is None or not 1 <= first[0] <= len(data) - at:
        return None
    header_size, cursor = first
    end = at + header_size
    types = []
    size = header_size
    while cursor < end:
        serial = data[cursor]  # most numbers are of one byte
        cursor += 1
        if serial & MORE:
            long = varint(data, cursor - 1)
            if long is None:
                return None
            serial, cursor = long
        if serial < len(_SIZES):
            if serial < 0:
                return None
            size += _SIZES[serial]
        elif serial < _BLOB:
            return None
        else:
            size += (serial - _BLOB) // 2
        types.append(serial)
    return Record(tuple(types), header_size, size) if cursor == end else None


def payload(page: bytes, start: int, size: int, read: ReadPage) -> bytes | None:
    """A record of this size that begins in a page, its overflow pages followed."""
    usable = len(page)
    longest = usable - 35
    if size <= longest:
        return page[start : start + size] if start + size <= usable else None
    shortest = (usable - 12) * 32 // 255 - 23
    local = shortest + (size - shortest) % (usable - 4)
    local = local if local <= longest else shortest
    if start + local + 4 > usable:
        return None
    parts = [page[start : start + local]]
    missing = size - local
    number = int.from_bytes(page[start + local : start + local + 4])
    seen: set[int] = set()
    while missing > 0:
        overflow = None if number in seen else read(number)
        if overflow is None:
            return None
        seen.add(number)
        part = overflow[4 : 4 + missing]
        parts.append(part)
        missing -= len(part)
        number = int.from_bytes(overflow[:4])
    # Nothing follows the last one; noise says otherwise.
    return b"".join(parts) if number == 0 else None


def values(record: Record, data: bytes) -> list[Any] | None:
    """A record's values: int, float, bytes, str or None. None if a text is not UTF-8."""
    found: list[Any] = []
    at = record.header_size
    for serial in record.types:
        size = _SIZES[serial] if serial < len(_SIZES) else (serial - _BLOB) // 2
        raw = data[at : at + size]
        at += size
        if serial == 0:
            found.append(None)
        elif serial in {_ZERO, _ONE}:
            found.append(serial - _ZERO)
        elif serial == _REAL:
            found.append(float("nan"))  # no column of ours is one
        elif serial < _REAL:
            found.append(int.from_bytes(raw, signed=True))
        elif serial % 2 == 0:
            found.append(raw)
        else:
            try:
                found.append(raw.decode())
            except UnicodeDecodeError:
                return None
    return found
