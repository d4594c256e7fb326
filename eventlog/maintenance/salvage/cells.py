"""Finds rows of the journal anywhere in a page.

A cell is found by the pointers of a leaf or, where those are damaged, by the pattern that every
row's record begins with. A row is recognised by its shape: twelve columns of the journal's types,
and a hash of 32 bytes. `grading.py` decides whether it is undamaged.

Knows the journal's columns, and pages by `pages.py`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from eventlog.maintenance.salvage.pages import (
    MORE,
    Cell,
    ReadPage,
    leaf_cells,
    payload,
    record_header,
    values,
    varint,
)
from eventlog.record import StoredRecord, shape_error

_COLUMNS: Final = len(StoredRecord._fields)
_LOG_ID_SIZE: Final = 16
_LOG_ID_HEADER: Final = b"\x03\x00\x2c"  # a record of NULL and a blob of 16 bytes
_ROWID_BYTES_MAX: Final = 9

# The header of a row's record: its length, then a serial type for each column. Position is NULL,
# since SQLite keeps it as the row's id; the hash is a blob of 32 bytes, serial type 76.
_INTEGER: Final = rb"[\x01-\x06\x08\x09]"
_VARINT: Final = rb"[\x80-\xff]{0,4}[\x00-\x7f]"
_HEADER: Final = re.compile(
    rb"(?=[\x0d-\x28]\x00[\x00-\x06\x08\x09]" + _VARINT + _INTEGER * 5 + _VARINT * 3 + rb"\x4c)",
    re.DOTALL,
)


class Found(NamedTuple):
    """A row, and whether its leaf's pointers led to it, at a place that fits its neighbours."""

    row: StoredRecord
    in_line: bool


def rows(page: bytes, number: int, read: ReadPage) -> Iterator[Found]:
    """Every row of a page, those that its pointers name first."""
    seen: set[int] = set()
    pointed: list[tuple[int, StoredRecord]] = []
    for index, cell in enumerate(leaf_cells(page, number)):
        row = _row(page, cell, read) if _HEADER.match(page, cell.start) else None
        if row is not None:
            seen.add(cell.start)
            pointed.append((row.position - index, row))
    # Positions have no hole, so the rows of a leaf follow each other.
    bases = Counter(base for base, _ in pointed)
    line = bases.most_common(1)[0][0] if bases else 0
    for base, row in pointed:
        yield Found(row, base == line)
    for match in _HEADER.finditer(page):
        start = match.start()
        if start not in seen:
            row = _carved(page, start, read)
            if row is not None:
                yield Found(row, in_line=False)


def log_ids(page: bytes, number: int) -> Iterator[bytes]:
    """What may be the log's id: the only row of a table of a number and 16 bytes."""
    for cell in leaf_cells(page, number):
        if page.startswith(_LOG_ID_HEADER, cell.start) and cell.rowid == 1:
            start = cell.start + len(_LOG_ID_HEADER)
            log_id = page[start : start + _LOG_ID_SIZE]
            if len(log_id) == _LOG_ID_SIZE:
                yield log_id


def _row(page: bytes, cell: Cell, read: ReadPage) -> StoredRecord | None:
    columns = _columns(page, cell, read)
    if columns is None or len(columns) != _COLUMNS or columns[0] is not None:
        return None
    row = StoredRecord._make([cell.rowid, *columns[1:]])
    if shape_error(row) is not None:
        return None
    lawful = (
        row.position > 0
        and (row.event_id is None or row.event_id > 0)
        and row.version > 0
        and row.format > 0
        and 0 <= row.append_index < row.append_size
    )
    return row if lawful else None


def _columns(page: bytes, cell: Cell, read: ReadPage) -> list[Any] | None:
    header = record_header(page, cell.start)
    if header is None or header.size != cell.size:
        return None
    data = payload(page, cell.start, cell.size, read)
    return None if data is None else values(header, data)


def _carved(page: bytes, start: int, read: ReadPage) -> StoredRecord | None:
    """The row whose record begins here; its id are the bytes before, back to a number's end."""
    header = record_header(page, start)
    if header is None or len(header.types) != _COLUMNS:
        return None
    first = start - 1
    while first > max(0, start - _ROWID_BYTES_MAX) and page[first - 1] & MORE:
        first -= 1
    rowid = varint(page, first) if first >= 0 else None
    if rowid is None or rowid[1] != start:
        return None
    return _row(page, Cell(rowid[0], start, header.size), read)
