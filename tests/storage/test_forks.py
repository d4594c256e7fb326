"""A forked process keeps no lock, no mark and no file of its parent."""

from __future__ import annotations

import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from eventlog.storage.lock import FileLock
from eventlog.storage.open_marks import left_behind
from eventlog.storage.paths import lock_path

CHECKOUT: Final = Path(__file__).resolve().parents[2]

# Opens a log, forks a child that lives on, and dies with the lock in its hand.
DIES: Final = """
import asyncio, os, signal, sys
from eventlog import EventStore

async def main(path):
    store = EventStore(path, path + ".thumbnails")
    await store.initialize()
    store._engine.writer.lock.acquire()
    if os.fork() == 0:
        names = [os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
                 if os.path.islink(f"/proc/self/fd/{fd}")]
        print(os.getpid(), *[n for n in names if n.startswith(path + ".")], flush=True)
        sys.stdin.read()
        os._exit(0)
    os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.parametrize("held", ["the lock", "the mark"])
def test_a_child_that_outlives_its_parent_holds_nothing(tmp_path: Path, held: str) -> None:
    """The parent's lock is free, its mark shows the unclean stop, and no file of it is open."""
    path = tmp_path / "events.db"
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", DIES, str(path)],
        cwd=CHECKOUT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        try:
            _, *files = parent.stdout.readline().split()
            parent.wait(timeout=30)
            if held == "the lock":
                with closing(FileLock(lock_path(path), timeout_s=0)) as lock, lock:
                    assert lock.held
            else:
                assert len(left_behind(path)) == 1
            assert files == []
        finally:
            parent.stdin.close()  # the child ends
