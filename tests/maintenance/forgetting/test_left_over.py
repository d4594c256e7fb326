"""What is searched for a name, and what is found of it outside the seals."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.facts import FaceResult, Motion, PersonNamed, UnlockAction
from eventlog.journal.append import prepare
from eventlog.maintenance.forgetting import left_over, scan
from eventlog.maintenance.forgetting.left_over import Held
from tests.support.logs import T0, build_log


def test_every_file_of_a_log_is_searched_and_no_other(tmp_path: Path) -> None:
    """The database, the files next to it with its name, and files that are named as well."""
    path = build_log(tmp_path / "door.db", 2)
    for name in ("door.db-wal", "door.db.heads", "door.db.head.old", "door.dbx", "other.db"):
        (tmp_path / name).write_bytes(b"x canary x")
    elsewhere = tmp_path / "keys"
    elsewhere.mkdir()
    (elsewhere / "one.seals").write_bytes(b"canarycanary")
    files = scan.files_of(path, [elsewhere / "one.seals", elsewhere / "gone"])
    assert scan.occurrences(files, ["canary"]) == {
        tmp_path / "door.db-wal": 1,
        tmp_path / "door.db.heads": 1,
        tmp_path / "door.db.head.old": 1,
        elsewhere / "one.seals": 2,
    }


@settings(max_examples=60, deadline=None)
@given(
    data=st.lists(st.sampled_from([b"ab", b"a", b"b", b"x" * 9]), max_size=30).map(b"".join),
    texts=st.lists(st.sampled_from(["ab", "aab", "bxb", "a"]), min_size=1, unique=True),
    chunk=st.integers(1, 20),
)
def test_a_search_in_pieces_finds_what_one_in_all_bytes_finds(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, texts: list[str], chunk: int
) -> None:
    """Wherever the pieces are cut."""
    path = tmp_path_factory.mktemp("scan") / "file"
    path.write_bytes(data)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(scan, "_CHUNK", max(chunk, *map(len, texts)))
        found = scan.occurrences([path], texts).get(path, 0)
    starts = [at for text in texts for at in range(len(data)) if data.startswith(text.encode(), at)]
    assert found == len(starts)


def test_records_are_told_apart_by_where_they_hold_a_name(tmp_path: Path) -> None:
    """As a name in clear, in a rule, in a key, in a meta."""
    path = build_log(
        tmp_path / "door.db",
        [
            prepare([PersonNamed(name="canary", display_name="Ada")]),
            prepare([Motion(camera_id="door", recorded_at=T0), FaceResult(name="canary bird")]),
            prepare([UnlockAction(granted=False, rule="canary may not", person="bo")]),
            prepare([PersonNamed(name="bo")], key="canary:7"),
        ],
    )
    with closing(sqlite3.connect(path)) as connection:
        found = left_over.in_records(connection, ["canary", "Ada"])
        nothing = left_over.in_records(connection, ["cyril"])
    assert found == Held(in_clear=1, keys=1, metas=0, others=2)
    assert nothing == Held()


def test_tables_of_an_adoption_lose_the_name_and_keep_the_rest(tmp_path: Path) -> None:
    """Only cells that are the name itself."""
    path = build_log(tmp_path / "door.db", 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute('CREATE TABLE legacy_persons (id, "the name", phone)')
        rows = [(1, "canary", "555"), (2, "bo", "canary"), (3, "canary bird", None)]
        connection.executemany("INSERT INTO legacy_persons VALUES (?, ?, ?)", rows)
        assert left_over.clear_legacy(connection, ["canary"]) == 2
        left = connection.execute("SELECT * FROM legacy_persons").fetchall()
    assert left == [(1, None, "555"), (2, "bo", None), (3, "canary bird", None)]


def test_the_files_of_one_person_are_not_those_of_another(tmp_path: Path) -> None:
    """The name and a number, and not a longer name that begins like it."""
    for name in ("ada.jpg", "ada_2.png", "ada 3.jpg", "ada-4.jpeg", "adam.jpg", "ada", "bo.jpg"):
        (tmp_path / name).touch()
    found = [path.name for path in left_over.known_faces(tmp_path, ["ada"])]
    assert found == ["ada 3.jpg", "ada-4.jpeg", "ada.jpg", "ada_2.png"]
    assert left_over.known_faces(tmp_path / "none", ["ada"]) == []
