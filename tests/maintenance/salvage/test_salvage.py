"""Salvage copies what is undamaged, unchanged, and says which log it was and what is missing."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from eventlog import codecs
from eventlog.errors import (
    BadArgument,
    DatabaseMissing,
    LockTimeout,
    NotADatabase,
    UnknownKind,
)
from eventlog.facts import Motion, PersonNamed
from eventlog.followers import projector
from eventlog.journal import chain
from eventlog.journal import table as journal
from eventlog.journal.append import Append, prepare
from eventlog.journal.head_file import HeadMark, pack, read_head
from eventlog.maintenance.personal_texts import clear_texts
from eventlog.maintenance.salvage.salvage import Range, salvage
from eventlog.maintenance.verify.log import verify
from eventlog.record import StoredRecord
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import head_path, lock_path
from tests.maintenance.salvage.salvaged import (
    PAGE,
    mixed,
    overwrite,
    pages_of_records,
    require_true,
)
from tests.support.logs import (
    T0,
    build_log,
    guards_down,
    rows,
    writing,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A sound log of some three hundred records, some of them over several pages."""
    return build_log(tmp_path / "door.db", mixed(80))


# ── a sound log ──────────────────────────────────────────────────────────────────────────────
def test_a_sound_log_is_carried_over_whole(path: Path, tmp_path: Path) -> None:
    """Every record is proved, none is missing, and the head file agrees."""
    report = salvage(path, tmp_path / "new.db")
    old = rows(path)
    assert require_true(old, tmp_path / "new.db", report) == set(range(1, len(old) + 1))
    assert report.complete
    assert (report.proved, report.unproved, report.cut_appends) == (len(old), (), 0)
    assert (report.end, report.end_known, report.page_size) == (len(old), True, PAGE)
    assert not report.header_damaged
    assert not report.wal_damaged


def names_somebody(row: tuple[Any, ...]) -> bool:
    """Whether the body of a row holds a name in clear."""
    try:
        return bool(list(clear_texts(codecs.decode(row[2], row[3], row[10]))))
    except UnknownKind:
        return False


def test_the_new_log_has_an_id_and_a_chain_of_its_own(path: Path, tmp_path: Path) -> None:
    """Each record says which record of which log it was; by its digest too, unless it names one."""
    report = salvage(path, tmp_path / "new.db")
    mark, old_mark = read_head(tmp_path / "new.db"), read_head(path)
    assert mark is not None
    assert old_mark is not None
    assert mark.log_id.hex() == report.new_log_id != report.old_log_id == old_mark.log_id.hex()
    for new, old in zip(rows(tmp_path / "new.db"), rows(path), strict=True):
        origin = codecs.decode_meta(new[9])["origin"]
        digest = {} if names_somebody(old) else {"digest": chain.digest(StoredRecord._make(old))}
        assert origin == {"log_id": old_mark.log_id, "position": old[0], **digest}
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
    """A progress bar gets the number of pages read and of all pages."""
    monkeypatch.setattr("eventlog.journal.progress.EVERY", 10)
    told: list[tuple[int, int]] = []
    salvage(path, tmp_path / "new.db", progress=lambda done, total: told.append((done, total)))
    total = path.stat().st_size // PAGE
    assert told == [(done, total) for done in range(10, total + 1, 10)]


# ── appends, keys, events ────────────────────────────────────────────────────────────────────


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


def test_no_name_can_be_guessed_from_what_a_salvage_says_of_a_record(tmp_path: Path) -> None:
    """Not from its own digest, and not from one that an older program's salvage had noted."""
    older = {"origin": {"log_id": bytes(16), "position": 9, "digest": bytes(32)}}
    made = [prepare([PersonNamed(name="ada")]), prepare([Motion(camera_id="d", recorded_at=T0)])]
    metas = [Append(a.facts, opens=a.opens, meta=codecs.encode_meta(older)) for a in made]
    path = build_log(tmp_path / "door.db", metas)
    salvage(path, tmp_path / "new.db")
    named, moved = [codecs.decode_meta(row[9])["origin"] for row in rows(tmp_path / "new.db")]
    assert named == {
        "log_id": named["log_id"],
        "position": 1,
        "origin": {"log_id": bytes(16), "position": 9},
    }
    assert moved["digest"] == chain.digest(StoredRecord._make(rows(path)[1]))
    assert moved["origin"] == older["origin"]


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


# ── whose log it was ─────────────────────────────────────────────────────────────────────────


def test_a_head_file_of_another_log_is_not_believed(path: Path, tmp_path: Path) -> None:
    """The first record shows which log it belongs to."""
    old = rows(path)
    head_path(path).write_bytes(pack(HeadMark(bytes(16), 10_000, 10_000, bytes(32))))
    report = salvage(path, tmp_path / "new.db")
    assert (report.end, report.end_known) == (len(old), False)
    assert len(require_true(old, tmp_path / "new.db", report)) == len(old)


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


# ── what can't be ────────────────────────────────────────────────────────────────────────────


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
    """Half a commit is never read; after too long a wait there is an error."""
    other = FileLock(lock_path(path))
    defaults = FileLock.__init__.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "timeout_s", 0.01)
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
    assert require_true(old, tmp_path / "new.db", report) == set(range(1, len(old) + 1))
    assert report.proved == len(old)
