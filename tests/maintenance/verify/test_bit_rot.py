"""verify finds a flipped bit wherever it changes what a log holds, and names the place."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from eventlog.errors import EventLogError
from eventlog.followers.compare import check
from eventlog.journal import table as journal
from eventlog.maintenance.verify.log import verify
from eventlog.record import StoredRecord
from tests.support.logs import (
    build_log,
    build_log_with_wal,
    contents,
    flip,
    positions,
    rows,
    seed_for,
)


def first_difference(before: list[Any], after: list[Any]) -> int | None:
    """The first position at which two journals differ."""
    for position, (old, new) in enumerate(zip(before, after, strict=False), start=1):
        if old != new:
            return position
    return None if len(before) == len(after) else min(len(before), len(after)) + 1


def check_flip(path: Path, before: dict[str, Any], bit: int) -> bool:
    """Hold verify's answer against what a flip changed; whether it changed anything."""
    after = contents(path)

    try:
        report = verify(path, check_views=lambda: map(str, check(path)))
    except EventLogError:
        assert after != before
        return True
    if after == before:
        return False
    assert not report.ok, f"bit {bit} was missed"
    where = after and first_difference(before["journal"], after.get("journal", []))
    if where:
        assert min(positions(report)) == where, f"bit {bit} was named wrong"
    return True


@pytest.mark.parametrize("count", [100, pytest.param(3000, marks=pytest.mark.faults)])
def test_a_flipped_bit_in_the_database_file_is_found(tmp_path: Path, count: int) -> None:
    """Every flip that changes what the file holds is found, the first record hit is named."""
    rng = random.Random(seed_for("database flips"))
    path = build_log(tmp_path / "door.db", 60)
    sound, before = path.read_bytes(), contents(path)
    assert before is not None
    changed = 0
    for _ in range(count):
        bit = rng.randrange(len(sound) * 8)
        path.write_bytes(flip(sound, bit))
        changed += check_flip(path, before, bit)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    assert changed > count / 10


@pytest.mark.parametrize("count", [40, pytest.param(500, marks=pytest.mark.faults)])
def test_a_flipped_bit_in_the_wal_is_found(tmp_path: Path, count: int) -> None:
    """SQLite silently drops the rest of the WAL; the head file shows what is missing."""
    rng = random.Random(seed_for("WAL flips"))
    path = build_log_with_wal(tmp_path / "door.db", spare=tmp_path / "spare.db")
    wal = path.with_name(path.name + "-wal")
    sound, sound_wal, before = path.read_bytes(), wal.read_bytes(), contents(path)
    assert before is not None
    for _ in range(count):
        bit = rng.randrange(len(sound_wal) * 8)
        path.write_bytes(sound)
        wal.write_bytes(flip(sound_wal, bit))
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
        assert check_flip(path, before, bit)


def test_a_flipped_bit_in_body_or_hash_is_found_at_the_record(tmp_path: Path) -> None:
    """Body and hash are next to each other on the disk; each bit of them counts."""
    path = build_log(tmp_path / "door.db", 20, project=False)
    sound = path.read_bytes()
    rng = random.Random(seed_for("row flips"))
    for row in rng.sample(rows(path), 30):
        stored = row[10] + row[11]
        at = sound.find(stored)
        assert at > 0
        path.write_bytes(flip(sound, (at * 8) + rng.randrange(len(stored) * 8)))
        assert positions(verify(path))[0] == row[0]


def test_the_journal_is_read_by_its_own_columns() -> None:
    """The walk reads rows in the order of the table's columns, hash last."""
    assert journal.COLUMNS.split(", ") == [*StoredRecord._fields]
