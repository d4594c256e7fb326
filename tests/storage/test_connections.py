"""Connections: where a database may lie, whose it is, and what is set on each connection.

A file that is not ours is refused by name and stays as it is, byte for byte, with nothing left
beside it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog.errors import (
    BadArgument,
    DatabaseError,
    DatabaseMissing,
    EventLogError,
    ForeignDatabase,
    LockTimeout,
    MissingFolder,
    NewerDatabase,
    NotADatabase,
)
from eventlog.journal.head_file import HeadFile
from eventlog.storage import connections
from eventlog.storage.connections import connect_reader, connect_writer
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import checked_path, head_path, lock_path, wal_path
from eventlog.store.compat.caller_connection import connect_caller
from tests.journal.guarded_log import contents, make_log

ODD_NAMES: Final = ["log.db", "a b.db", "100%.db", "what?.db", "#1.db", "ümlaut 🚪.db", "a'b;c.db"]


@contextmanager
def writer(path: Path) -> Iterator[sqlite3.Connection]:
    """The package's own writing connection, closed inside the lock as it must be."""
    lock = FileLock(lock_path(path))
    try:
        connection = connect_writer(path, lock)
        try:
            yield connection
        finally:
            with lock:
                connection.close()
    finally:
        lock.close()


def ask(connection: sqlite3.Connection, pragma: str) -> Any:
    """What a pragma answers."""
    return connection.execute(f"PRAGMA {pragma}").fetchone()[0]


def mode_of(path: Path) -> int:
    """The permissions of a file."""
    return path.stat().st_mode & 0o777


@contextmanager
def umask(mask: int) -> Iterator[None]:
    """Another umask for a while."""
    before = os.umask(mask)
    try:
        yield
    finally:
        os.umask(before)


# ── where a database may lie ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "path", ["", ":memory:", "file::memory:?cache=shared", "file:log.db", "a/:memory:", "a\0b.db"]
)
def test_what_is_no_file_of_its_own_is_a_bad_argument(path: str) -> None:
    """A log in memory would be lost; a URI could mean one."""
    with pytest.raises(BadArgument, match="a file of its own"):
        checked_path(path)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    """The folder is not made: it may be a disk that is not mounted."""
    (tmp_path / "file").touch()
    for folder in (tmp_path / "no", tmp_path / "no" / "deeper", tmp_path / "file"):
        with pytest.raises(MissingFolder, match=str(folder)):
            checked_path(folder / "log.db")
    assert not (tmp_path / "no").exists()


def test_a_folder_is_no_database(tmp_path: Path) -> None:
    """A folder of that name is named as what it is."""
    with pytest.raises(NotADatabase, match="is a folder"):
        checked_path(tmp_path)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_any_name_of_a_file_will_do(tmp_path: Path, name: str) -> None:
    """Characters that mean something in a URI are a file's own here, for writer and reader."""
    path = checked_path(str(tmp_path / name))
    assert path == tmp_path / name
    make_log(path)
    with writer(path) as connection:
        written = contents(connection)
    with closing(connect_reader(path)) as connection:
        assert contents(connection) == written
    assert {file.name for file in tmp_path.iterdir()} == {
        name + end for end in ("", ".lock", "-wal", "-shm")
    }


# ── whose database it is ───────────────────────────────────────────────────────────────────


def foreign(path: Path, *statements: str) -> None:
    """A database of another program."""
    with closing(sqlite3.connect(path)) as connection:
        for sql in ("CREATE TABLE bookmarks (x)", "INSERT INTO bookmarks VALUES (1)", *statements):
            connection.execute(sql)
        connection.commit()


def cut(path: Path) -> None:
    """A database that lost its second half, as a copy that was broken off."""
    foreign(path, "INSERT INTO bookmarks SELECT zeroblob(99999)")
    os.truncate(path, path.stat().st_size // 2 + 100)


def newer(path: Path) -> None:
    """A log of ours that a later version wrote."""
    make_log(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {connections.USER_VERSION + 1}")


STRANGERS: Final[dict[str, tuple[Callable[[Path], object], type[DatabaseError]]]] = {
    "text": (lambda path: path.write_text("door events\n" * 200), NotADatabase),
    "a short file": (lambda path: path.write_bytes(b"xy"), NotADatabase),
    "another program's": (foreign, ForeignDatabase),
    "another application id": (
        lambda path: foreign(path, "PRAGMA application_id = 252006674"),
        ForeignDatabase,
    ),
    "a journal of another's": (
        lambda path: foreign(path, "CREATE TABLE journal (position INTEGER PRIMARY KEY)"),
        ForeignDatabase,
    ),
    "another's in WAL mode": (
        lambda path: foreign(path, "COMMIT", "PRAGMA journal_mode = WAL"),
        ForeignDatabase,
    ),
    "of a newer version": (newer, NewerDatabase),
    "cut short": (cut, DatabaseError),
}
OPENERS: Final[dict[str, Callable[[Path], object]]] = {
    "writer": lambda path: writer(path).__enter__(),
    "reader": connect_reader,
}


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
@pytest.mark.parametrize("stranger", STRANGERS.values(), ids=STRANGERS)
def test_what_is_not_ours_is_named_and_stays_untouched(
    tmp_path: Path,
    stranger: tuple[Callable[[Path], object], type[DatabaseError]],
    opener: Callable[[Path], object],
) -> None:
    """No byte changes, no WAL is made, and only our lock file is added.

    A read-only connection to a database in WAL mode leaves that mode's empty files.
    """
    make, error = stranger
    path = tmp_path / "stranger.db"
    make(path)
    before = path.read_bytes(), path.stat().st_mtime_ns
    with pytest.raises(error, match=r"stranger\.db|version"):
        opener(path)
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before
    left = {file.name for file in tmp_path.iterdir() if file.stat().st_size > 0}
    in_wal_mode = before[0][18:20] == b"\2\2"
    assert left - {path.name} <= ({f"{path.name}-shm"} if in_wal_mode else set())


def test_a_reader_makes_no_file(tmp_path: Path) -> None:
    """A log that is not there is named, and not made by looking."""
    with pytest.raises(DatabaseMissing, match=r"no\.db"):
        connect_reader(tmp_path / "no.db")
    assert list(tmp_path.iterdir()) == []


def test_a_reader_of_a_folder_or_an_empty_file_is_told_so(tmp_path: Path) -> None:
    """Both exist, and neither is a log."""
    (tmp_path / "empty.db").touch()
    with pytest.raises(ForeignDatabase):
        connect_reader(tmp_path / "empty.db")
    with pytest.raises(DatabaseError):
        connect_reader(tmp_path)
    assert (tmp_path / "empty.db").read_bytes() == b""


def test_an_empty_file_is_nobodys_yet(tmp_path: Path) -> None:
    """A file of no bytes, as mktemp makes it, may become a log."""
    path = tmp_path / "empty.db"
    path.touch()
    with writer(path) as connection:
        assert connections.origin(connection, path) == "empty"


def test_a_plain_store_is_known_by_its_three_tables(tmp_path: Path) -> None:
    """What a store of before holds can be adopted; with a table too few it is a stranger's."""
    tables = ["events", "detections", "persons"]
    for count in (2, 3):
        path = tmp_path / f"{count}.db"
        with closing(sqlite3.connect(path)) as connection:
            for table in [*tables[:count], "settings"]:
                connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY)")
    with pytest.raises(ForeignDatabase), writer(tmp_path / "2.db"):
        pass
    with writer(tmp_path / "3.db") as connection:
        assert connections.origin(connection, tmp_path / "3.db") == "plain"


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_look_sees_one_state_of_a_file_that_another_makes_a_log_of(
    tmp_path: Path, mode: str
) -> None:
    """In WAL mode an earlier one; without a WAL the other has to wait."""
    path = tmp_path / "events.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA journal_mode = {mode}")
        for table in ("events", "detections", "persons"):
            connection.execute(f"CREATE TABLE {table} (id INTEGER PRIMARY KEY)")
    seen: list[list[str]] = []

    def check(connection: sqlite3.Connection) -> None:
        with closing(sqlite3.connect(path, timeout=0)) as other, suppress(sqlite3.OperationalError):
            other.execute("CREATE TABLE journal (position INTEGER PRIMARY KEY)")
        names = connection.execute("SELECT name FROM sqlite_schema ORDER BY name").fetchall()
        seen.append([name for (name,) in names])

    connections.look(path, check)
    assert seen == [["detections", "events", "persons"]]


def test_ours_is_ours(tmp_path: Path) -> None:
    """A log is opened by each kind of connection, as often as one likes."""
    path = make_log(tmp_path / "log.db")
    for _ in range(2):
        with writer(path) as connection:
            assert connections.origin(connection, path) == "ours"
        with closing(connect_reader(path)) as connection:
            assert connections.is_ours(connection)
        with closing(connect_caller(path)) as connection:
            assert connections.is_ours(connection)


# ── what is set on a connection ────────────────────────────────────────────────────────────


def test_every_connection_that_may_write_has_its_pragmas(tmp_path: Path) -> None:
    """Writer and store.db: what the contract asks for, and no WAL checkpoint but our own."""
    path = make_log(tmp_path / "log.db")
    with writer(path) as ours, closing(connect_caller(path)) as theirs:
        for connection in (ours, theirs):
            assert ask(connection, "journal_mode") == "wal"
            assert ask(connection, "foreign_keys") == 1
            assert ask(connection, "busy_timeout") == 5000
            assert ask(connection, "synchronous") == 1
            assert ask(connection, "wal_autocheckpoint") == 0
            assert ask(connection, "secure_delete") == 1
        assert theirs.row_factory is sqlite3.Row


def test_wal_is_set_before_anything_is_made(tmp_path: Path) -> None:
    """A fresh file is in WAL mode, without auto_vacuum, before the first table."""
    with writer(tmp_path / "new.db") as connection:
        assert ask(connection, "journal_mode") == "wal"
        assert ask(connection, "auto_vacuum") == 0
        assert connection.execute("SELECT count(*) FROM sqlite_schema").fetchone() == (0,)


def test_a_database_that_refuses_wal_is_named(tmp_path: Path) -> None:
    """Without WAL readers would stop writers: it is an error, not a slower log."""
    path = make_log(tmp_path / "log.db")
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        connection = sqlite3.connect(":memory:")
        with closing(connection), pytest.raises(DatabaseError, match="refuses WAL"):
            connections.set_pragmas(connection)
        holder.execute("ROLLBACK")


def test_a_reader_cannot_write(tmp_path: Path) -> None:
    """Opened read-only: neither rows nor pragmas change the file."""
    path = make_log(tmp_path / "log.db")
    with closing(connect_reader(path)) as connection:
        assert ask(connection, "busy_timeout") == 5000
        before = contents(connection)
        for sql in (
            "CREATE TABLE mine (x)",
            "DROP TRIGGER journal_no_delete",
            "INSERT INTO checkpoints VALUES ('events', 1, 1)",
            "PRAGMA user_version = 7",
            "VACUUM",
        ):
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                connection.execute(sql)
        assert contents(connection) == before


def test_a_reader_sees_what_is_committed_while_it_is_open(tmp_path: Path) -> None:
    """Readers hold no snapshot between two statements."""
    path = make_log(tmp_path / "log.db")
    with writer(path) as connection, closing(connect_reader(path)) as reader:
        for version in (1, 2, 3):
            connection.execute("REPLACE INTO checkpoints VALUES ('events', ?, 0)", (version,))
            assert reader.execute("SELECT version FROM checkpoints").fetchall() == [(version,)]


@pytest.mark.parametrize("mask", [0o022, 0o000, 0o077])
def test_every_file_is_the_owners_alone(tmp_path: Path, mask: int) -> None:
    """Database, WAL, its index, lock and head: 0600 under any umask."""
    path = tmp_path / "log.db"
    with umask(mask), writer(path) as connection:
        connection.execute("CREATE TABLE mine (x)")
        HeadFile(path).close()
        files = [path, lock_path(path), head_path(path), wal_path(path)]
        files.append(path.with_name("log.db-shm"))
        assert [oct(mode_of(file)) for file in files] == ["0o600"] * 5
        assert {*tmp_path.iterdir()} == {*files}


def test_the_mode_of_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    """If an owner lets a group read the log, it still can."""
    path = make_log(tmp_path / "log.db")
    path.chmod(0o640)
    with writer(path) as connection:
        connection.execute("INSERT INTO checkpoints VALUES ('events', 1, 1)")
        assert mode_of(path) == mode_of(wal_path(path)) == 0o640


# ── transactions ───────────────────────────────────────────────────────────────────────────


def test_a_transaction_is_immediate_and_commits(tmp_path: Path) -> None:
    """From its first statement on, no other connection can write; its changes are committed."""
    path = make_log(tmp_path / "log.db")
    with writer(path) as connection, closing(sqlite3.connect(path, timeout=0)) as other:
        with connections.transaction(connection):
            with pytest.raises(sqlite3.OperationalError, match="locked"):
                other.execute("BEGIN IMMEDIATE")
            connection.execute("INSERT INTO checkpoints VALUES ('events', 1, 1)")
        assert not connection.in_transaction
        assert other.execute("SELECT count(*) FROM checkpoints").fetchone() == (1,)


@pytest.mark.parametrize("error", [KeyError, KeyboardInterrupt, sqlite3.OperationalError])
def test_a_transaction_that_raises_is_rolled_back(
    tmp_path: Path, error: type[BaseException]
) -> None:
    """Whatever ends the block ends the transaction, and is raised on."""

    def fail(connection: sqlite3.Connection) -> None:
        with connections.transaction(connection):
            connection.execute("INSERT INTO checkpoints VALUES ('events', 1, 1)")
            raise error

    with writer(make_log(tmp_path / "log.db")) as connection:
        with pytest.raises(error):
            fail(connection)
        assert not connection.in_transaction
        assert connection.execute("SELECT count(*) FROM checkpoints").fetchone() == (0,)


def test_a_transaction_that_sqlite_ended_itself_is_not_rolled_back_again(tmp_path: Path) -> None:
    """After some failures SQLite has rolled back already; the first error is the one raised."""
    with writer(make_log(tmp_path / "log.db")) as connection:
        connection.execute("CREATE TABLE mine (x INTEGER PRIMARY KEY)")
        connection.execute("INSERT INTO mine VALUES (1)")
        with pytest.raises(sqlite3.IntegrityError), connections.transaction(connection):
            connection.execute("INSERT OR ROLLBACK INTO mine VALUES (1)")
        assert not connection.in_transaction


def test_a_writer_that_cannot_get_the_lock_says_so(tmp_path: Path) -> None:
    """Opening waits for the lock as every write does, and leaves nothing open when it fails."""
    path = make_log(tmp_path / "log.db")
    mine = FileLock(lock_path(path), timeout_s=0.0)
    with FileLock(lock_path(path)) as theirs, pytest.raises(LockTimeout):
        connect_writer(path, mine)
    theirs.close()
    mine.close()


def test_errors_of_opening_are_all_of_one_root(tmp_path: Path) -> None:
    """A program that opens a log can catch one name."""
    for path in ("", tmp_path / "no" / "log.db", tmp_path):
        with pytest.raises(EventLogError):
            checked_path(path)
