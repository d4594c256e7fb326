"""One writer at a time: the lock excludes in and between processes, and is released."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eventlog.errors import DiskFailure, LockTimeout, ReadOnly
from eventlog.storage.lock import TIMEOUT_S, FileLock

# Takes the lock, says so, and holds it until its input ends.
HOLDER = """
import sys
from pathlib import Path
from eventlog.storage.lock import FileLock
with FileLock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the lock file."""
    return tmp_path / "log.db.lock"


def at_once(path: Path) -> FileLock:
    """A lock that does not wait."""
    return FileLock(path, timeout_s=0.0)


@contextmanager
def other_process(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the lock until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"held\n"
            yield process
        finally:
            process.kill()


def test_a_lock_excludes_another_in_the_same_process(path: Path) -> None:
    """A file descriptor is let in twice by flock; two FileLocks have two."""
    first, second = FileLock(path), at_once(path)
    with first:
        assert first.held
        with pytest.raises(LockTimeout):
            second.acquire()
        assert not second.held
    second.acquire()
    with pytest.raises(LockTimeout):
        at_once(path).acquire()
    assert (first.held, second.held) == (False, True)
    first.close()
    second.close()


def test_a_lock_excludes_another_process(path: Path) -> None:
    """What another process holds can be had when that process lets go."""
    lock = at_once(path)
    with other_process(path) as process:
        with pytest.raises(LockTimeout):
            lock.acquire()
        process.communicate(b"", timeout=30)
        with lock:
            assert lock.held
    lock.close()


def test_a_killed_holder_leaves_the_lock_free(path: Path) -> None:
    """The system lets go for a process that can't: no stale lock is left behind."""
    lock = at_once(path)
    with other_process(path) as process:
        process.send_signal(signal.SIGKILL)
        assert process.wait(timeout=30) == -signal.SIGKILL
        with lock:
            assert lock.held
    lock.close()


def test_a_waiting_lock_gets_its_turn(path: Path) -> None:
    """A waiter does not fail while its timeout lasts, and has the lock once the other lets go."""
    first, second = FileLock(path), FileLock(path, timeout_s=60)
    tries = threading.Event()
    waited: list[bool] = []

    def wait() -> None:
        tries.set()
        with second:
            waited.append(first.held)

    first.acquire()
    waiter = threading.Thread(target=wait)
    waiter.start()
    assert tries.wait(30)
    assert waited == []
    first.release()
    waiter.join(30)
    assert waited == [False]
    first.close()
    second.close()


def test_waiting_too_long_is_a_named_error(path: Path) -> None:
    """The error says which file and how long; the lock can be tried again afterwards."""
    holder, lock = FileLock(path), FileLock(path, timeout_s=0.01)
    with holder, pytest.raises(LockTimeout, match=rf"{path}.* 0\.01 s"):
        lock.acquire()
    with lock:
        assert lock.held
    holder.close()
    lock.close()


def test_the_wait_is_five_seconds_where_nothing_is_said() -> None:
    """The timeout that the project promises."""
    assert TIMEOUT_S == 5.0


def test_what_is_held_is_acquired_again_without_waiting(path: Path) -> None:
    """The last release lets go, and no release before it."""
    lock, other = FileLock(path), at_once(path)
    with lock:
        with lock:
            lock.acquire()
            lock.release()
        with pytest.raises(LockTimeout):
            other.acquire()
    with other:
        assert other.held
    lock.close()
    other.close()


def test_a_block_that_raises_lets_go(path: Path) -> None:
    """An error inside the lock does not shut everybody else out."""
    lock, other = FileLock(path), at_once(path)
    with pytest.raises(KeyError), lock:
        raise KeyError
    with other:
        assert not lock.held
    lock.close()
    other.close()


def test_closing_lets_go_however_often_it_was_acquired(path: Path) -> None:
    """A store that closes in mid-work leaves no lock; closing again does nothing."""
    lock, other = FileLock(path), at_once(path)
    lock.acquire()
    lock.acquire()
    lock.close()
    assert not lock.held
    with other:
        lock.close()
        with pytest.raises(LockTimeout):
            at_once(path).acquire()
    other.close()


def test_the_file_is_the_owners_alone(path: Path) -> None:
    """Made 0600 under any umask; a file that is there keeps its mode and its content."""
    before = os.umask(0o022)
    try:
        FileLock(path).close()
    finally:
        os.umask(before)
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_text("kept")
    path.chmod(0o640)
    with FileLock(path) as lock:
        assert path.read_text() == "kept"
    lock.close()
    assert path.stat().st_mode & 0o777 == 0o640


def test_a_lock_file_that_was_deleted_or_replaced_is_left_for_the_one_that_is_there(
    path: Path,
) -> None:
    """Somebody tidies up under an open store: its next turn is at the file that others find."""
    first, other = FileLock(path), at_once(path)
    for replaced in (False, True):
        if replaced:
            path.with_name("another").touch()
            path.with_name("another").replace(path)
        else:
            path.unlink()
        late = at_once(path)
        with late:
            with pytest.raises(LockTimeout):
                other.acquire()
            assert not other.held
        with first:
            for lock in (late, other):
                with pytest.raises(LockTimeout):
                    lock.acquire()
        late.close()
    first.close()
    other.close()


def test_a_lock_whose_folder_is_gone_is_a_named_error(tmp_path: Path) -> None:
    """And the lock is not held then."""
    (tmp_path / "folder").mkdir()
    lock = FileLock(tmp_path / "folder" / "lock")
    (tmp_path / "folder" / "lock").unlink()
    (tmp_path / "folder").rmdir()
    with pytest.raises(DiskFailure, match="can't be opened"):
        lock.acquire()
    assert not lock.held
    lock.close()


def test_a_started_program_does_not_inherit_the_lock(path: Path) -> None:
    """A program that outlives us would hold it on: the descriptor is closed in it."""
    lock, other = FileLock(path), at_once(path)
    lock.acquire()
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; print(flush=True); sys.stdin.read()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        close_fds=False,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"\n"
        lock.close()
        with other:
            assert process.poll() is None
        process.communicate(b"", timeout=30)
    other.close()


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EPERM])
def test_a_file_that_cannot_be_written_is_read_only(
    path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """A read-only disk or another's folder is a named error, with the path in it."""

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(ReadOnly, match=str(path)):
        FileLock(path)
