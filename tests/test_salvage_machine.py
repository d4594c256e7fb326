"""Salvage carries what is whole, and says exactly what is missing."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventlog import chain, codecs, journal, projector
from eventlog.appends import Append, EncodedFact, prepare
from eventlog.database import lock_path
from eventlog.errors import BadArgument, DatabaseMissing, LockTimeout, NotADatabase
from eventlog.facts import Motion, PersonNamed
from eventlog.head import HeadMark, head_path, pack, read_head
from eventlog.lock import FileLock
from eventlog.record import StoredRecord
from eventlog.salvage.cells import rows as rows_of_page
from eventlog.salvage.files import Files
from eventlog.salvage.pages import Cell, leaf_cells, payload, record_header
from eventlog.salvage.salvage import Range, SalvageReport, salvage
from eventlog.verify import verify
from tests.logs import (
    T0,
    appends,
    build_log,
    build_log_with_wal,
    flip,
    guards_down,
    rows,
    seed_for,
    writing,
)

PAGE = 4096


def large(seed: int, count: int) -> list[Append]:
    """Appends of a kind of a later program, whose bodies need overflow pages."""
    rng = random.Random(seed)
    made = []
    for _ in range(count):
        body = codecs.encode_meta(
            {"kind": "sound", "version": 1, "samples": rng.randbytes(rng.randrange(12_000))}
        )
        made.append(Append((EncodedFact("sound", 1, body),), opens=False))
    return made


def mixed(visits: int, seed: int = 1) -> list[Append]:
    """Visits, and large records among them."""
    made = [*appends(visits, seed), *large(seed, visits // 40)]
    random.Random(seed).shuffle(made)
    return made


def carried(target: Path) -> dict[int, StoredRecord]:
    """The new log's rows by the positions that they had in the old one, with their old meta."""
    found = {}
    for columns in rows(target):
        row = StoredRecord._make(columns)
        meta = codecs.decode_meta(row.meta)
        origin = meta.pop("origin")
        found[origin["position"]] = row._replace(meta=codecs.encode_meta(meta) if meta else None)
    return found


def insist_true(old: list[tuple[Any, ...]], target: Path, report: SalvageReport) -> set[int]:
    """Hold a new log against the old rows; the old positions that it has.

    What is carried is what was written, unproved records excepted; what is not is named.
    """
    new = carried(target)
    doubtful = {p for r in report.unproved for p in range(r.first, r.last + 1)}
    compared = ("event_id", "kind", "version", "format", "appended_at", "meta", "body")
    for position, row in new.items():
        before = StoredRecord._make(old[position - 1])
        if position not in doubtful:
            assert [getattr(row, c) for c in compared] == [getattr(before, c) for c in compared]
    missing = {p for r in report.missing for p in range(r.first, r.last + 1)}
    assert missing == set(range(1, len(old) + 1)) - set(new)
    assert report.carried == len(new) == report.proved + report.repaired + len(doubtful)
    assert list(new) == sorted(new)
    assert verify(target).ok
    return set(new)


def pages_of_records(path: Path) -> dict[int, set[int]]:
    """The pages that each record of a sound log has bytes on."""
    found: dict[int, set[int]] = {}
    with Files.open(path, path.with_name(path.name + "-wal")) as files:
        for number in range(1, files.pages + 1):
            page = files.read(number)
            assert page is not None
            positions = {row.position for row, _ in rows_of_page(page, number, files.read)}
            for cell in leaf_cells(page, number):
                header = record_header(page, cell.start)
                if cell.rowid in positions and header is not None and len(header.types) == 12:
                    found[cell.rowid] = {number, *overflow_pages(page, cell, files)}
    return found


def overflow_pages(page: bytes, cell: Cell, files: Files) -> list[int]:
    """The pages that a cell's record goes on."""
    touched: list[int] = []

    def read(number: int) -> bytes | None:
        touched.append(number)
        return files.read(number)

    assert payload(page, cell.start, cell.size, read) is not None
    return touched


def overwrite(path: Path, numbers: Iterable[int], rng: random.Random) -> None:
    """Put noise in place of pages."""
    data = bytearray(path.read_bytes())
    for number in numbers:
        data[(number - 1) * PAGE : number * PAGE] = rng.randbytes(PAGE)
    path.write_bytes(data)


# ── a sound log ────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound log of some three hundred records, some of them over several pages."""
    return build_log(tmp_path / "door.db", mixed(80))


def test_a_sound_log_is_carried_over_whole(path: Path, tmp_path: Path) -> None:
    """Every record is proved, none is missing, and the head file agrees."""
    report = salvage(path, tmp_path / "new.db")
    old = rows(path)
    assert insist_true(old, tmp_path / "new.db", report) == set(range(1, len(old) + 1))
    assert report.complete
    assert (report.proved, report.unproved, report.cut_appends) == (len(old), (), 0)
    assert (report.end, report.end_known, report.page_size) == (len(old), True, PAGE)
    assert not report.header_damaged
    assert not report.wal_damaged


def test_the_new_log_has_an_id_and_a_chain_of_its_own(path: Path, tmp_path: Path) -> None:
    """Each record says which record of which log it was, by its digest too."""
    report = salvage(path, tmp_path / "new.db")
    mark, old_mark = read_head(tmp_path / "new.db"), read_head(path)
    assert mark is not None
    assert old_mark is not None
    assert mark.log_id.hex() == report.new_log_id != report.old_log_id == old_mark.log_id.hex()
    for new, old in zip(rows(tmp_path / "new.db"), rows(path), strict=True):
        assert codecs.decode_meta(new[9])["origin"] == {
            "log_id": old_mark.log_id,
            "position": old[0],
            "digest": chain.digest(old),
        }
        assert new[11] != old[11]


def test_the_new_log_answers_its_keys_and_goes_on(path: Path, tmp_path: Path) -> None:
    """Receipts name the same records, and the next append finds its place."""
    target = tmp_path / "new.db"
    salvage(path, target)
    with closing(sqlite3.connect(path)) as old, writing(target) as new:
        keys = [row[8] for row in rows(path) if row[8] is not None]
        assert keys
        for key in keys:
            assert journal.find_append(new, key) == journal.find_append(old, key)
        assert journal.last_event(new) == journal.last_event(old)
        while not projector.project_batch(new).at_end:
            pass
        views = "SELECT * FROM events ORDER BY id"
        assert new.execute(views).fetchall() == old.execute(views).fetchall()


def test_what_salvage_makes_is_its_owners_alone(path: Path, tmp_path: Path) -> None:
    """A database and a head file, both 0600, and nothing else."""
    folder = tmp_path / "new"
    folder.mkdir()
    salvage(path, folder / "new.db")
    assert {entry.name for entry in folder.iterdir()} == {"new.db", "new.db.head"}
    assert {entry.stat().st_mode & 0o777 for entry in folder.iterdir()} == {0o600}


def test_the_damaged_log_is_only_read(path: Path, tmp_path: Path) -> None:
    """Not a byte of it is changed."""
    overwrite(path, [1, 3], random.Random(1))
    before = path.read_bytes()
    salvage(path, tmp_path / "new.db")
    assert path.read_bytes() == before


def test_a_salvaged_log_can_be_salvaged(path: Path, tmp_path: Path) -> None:
    """Each origin holds the one before it."""
    salvage(path, tmp_path / "new.db")
    second = salvage(tmp_path / "new.db", tmp_path / "newer.db")
    assert second.complete
    origin = codecs.decode_meta(rows(tmp_path / "newer.db")[4][9])["origin"]
    assert origin["position"] == origin["origin"]["position"] == 5
    assert origin["log_id"] != origin["origin"]["log_id"]


def test_progress_is_told(path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A caller with a progress bar hears of pages read and of all there are."""
    monkeypatch.setattr("eventlog.salvage.salvage._PROGRESS_STEP", 10)
    told: list[tuple[int, int]] = []
    salvage(path, tmp_path / "new.db", progress=lambda done, total: told.append((done, total)))
    total = path.stat().st_size // PAGE
    assert told == [(done, total) for done in range(10, total + 1, 10)]


# ── pages of noise ─────────────────────────────────────────────────────────────────────────


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
    new = insist_true(old, tmp_path / "new.db", report)
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
    """The schema and every root may be gone: the rows lie in the leaves."""
    path = build_log(tmp_path / "door.db", 300, project=False)
    old = rows(path)
    with closing(sqlite3.connect(path)) as connection:
        (log_page,) = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = 'log'"
        ).fetchone()
    overwrite(path, {1, log_page, *root_pages(path)}, random.Random(1))
    report = salvage(path, tmp_path / "new.db")
    assert len(insist_true(old, tmp_path / "new.db", report)) == len(old)
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
    assert len(insist_true(old, tmp_path / "new.db", report)) == len(old)


def test_a_file_that_was_cut_off_gives_what_is_left(path: Path, tmp_path: Path) -> None:
    """The records on the pages that are there, and the head file tells how many there were."""
    old, where = rows(path), pages_of_records(path)
    data = path.read_bytes()
    keep = len(data) // 2 // PAGE
    path.write_bytes(data[: keep * PAGE + 100])
    report = salvage(path, tmp_path / "new.db")
    new = insist_true(old, tmp_path / "new.db", report)
    assert new == {position for position, on in where.items() if max(on) <= keep}
    assert report.missing[-1].last == len(old) == report.end


def test_pages_that_the_disk_does_not_give_are_counted(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bad sector costs its page; reading goes on."""
    old, where = rows(path), pages_of_records(path)
    real = os.pread

    def pread(fd: int, size: int, offset: int) -> bytes:
        if size == PAGE and offset in {4 * PAGE, 9 * PAGE}:
            raise OSError(5, "Input/output error")
        return real(fd, size, offset)

    monkeypatch.setattr(os, "pread", pread)
    report = salvage(path, tmp_path / "new.db")
    new = insist_true(old, tmp_path / "new.db", report)
    assert report.unreadable_pages == 2
    assert new == {position for position, on in where.items() if not on & {5, 10}}


# ── flipped bits ───────────────────────────────────────────────────────────────────────────


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
        new = insist_true(old, target, report)
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
    insist_true(old, tmp_path / "body.db", report)
    path.write_bytes(flip(sound, (at + len(old[20][10]) + 3) * 8))
    report = salvage(path, tmp_path / "hash.db")
    assert report.complete
    assert (report.proved, report.repaired) == (len(old) - 1, 1)
    insist_true(old, tmp_path / "hash.db", report)


# ── the WAL ────────────────────────────────────────────────────────────────────────────────


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
        new = insist_true(old, tmp_path / f"new{number}.db", report)
        assert len(old) - len(new) <= 1
        lost += lost_by_sqlite
    assert lost > 15


def test_what_the_head_file_does_not_name_is_not_brought_back(tmp_path: Path) -> None:
    """Frames behind a damaged one may hold what was never committed."""
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
    insist_true(old, tmp_path / "new.db", report)


def test_without_a_head_file_the_end_is_not_known(tmp_path: Path) -> None:
    """That is said, and nothing is called missing that nobody named."""
    path = build_log_with_wal(tmp_path / "door.db", spare=tmp_path / "spare.db")
    head_path(path).unlink()
    path.with_name(path.name + "-wal").unlink()
    report = salvage(path, tmp_path / "new.db")
    assert report.complete
    assert not report.end_known


# ── appends, keys, events ──────────────────────────────────────────────────────────────────


def lose(path: Path, positions: Iterable[int]) -> None:
    """Damage the bodies of records."""
    with guards_down(path) as connection:
        connection.executemany(
            "UPDATE journal SET body = x'80' WHERE position = ?", [(p,) for p in positions]
        )


def test_an_append_that_lost_records_goes_on_as_a_smaller_one(tmp_path: Path) -> None:
    """Its receipt names the positions that there are; a key whose record is lost is lost."""
    made = [prepare([PersonNamed(name=name) for name in "abcd"], key=key) for key in ("one", "two")]
    path = build_log(tmp_path / "door.db", made)
    lose(path, [3, 5])
    report = salvage(path, tmp_path / "new.db")
    assert report.missing == (Range(3, 3), Range(5, 5))
    assert report.cut_appends == 2
    with closing(sqlite3.connect(tmp_path / "new.db")) as connection:
        receipt = journal.find_append(connection, "one")
        assert receipt is not None
        assert receipt.positions == (1, 2, 3)
        assert journal.find_append(connection, "two") is None
    sizes = [(row[6], row[7]) for row in rows(tmp_path / "new.db")]
    assert sizes == [(0, 3), (1, 3), (2, 3)] * 2
    assert verify(tmp_path / "new.db").ok


def test_facts_whose_opener_is_lost_keep_their_event(tmp_path: Path) -> None:
    """The event's number stays, and no later event takes it."""
    motion = Motion(camera_id="front_door", recorded_at=T0)
    made = [prepare([motion]), prepare([motion, PersonNamed(name="a")]), prepare([motion])]
    path = build_log(tmp_path / "door.db", made)
    lose(path, [2])
    salvage(path, tmp_path / "new.db")
    assert [(row[1], row[2]) for row in rows(tmp_path / "new.db")] == [
        (1, "motion"),
        (2, "person_named"),
        (3, "motion"),
    ]
    assert verify(tmp_path / "new.db").ok


def test_a_meta_that_is_no_map_is_kept_under_its_origin(tmp_path: Path) -> None:
    """It was written and is proved; it just can't be read."""
    made = [prepare([PersonNamed(name="a")])]
    path = build_log(tmp_path / "door.db", [Append(made[0].facts, opens=False, meta=b"\x01")])
    with guards_down(path) as connection:
        row = StoredRecord._make(journal.read_after(connection, 0, 1)[0])._replace(meta=b"\x01")
        row_hash = chain.link(chain.genesis(journal.log_id(connection)), chain.digest(row))
        connection.execute("UPDATE journal SET meta = x'01', hash = ?", (row_hash,))
    head_path(path).unlink()
    salvage(path, tmp_path / "new.db")
    origin = codecs.decode_meta(rows(tmp_path / "new.db")[0][9])["origin"]
    assert origin["meta"] == b"\x01"


# ── whose log it was ───────────────────────────────────────────────────────────────────────


def test_a_head_file_of_another_log_is_not_believed(path: Path, tmp_path: Path) -> None:
    """The first record tells whose log it is."""
    old = rows(path)
    head_path(path).write_bytes(pack(HeadMark(bytes(16), 10_000, 10_000, bytes(32))))
    report = salvage(path, tmp_path / "new.db")
    assert (report.end, report.end_known) == (len(old), False)
    assert len(insist_true(old, tmp_path / "new.db", report)) == len(old)


def test_a_log_that_lost_its_id_is_known_by_its_head_file(path: Path, tmp_path: Path) -> None:
    """The first record proves it then as well."""
    with guards_down(path) as connection:
        connection.execute("DELETE FROM log")
        connection.execute("VACUUM")
    mark = read_head(path)
    assert mark is not None
    report = salvage(path, tmp_path / "new.db")
    assert report.old_log_id == mark.log_id.hex()
    assert report.proved == len(rows(path))


def test_a_log_without_any_id_is_carried_all_the_same(path: Path, tmp_path: Path) -> None:
    """Its first record is unproved then, and the origins name no log."""
    with guards_down(path) as connection:
        connection.execute("DELETE FROM log")
        connection.execute("VACUUM")
    head_path(path).unlink()
    report = salvage(path, tmp_path / "new.db")
    assert report.old_log_id is None
    assert report.unproved == (Range(1, 1),)
    assert report.carried == len(rows(path))
    assert codecs.decode_meta(rows(tmp_path / "new.db")[0][9])["origin"]["log_id"] is None


# ── what can't be ──────────────────────────────────────────────────────────────────────────


def test_what_is_no_log_and_what_is_in_the_way_are_named(path: Path, tmp_path: Path) -> None:
    """Nothing is made then."""
    with pytest.raises(DatabaseMissing):
        salvage(tmp_path / "none.db", tmp_path / "new.db")
    with pytest.raises(BadArgument, match="exists already"):
        salvage(path, path)
    for name, content in (("text.db", b"no log " * 9999), ("empty.db", b"")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(NotADatabase):
            salvage(tmp_path / name, tmp_path / "new.db")
    assert not (tmp_path / "new.db").exists()
    assert not list(tmp_path.glob(".new.db*"))


def test_a_log_that_is_being_written_is_waited_for(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a commit is never read; who waits too long is told."""
    other = FileLock(lock_path(path))
    monkeypatch.setattr(FileLock.__init__, "__kwdefaults__", {"timeout_s": 0.01})
    with other, pytest.raises(LockTimeout):
        salvage(path, tmp_path / "new.db")
    other.close()
    assert salvage(path, tmp_path / "new.db").complete


def test_an_empty_log_is_carried_over_as_an_empty_log(tmp_path: Path) -> None:
    """There is nothing to lose."""
    path = build_log(tmp_path / "door.db", 0)
    report = salvage(path, tmp_path / "new.db")
    assert (report.carried, report.missing) == (0, ())
    assert verify(tmp_path / "new.db").ok


def test_old_copies_in_free_pages_do_no_harm(path: Path, tmp_path: Path) -> None:
    """A page that SQLite has given up still holds rows as they were once."""
    old = rows(path)
    data = path.read_bytes()
    leaf = min(pages_of_records(path)[40])
    stale = bytearray(data[(leaf - 1) * PAGE : leaf * PAGE])
    at = stale.index(old[39][10])
    stale[at + 4] ^= 1
    path.write_bytes(data + bytes(stale))
    report = salvage(path, tmp_path / "new.db")
    assert insist_true(old, tmp_path / "new.db", report) == set(range(1, len(old) + 1))
    assert report.proved == len(old)
