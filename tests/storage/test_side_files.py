"""The files next to a log: only plain files of its owner are taken, and no link is followed."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import anyio.to_thread
import pytest

from eventlog import EventStore
from eventlog.dashboard.accounts import database
from eventlog.errors import DatabaseError, NotADatabase, UnsafeFile
from eventlog.storage import durable_files, side_files, wal_file
from eventlog.storage.lock import FileLock
from eventlog.storage.open_marks import left_behind
from eventlog.storage.paths import (
    head_path,
    lock_path,
    mark_path,
    old_head_path,
    replay_path,
    reserve_path,
    run_path,
    users_path,
    verified_path,
)
from eventlog.storage.reserve import Reserve
from eventlog.storage.side_files import NotOurs, open_side_file, read_side_file
from tests.cli.command_line import CommandLine

NOBODY: Final = 65534
root = pytest.mark.skipif(os.geteuid() != 0, reason="to give files to other users takes root")
VICTIM: Final = "somebody's letters"


def fifo(path: Path) -> None:
    """A pipe, whose other end never comes."""
    os.mkfifo(path)


def symlinked_fifo(path: Path) -> None:
    """A link to a pipe."""
    os.mkfifo(path.with_name("a pipe"))
    path.symlink_to(path.with_name("a pipe"))


def symlink(path: Path) -> None:
    """A link to a file of somebody else."""
    path.with_name("victim").write_text(VICTIM)
    path.symlink_to(path.with_name("victim"))


def dangling(path: Path) -> None:
    """A link to a file that is not there, and must not be made."""
    path.symlink_to(path.with_name("made by a link"))


def hard_link(path: Path) -> None:
    """A second name of a file of somebody else."""
    path.with_name("victim").write_text(VICTIM)
    os.link(path.with_name("victim"), path)


def folder(path: Path) -> None:
    """A folder."""
    path.mkdir()


def device(path: Path) -> None:
    """A device that is never full and never ends."""
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5))


def foreign(path: Path) -> None:
    """A file of a user who has nothing to do with the log."""
    path.write_text("")
    os.chown(path, NOBODY, NOBODY)


KINDS: Final[list[Callable[[Path], None]]] = [fifo, symlink, dangling, hard_link, folder]
AS_ROOT: Final[list[Callable[[Path], None]]] = [device, foreign]
ALL_KINDS: Final = [*KINDS, *(pytest.param(kind, marks=root) for kind in AS_ROOT)]


def require_untouched(folder: Path) -> None:
    """Nothing was written or made through a link."""
    victim = folder / "victim"
    assert not victim.exists() or victim.read_text() == VICTIM
    assert not (folder / "made by a link").exists()


def store_in(folder: Path) -> EventStore:
    """A store in a folder."""
    return EventStore(str(folder / "events.db"), str(folder / "thumbnails"))


def put_in_place(path: Path, lies: Callable[[Path], None]) -> None:
    """Put something else in the place of a file."""
    path.unlink(missing_ok=True)
    lies(path)


async def require_refused(path: Path, lies: Callable[[Path], None]) -> None:
    """A log whose file at `path` was replaced by something else is not opened, by that name."""
    async with store_in(path.parent):
        pass
    put_in_place(path, lies)
    with pytest.raises(UnsafeFile, match=path.name):
        await store_in(path.parent).initialize()


@pytest.mark.parametrize("lies", ALL_KINDS)
@pytest.mark.parametrize("path_of", [lock_path, head_path])
@pytest.mark.anyio
async def test_what_the_log_needs_and_is_no_plain_file_is_a_named_error(
    tmp_path: Path, path_of: Callable[[Path], Path], lies: Callable[[Path], None]
) -> None:
    """A lock or a head file that is something else is refused by its own name, and untouched."""
    await require_refused(path_of(tmp_path / "events.db"), lies)
    require_untouched(tmp_path)


@pytest.mark.parametrize("lies", ALL_KINDS)
@pytest.mark.anyio
async def test_a_replay_whose_lock_is_no_plain_file_is_a_named_error(
    tmp_path: Path, lies: Callable[[Path], None]
) -> None:
    """The log still works; the replay is refused."""
    lies(replay_path(tmp_path / "events.db"))
    async with store_in(tmp_path) as store:
        with pytest.raises(UnsafeFile, match=r"events\.db\.replay"):
            await store.replay()
    require_untouched(tmp_path)


@pytest.mark.parametrize("lies", ALL_KINDS)
@pytest.mark.parametrize("path_of", [reserve_path, lambda path: mark_path(path, "abc")])
@pytest.mark.anyio
async def test_what_the_log_can_do_without_is_left_alone(
    tmp_path: Path, path_of: Callable[[Path], Path], lies: Callable[[Path], None]
) -> None:
    """A reserve or a mark that is something else is ignored: the log opens and closes."""
    path = path_of(tmp_path / "events.db")
    lies(path)
    async with store_in(tmp_path) as store:
        await store.write_event("front_door", "2026-02-25T10:30:00")
    assert path.is_symlink() or path.exists()
    require_untouched(tmp_path)


@pytest.mark.parametrize("kind", [fifo, pytest.param(device, marks=root), symlinked_fifo])
@pytest.mark.anyio
async def test_a_database_that_is_a_pipe_or_a_device_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: Callable[[Path], None]
) -> None:
    """Nothing waits for the other end of a pipe, neither a store nor a command that reads."""
    kind(tmp_path / "events.db")
    with pytest.raises(NotADatabase, match=r"events\.db is a pipe, a socket or a device"):
        await store_in(tmp_path).initialize()
    for command in (["status"], ["events"], ["verify"], ["tail"], ["export"]):
        said = await anyio.to_thread.run_sync(
            lambda command=command: CommandLine(capsys, tmp_path / "events.db")(*command)  # type: ignore[misc]  # mypy can't infer a lambda with a default
        )
        assert (said.code, "is a pipe" in said.err) == (2, True), said


@pytest.mark.parametrize("lies", ALL_KINDS)
@pytest.mark.parametrize("ending", ["-wal", "-shm", "-journal"])
@pytest.mark.anyio
async def test_sqlite_writes_into_no_file_of_somebody_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str, lies: Callable[[Path], None]
) -> None:
    """SQLite follows a second name of a file, and would write its index of the WAL into it."""
    path = tmp_path / f"events.db{ending}"
    await require_refused(path, lies)
    said = CommandLine(capsys, tmp_path / "events.db")("status")
    assert (said.code, path.name in said.err) == (2, True), said
    require_untouched(tmp_path)


@pytest.mark.parametrize("lies", ALL_KINDS)
def test_the_accounts_write_into_no_file_of_somebody_else(
    tmp_path: Path, lies: Callable[[Path], None]
) -> None:
    """Their rollback journal is a plain file of ours, or an error that names it."""
    lies(tmp_path / "events.db.users-journal")
    with pytest.raises(UnsafeFile, match="users-journal"):
        database.connect(users_path(tmp_path / "events.db"))
    require_untouched(tmp_path)


def test_a_reserve_that_is_a_link_is_not_given_up(tmp_path: Path) -> None:
    """On a full disk its target keeps its content."""
    symlink(reserve_path(tmp_path / "events.db"))
    reserve = Reserve(tmp_path / "events.db", size_bytes=4096)
    reserve.keep()
    assert not reserve.give_up()
    assert reserve.restored()
    require_untouched(tmp_path)


@pytest.mark.anyio
async def test_a_head_file_of_fifty_gigabytes_is_read_no_further_than_a_head(
    tmp_path: Path,
) -> None:
    """It is damaged, kept aside, and costs no memory."""
    path = tmp_path / "events.db"
    async with store_in(tmp_path):
        pass
    os.truncate(head_path(path), 50 * 1024**3)
    assert len(read_side_file(head_path(path), 100)) == 100
    async with store_in(tmp_path):
        pass
    assert old_head_path(path, 1).stat().st_size == 50 * 1024**3


ENDINGS = (".lock", ".reserve", ".replay", ".run", ".open-abc", ".outside", ".verified", ".users")


@pytest.mark.parametrize("ending", [*ENDINGS, "-shm", "-wal", "-journal"])
@pytest.mark.anyio
async def test_a_file_of_fifty_gigabytes_beside_a_log_is_not_read_through(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], ending: str
) -> None:
    """The log opens, appends, replays and closes, and no byte of it is written out."""
    async with store_in(tmp_path):
        pass
    path = tmp_path / f"events.db{ending}"
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    os.truncate(path, 50 * 1024**3)
    if ending == "-wal":
        assert wal_file.bytes_in_use(path) == 0  # or the 50 GB are read twice at each start
    async with store_in(tmp_path) as store:
        await store.write_event("front_door", "2026-02-25T10:30:00")
        await store.replay()
        assert len(await store.get_recent_events()) == 1
    assert not path.exists() or path.stat().st_blocks * 512 < 16 * 1024**2
    if ending == ".users":
        said = CommandLine(capsys, tmp_path / "events.db")("user", "list")
        assert (said.code, "events.db.users: file is not a database" in said.err) == (2, True), said


@pytest.mark.parametrize("lies", ALL_KINDS)
def test_a_door_whose_lock_is_no_plain_file_is_a_named_error(
    tmp_path: Path, lies: Callable[[Path], None]
) -> None:
    """`eventlog run` takes a lock of its own, which it opens by the same rule."""
    path = run_path(tmp_path / "events.db")
    lies(path)
    with pytest.raises(UnsafeFile, match=path.name), closing(FileLock(path)) as lock:
        lock.acquire()
    require_untouched(tmp_path)


@pytest.mark.parametrize("lies", ALL_KINDS)
def test_what_lies_beside_a_file_as_if_a_kill_had_left_it_is_not_overwritten(
    tmp_path: Path, lies: Callable[[Path], None]
) -> None:
    """Only a plain file of ours with one name is cleared and deleted."""
    spare = tmp_path / "0.seals.999999999-00.new"
    lies(spare)
    left = tmp_path / "0.seals.999999999-01.new"
    left.write_text("of a killed process")
    durable_files.sweep_spares(tmp_path / "0.seals")
    require_untouched(tmp_path)
    assert spare.is_symlink() or spare.exists()
    assert not left.exists()


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_a_file_that_can_be_read_only_by_a_trick_is_not_read(
    tmp_path: Path, kind: Callable[[Path], None]
) -> None:
    """Accounts and the word of the last verify are opened by the same rule."""
    for path in (users_path(tmp_path / "events.db"), verified_path(tmp_path / "events.db")):
        kind(path)
        with pytest.raises(NotOurs):
            read_side_file(path, 100)
        with pytest.raises(NotOurs):
            open_side_file(path, os.O_RDWR, make=True)
        (tmp_path / "victim").unlink(missing_ok=True)
        path.rmdir() if kind is folder else path.unlink()


def test_a_new_file_has_the_mode_of_the_database(tmp_path: Path) -> None:
    """A log that a group shares is shared with all its files, whatever the umask."""
    path = tmp_path / "events.db"
    path.touch()
    path.chmod(0o660)
    os.close(open_side_file(lock_path(path), os.O_RDWR, make=True))
    assert stat.S_IMODE(lock_path(path).stat().st_mode) == 0o660
    path.chmod(0o600)
    os.close(open_side_file(head_path(path), os.O_RDWR, make=True))
    assert stat.S_IMODE(head_path(path).stat().st_mode) == 0o600


def test_a_folder_that_everybody_may_write_to_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Anybody could put a file in the place of one of the log's."""
    side_files.warn_of_open_folder(tmp_path / "events.db")
    assert caplog.text == ""
    tmp_path.chmod(0o777)
    side_files.warn_of_open_folder(tmp_path / "events.db")
    assert f"every user may write to {tmp_path}" in caplog.text


@pytest.mark.parametrize(
    "path_of", [lock_path, head_path, replay_path, reserve_path, users_path, verified_path]
)
def test_a_link_to_a_log_and_the_log_have_the_same_files(
    tmp_path: Path, path_of: Callable[[Path], Path]
) -> None:
    """A replay by the one name excludes a replay by the other, and so for every file."""
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "events.db").touch()
    (tmp_path / "link.db").symlink_to(tmp_path / "a" / "events.db")
    assert path_of(tmp_path / "link.db") == path_of(tmp_path / "a" / "events.db")


# ── files of another user ──────────────────────────────────────────────────────────────────


@pytest.fixture
def service_folder() -> Iterator[Path]:
    """A folder of a user that is not root."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chown(name, NOBODY, NOBODY)
        yield Path(name)


def owners(folder: Path) -> set[int]:
    """Whose the files in a folder and below it are."""
    return {path.stat().st_uid for path in folder.rglob("*")}


@root
@pytest.mark.anyio
async def test_what_root_makes_belongs_to_the_owner_of_the_folder_or_the_database(
    service_folder: Path,
) -> None:
    """`sudo eventlog` leaves nothing behind that the service can't use."""
    async with store_in(service_folder) as store:
        await store.write_event("front_door", "2026-02-25T10:30:00")
        await store.replay()
        assert owners(service_folder) == {NOBODY}
    durable_files.write_new(service_folder / "thumbnails", "spare", ["new.jpg"], b"picture")
    assert owners(service_folder) == {NOBODY}


# Opens the log once as root, so that all is imported, and then as the service's user.
AS_SERVICE: Final = """
import asyncio, os, pwd, sys, tempfile
from eventlog import EventStore

async def use(folder):
    async with EventStore(folder + "/events.db", folder + "/thumbnails") as store:
        await store.write_event("front_door", "2026-02-25T10:30:00")

with tempfile.TemporaryDirectory() as other:
    asyncio.run(use(other))
os.setgroups([])
os.setgid(65534)
os.setuid(65534)
try:
    asyncio.run(use(sys.argv[1]))
except Exception as error:
    print(type(error).__name__, error)
"""


def as_service(folder: Path) -> str:
    """The error that the service's user gets."""
    done = subprocess.run(
        [sys.executable, "-c", AS_SERVICE, str(folder)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return done.stdout


@root
def test_a_mark_that_can_not_be_opened_keeps_nobody_from_starting(service_folder: Path) -> None:
    """A kill left a mark of root's; it is not the service's to judge."""
    assert as_service(service_folder) == ""
    mark = mark_path(service_folder / "events.db", "0123")
    mark.touch(mode=0o600)
    assert as_service(service_folder) == ""
    assert left_behind(service_folder / "events.db") == [mark]  # root may judge it


@root
@pytest.mark.parametrize("path_of", [lock_path, head_path, lambda path: path])
def test_an_error_names_the_file_at_fault_and_its_owner(
    service_folder: Path, path_of: Callable[[Path], Path]
) -> None:
    """Not the database, where it is the lock file that root made."""
    assert as_service(service_folder) == ""
    path = path_of(service_folder / "events.db")
    os.chown(path, 0, 0)
    path.chmod(0o600)
    told = as_service(service_folder)
    assert told.startswith("ReadOnly "), told
    assert f"{path}" in told.split(":")[0] + ":"
    assert "belongs to user root" in told


def test_an_unsafe_file_is_an_error_of_the_database() -> None:
    """So that a program that handles those handles it."""
    assert issubclass(UnsafeFile, DatabaseError)
