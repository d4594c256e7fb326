"""SQLite's file format as salvage reads it, compared with what SQLite itself says."""

from __future__ import annotations

import io
import random
import shutil
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog.maintenance.salvage import pages, wal_frames
from eventlog.maintenance.salvage.files import Files
from eventlog.maintenance.salvage.pages import (
    PAGE_SIZES,
    Cell,
    leaf_cells,
    payload,
    record_header,
    values,
    varint,
)
from tests.support.logs import build_log, build_log_with_wal, rows, seed_for


def put_varint(value: int) -> bytes:
    """SQLite's varint of a signed 64-bit integer, written without looking at ours."""
    value %= 2**64
    if value >= 2**56:
        high = [value >> (8 + 7 * n) & 0x7F | 0x80 for n in range(7, -1, -1)]
        return bytes([*high, value & 0xFF])
    groups = [value & 0x7F]
    while value := value >> 7:
        groups.append(value & 0x7F | 0x80)
    return bytes(reversed(groups))


def whole_record(page: bytes, cell: Cell, read: pages.ReadPage) -> list[Any] | None:
    """A cell's values."""
    header = record_header(page, cell.start)
    data = payload(page, cell.start, cell.size, read)
    if header is None or data is None or header.size != len(data):
        return None
    return values(header, data)


def reader(data: bytes, page_size: int) -> pages.ReadPage:
    """Pages of a file in memory."""

    def read(number: int) -> bytes | None:
        return data[(number - 1) * page_size : number * page_size] or None if number > 0 else None

    return read


def all_rows(data: bytes, page_size: int) -> dict[int, list[Any] | None]:
    """The records of all table leaves of a file, by their ids."""
    read = reader(data, page_size)
    found: dict[int, list[Any] | None] = {}
    for number in range(1, len(data) // page_size + 1):
        page = read(number)
        assert page is not None
        if number > 1:
            for cell in leaf_cells(page, number):
                found[cell.rowid] = whole_record(page, cell, read)
    return found


# ── numbers and records ────────────────────────────────────────────────────────────────────


@given(value=st.integers(min_value=-(2**63), max_value=2**63 - 1), before=st.binary(max_size=3))
def test_a_varint_reads_back(value: int, before: bytes) -> None:
    """Every signed 64-bit integer, at any offset."""
    data = before + put_varint(value) + b"\xff"
    assert varint(data, len(before)) == (value, len(data) - 1)


@given(data=st.binary(max_size=12), at=st.integers(0, 12))
def test_bytes_that_are_no_varint_are_none(data: bytes, at: int) -> None:
    """A number that the bytes cut off is not a number, and nothing is read past the end."""
    read = varint(data, at)
    assert read is None or at < read[1] <= len(data)


@given(data=st.binary(max_size=200), start=st.integers(0, 200))
def test_any_bytes_are_a_record_or_none(data: bytes, start: int) -> None:
    """Noise raises nothing."""
    header = record_header(data, start)
    if header is not None:
        whole = payload(data, start, header.size, lambda _: None) if len(data) > 40 else None
        assert whole is None or len(values(header, whole) or header.types) == len(header.types)


@given(page=st.binary(min_size=512, max_size=512))
def test_any_bytes_are_a_page(page: bytes) -> None:
    """A page of noise that calls itself a leaf has cells within its bounds, or none."""
    for number in (1, 2):
        header = 100 if number == 1 else 0
        leaf = page[:header] + b"\x0d" + page[header + 1 :]
        for cell in leaf_cells(leaf, number):
            assert 0 < cell.start <= len(page)
            whole_record(leaf, cell, reader(leaf, len(leaf)))


NUMBERS = [0, 1, -1, 127, -128, 32767, 2**23, -(2**31), 2**47, 2**63 - 1]
VALUES = [*NUMBERS, "", "é🙂", b"", b"\0" * 9, None]


@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_every_value_is_what_sqlite_stored(tmp_path: Path, page_size: int) -> None:
    """Integers of each width, text, blobs and NULL, short and over many pages."""
    path = tmp_path / "values.db"
    rng = random.Random(page_size)
    sizes = [
        0,
        1,
        100,
        page_size - 60,
        page_size - 35,
        page_size,
        3 * page_size,
        10 * page_size + 7,
    ]
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {page_size}")
        connection.execute("PRAGMA auto_vacuum = NONE")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c)")
        for size in sizes:
            for value in VALUES:
                some = (value, rng.randbytes(size), "x" * (size // 2))
                connection.execute("INSERT INTO t (a, b, c) VALUES (?, ?, ?)", some)
        stored = {row[0]: [None, *row[1:]] for row in connection.execute("SELECT * FROM t")}
    data = path.read_bytes()
    assert pages.page_size_of(data) == page_size
    assert all_rows(data, page_size) == stored


def test_text_that_is_no_utf8_makes_no_record() -> None:
    """What can't be text is not guessed at."""
    data = bytes([2, 15]) + b"\xff"
    header = record_header(data, 0)
    assert header is not None
    assert values(header, data) is None


def test_overflow_pages_that_go_round_in_a_circle_are_no_record() -> None:
    """A damaged page number can point back."""
    page = bytearray(512)
    page[508:512] = (2).to_bytes(4)
    assert payload(bytes(page), 0, 10_000, lambda _: (2).to_bytes(4) + bytes(508)) is None


@pytest.mark.parametrize(
    "header",
    [b"", b"SQLite format 3\0", b"SQLite format 4\0" + bytes(100)]
    + [b"SQLite format 3\0" + size.to_bytes(2) + bytes(100) for size in (0, 2, 511, 4097, 6144)],
)
def test_what_is_no_header_names_no_page_size(header: bytes) -> None:
    """A flipped bit in a power of two leaves none."""
    assert pages.page_size_of(header) is None


# ── the WAL ────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A log most of whose records are in the WAL."""
    return build_log_with_wal(tmp_path / "door.db", spare=tmp_path / "spare.db")


def wal_of(path: Path) -> Path:
    """The log's WAL."""
    return path.with_name(path.name + "-wal")


def assembled(path: Path) -> bytes:
    """The database as the newest pages make it."""
    with Files.open(path, wal_of(path)) as files:
        read = [files.read(number) for number in range(1, files.pages + 1)]
    return b"".join(page for page in read if page is not None)


def test_the_newest_pages_are_those_that_sqlite_reads(path: Path, tmp_path: Path) -> None:
    """A WAL checkpoint by SQLite gives the same pages."""
    ours = assembled(path)
    copy = tmp_path / "copy.db"
    for suffix in ("", "-wal"):
        shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert ours == copy.read_bytes()


def test_a_checksum_is_sqlites(path: Path) -> None:
    """The header's checksum is over its first 24 bytes."""
    header = wal_of(path).read_bytes()[: wal_frames.HEADER_SIZE]
    assert wal_frames.page_size_of(header) == 4096
    order = ">" if header[3] & 1 else "<"
    sums = wal_frames.checksum(header[:24], (0, 0), order)
    assert struct.pack(">II", *sums) == header[24:]


def damages(wal: bytes) -> Iterator[tuple[int, bytes]]:
    """WALs with one flipped bit, and how many frames before it are undamaged."""
    rng = random.Random(seed_for("WAL frames"))
    size = wal_frames.FRAME_HEADER_SIZE + 4096
    for _ in range(40):
        at = rng.randrange(wal_frames.HEADER_SIZE, len(wal))
        flipped = bytearray(wal)
        flipped[at] ^= 1 << rng.randrange(8)
        yield (at - wal_frames.HEADER_SIZE) // size, bytes(flipped)


def test_frames_behind_a_damaged_one_are_told_apart(path: Path) -> None:
    """What SQLite would read is what is committed before the flip; the rest is still there."""
    wal = wal_of(path).read_bytes()
    size = wal_frames.FRAME_HEADER_SIZE + 4096
    count = (len(wal) - wal_frames.HEADER_SIZE) // size
    for whole, flipped in damages(wal):
        frames = wal_frames.read(io.BytesIO(flipped), 4096)
        assert len(frames.committed) + len(frames.others) == count
        assert all(
            offset < wal_frames.HEADER_SIZE + whole * size for offset in frames.committed.values()
        )
        wal_of(path).write_bytes(flipped)
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
        end = len(rows(path))
        found = {row[0] for row in journal_rows(path)}
        assert max(found, default=0) == end


def journal_rows(path: Path) -> list[tuple[Any, ...]]:
    """What looks like journal rows on the newest pages, by their number of columns."""
    data = assembled(path)
    read = reader(data, 4096)
    found = []
    for number in range(2, len(data) // 4096 + 1):
        page = read(number)
        assert page is not None
        for cell in leaf_cells(page, number):
            record = whole_record(page, cell, read)
            if record is not None and len(record) == 12 and isinstance(record[11], bytes):
                found.append((cell.rowid, *record[1:]))
    return found


def test_a_missing_or_empty_wal_is_no_wal(tmp_path: Path) -> None:
    """The database file is all there is then."""
    path = build_log(tmp_path / "door.db", 5)
    wal_of(path).write_bytes(b"")
    assert assembled(path) == path.read_bytes()
    assert wal_frames.read(io.BytesIO(b""), 4096) is wal_frames.NOTHING


def test_a_wal_of_noise_commits_nothing() -> None:
    """Its frames may be looked at, and none is believed."""
    noise = random.Random(3).randbytes(40_000)
    frames = wal_frames.read(io.BytesIO(noise), 4096)
    assert frames.committed == {}
    assert frames.damaged
    assert len(frames.others) == (40_000 - 32) // (4096 + 24)


def test_a_header_that_is_gone_is_made_up_for(path: Path) -> None:
    """The page size is in the WAL too, and can be guessed without either."""
    data = bytearray(path.read_bytes())
    data[:4096] = random.Random(1).randbytes(4096)
    path.write_bytes(data)
    with Files.open(path, wal_of(path)) as files:
        assert files.header_damaged
        assert files.page_size == 4096


@pytest.mark.parametrize("tried", [400, 40])
@pytest.mark.parametrize("page_size", PAGE_SIZES)
def test_any_page_size_is_found_by_trying(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page_size: int, tried: int
) -> None:
    """Most rows come to light under the right one, also where only some pages are tried."""
    monkeypatch.setattr("eventlog.maintenance.salvage.files._TRIED_PAGES", tried)
    path = build_log(tmp_path / "door.db", 200, page_size=page_size, project=page_size < 8192)
    data = bytearray(path.read_bytes())
    data[:page_size] = random.Random(1).randbytes(page_size)
    path.write_bytes(data)
    with Files.open(path, wal_of(path)) as files:
        assert (files.header_damaged, files.page_size) == (True, page_size)
