"""Salvage loses what the damage hit and nothing else, and carries nothing that is not so."""

from __future__ import annotations

import os
import random
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from eventlog.journal.head_file import HeadMark, pack, read_head
from eventlog.maintenance.salvage.salvage import Range, salvage
from eventlog.storage.paths import head_path
from tests.maintenance.salvage.salvaged import (
    PAGE,
    carried,
    mixed,
    overwrite,
    pages_of_records,
    require_true,
)
from tests.support.logs import (
    build_log,
    build_log_with_wal,
    flip,
    rows,
    seed_for,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound log of some three hundred records, some of them over several pages."""
    return build_log(tmp_path / "door.db", mixed(80))


# ── pages of noise ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("visits", "noisy"),
    [(1500, 100), pytest.param(5400, 500, marks=pytest.mark.faults)],
)
def test_pages_of_noise_cost_the_records_with_bytes_on_them_and_no_other(
    tmp_path: Path, visits: int, noisy: int
) -> None:
    """Whichever pages they are: leaves, overflow, interior pages, indexes, the first."""
    rng = random.Random(seed_for("noise"))
    path = build_log(tmp_path / "door.db", mixed(visits, rng.randrange(1000)))
    old, where = rows(path), pages_of_records(path)
    assert len(where) == len(old)
    hit = set(rng.sample(range(1, path.stat().st_size // PAGE + 1), noisy))
    overwrite(path, hit, rng)
    report = salvage(path, tmp_path / "new.db")
    new = require_true(old, tmp_path / "new.db", report)
    untouched = {position for position, on in where.items() if not on & hit}
    assert new == untouched
    behind_holes = {p for p in untouched if p - 1 not in untouched and p > 1}
    doubtful = {p for r in report.unproved for p in range(r.first, r.last + 1)}
    assert doubtful <= behind_holes


def root_pages(path: Path) -> list[int]:
    """The root page of each table and index."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT rootpage FROM sqlite_schema WHERE rootpage > 0")
        return [page for (page,) in found]


def test_pages_above_the_leaves_cost_nothing(tmp_path: Path) -> None:
    """The schema and every root may be lost: the rows are in the leaves."""
    path = build_log(tmp_path / "door.db", 300, project=False)
    old = rows(path)
    with closing(sqlite3.connect(path)) as connection:
        (log_page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'log'"
        ).fetchone()
    overwrite(path, {1, log_page, *root_pages(path)}, random.Random(1))
    report = salvage(path, tmp_path / "new.db")
    assert len(require_true(old, tmp_path / "new.db", report)) == len(old)
    assert report.header_damaged
    assert report.proved == len(old)


@pytest.mark.parametrize("page_size", [512, 1024, 16384, 65536])
def test_a_log_of_another_page_size_is_salvaged_without_its_first_page(
    tmp_path: Path, page_size: int
) -> None:
    """The size is found by trying."""
    path = build_log(tmp_path / "door.db", mixed(300), page_size=page_size, project=False)
    old = rows(path)
    data = bytearray(path.read_bytes())
    data[:page_size] = random.Random(1).randbytes(page_size)
    path.write_bytes(data)
    report = salvage(path, tmp_path / "new.db")
    assert report.page_size == page_size
    assert len(require_true(old, tmp_path / "new.db", report)) == len(old)


def test_a_file_that_was_cut_off_gives_what_is_left(path: Path, tmp_path: Path) -> None:
    """The records on the remaining pages; the head file says how many there were."""
    old, where = rows(path), pages_of_records(path)
    data = path.read_bytes()
    keep = len(data) // 2 // PAGE
    path.write_bytes(data[: keep * PAGE + 100])
    report = salvage(path, tmp_path / "new.db")
    new = require_true(old, tmp_path / "new.db", report)
    assert new == {position for position, on in where.items() if max(on) <= keep}
    assert report.missing[-1].last == len(old) == report.end


def test_pages_that_the_disk_does_not_give_are_counted(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad sector loses its page; reading continues."""
    old, where = rows(path), pages_of_records(path)
    real = os.pread

    def pread(fd: int, size: int, offset: int) -> bytes:
        if size == PAGE and offset in {4 * PAGE, 9 * PAGE}:
            raise OSError(5, "Input/output error")
        return real(fd, size, offset)

    monkeypatch.setattr(os, "pread", pread)
    report = salvage(path, tmp_path / "new.db")
    new = require_true(old, tmp_path / "new.db", report)
    assert report.unreadable_pages == 2
    assert new == {position for position, on in where.items() if not on & {5, 10}}


# ── flipped bits ─────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rounds", [10, pytest.param(200, marks=pytest.mark.faults)])
def test_flipped_bits_cost_at_most_a_record_each(tmp_path: Path, rounds: int) -> None:
    """Page headers and pointers among them: a cell can be found without."""
    rng = random.Random(seed_for("flips"))
    path = build_log(tmp_path / "door.db", mixed(100), project=False)
    old, sound = rows(path), path.read_bytes()
    for number in range(rounds):
        bits = [rng.randrange(len(sound) * 8) for _ in range(rng.randrange(1, 8))]
        data = sound
        for bit in bits:
            data = flip(data, bit)
        path.write_bytes(data)
        target = tmp_path / f"new{number}.db"
        report = salvage(path, target)
        new = require_true(old, target, report)
        assert len(old) - len(new) <= len(bits)
        target.unlink()


def test_a_flipped_bit_in_body_or_hash_is_told(path: Path, tmp_path: Path) -> None:
    """A damaged body costs its record, a damaged hash nothing: the record after it knows it."""
    old, sound = rows(path), path.read_bytes()
    at = sound.index(old[20][10] + old[20][11])
    path.write_bytes(flip(sound, (at + 3) * 8))
    report = salvage(path, tmp_path / "body.db")
    assert report.missing == (Range(21, 21),)
    assert report.proved == len(old) - 1
    require_true(old, tmp_path / "body.db", report)
    path.write_bytes(flip(sound, (at + len(old[20][10]) + 3) * 8))
    report = salvage(path, tmp_path / "hash.db")
    assert report.complete
    assert (report.proved, report.repaired) == (len(old) - 1, 1)
    require_true(old, tmp_path / "hash.db", report)


# ── the WAL ──────────────────────────────────────────────────────────────────────────────────


def test_a_flipped_bit_in_the_wal_costs_no_later_record(tmp_path: Path) -> None:
    """SQLite drops all commits behind it; they are still there, and the head file names them."""
    rng = random.Random(seed_for("WAL flips"))
    path = build_log_with_wal(tmp_path / "door.db", spare=tmp_path / "spare.db")
    wal = path.with_name(path.name + "-wal")
    old, sound = rows(path), wal.read_bytes()
    lost = 0
    for number in range(15):
        wal.write_bytes(flip(sound, rng.randrange(len(sound) * 8)))
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
        lost_by_sqlite = len(old) - len(rows(path))
        report = salvage(path, tmp_path / f"new{number}.db")
        new = require_true(old, tmp_path / f"new{number}.db", report)
        assert len(old) - len(new) <= 1
        lost += lost_by_sqlite
    assert lost > 15


def test_what_the_head_file_does_not_name_is_not_brought_back(tmp_path: Path) -> None:
    """WalFrames behind a damaged one may hold what was never committed."""
    path = build_log_with_wal(tmp_path / "door.db", spare=tmp_path / "spare.db")
    wal = path.with_name(path.name + "-wal")
    old = rows(path)
    wal.write_bytes(flip(wal.read_bytes(), (32 + 24 + 100) * 8))
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    end = len(rows(path))
    mark = read_head(path)
    assert mark is not None
    row = old[end + 4]
    head_path(path).write_bytes(pack(HeadMark(mark.log_id, row[0], row[0], row[11])))
    report = salvage(path, tmp_path / "new.db")
    assert report.end == end + 5
    assert report.wal_damaged
    assert set(carried(tmp_path / "new.db")) == set(range(1, end + 6))


def test_a_lost_wal_is_named_by_the_head_file(tmp_path: Path) -> None:
    """What was only there is missing, to the last position."""
    path = build_log_with_wal(tmp_path / "door.db", spare=tmp_path / "spare.db")
    old = rows(path)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink()
    end = len(rows(path))
    report = salvage(path, tmp_path / "new.db")
    assert report.missing == (Range(end + 1, len(old)),)
    require_true(old, tmp_path / "new.db", report)


def test_without_a_head_file_the_end_is_not_known(tmp_path: Path) -> None:
    """The report says so, and does not guess missing records."""
    path = build_log_with_wal(tmp_path / "door.db", spare=tmp_path / "spare.db")
    head_path(path).unlink()
    path.with_name(path.name + "-wal").unlink()
    report = salvage(path, tmp_path / "new.db")
    assert report.complete
    assert not report.end_known
