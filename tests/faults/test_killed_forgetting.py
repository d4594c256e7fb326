"""`forget` and `seal`, killed at their system calls: finished, or finished by the next run.

After a kill the log is whole, and what the next run reports is true: no byte of the name is left.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import anyio
import pytest

from eventlog.maintenance.verify.log import verify
from tests.cli.test_forget import NAME, OTHER, fill, found_in

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

CHECKOUT = Path(__file__).resolve().parents[2]
CALLS: Final = (
    "pwrite64",
    "fsync,fdatasync",
    "unlink,unlinkat,ftruncate",
    "rename,renameat,renameat2,link,linkat",
)
MOST: Final = 2_000  # no run has so many calls of a kind
FEW: Final = (1, 7)  # where a run of every day is killed


KILLED: Final = pytest.mark.parametrize(
    ("calls", "every"),
    [
        *((calls, False) for calls in CALLS),
        *(pytest.param(calls, True, marks=pytest.mark.faults) for calls in CALLS),
    ],
)


def eventlog(*words: object) -> list[str]:
    """The command line of eventlog."""
    return [sys.executable, "-m", "eventlog", *map(str, words)]


def run(program: list[str], keys: Path, *before: str) -> subprocess.CompletedProcess[str]:
    """Run a program with the folder of keys."""
    return subprocess.run(
        [*before, *program],
        cwd=CHECKOUT,
        env={**os.environ, "KEYS_DIR": str(keys), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def kills(
    folder: Path, template: Path, program: list[str], calls: str, *, every: bool
) -> Iterator[str]:
    """Put the folder back and kill a run at each call of a kind, or at a few; says where."""
    numbers = range(1, MOST) if every else FEW
    for number in numbers:
        shutil.rmtree(folder)
        shutil.copytree(template, folder)
        inject = f"inject={calls}:signal=SIGKILL:when={number}"
        strace = ("strace", "-f", "-qq", "-o", "/dev/null", "-e", f"trace={calls}", "-e", inject)
        done = run(program, folder / "keys", *strace)
        if done.returncode >= 0 and done.returncode != 137:
            assert done.returncode == 0, done.stderr
            assert number > numbers[0], f"no call of {calls} was killed"
            return
        yield f"{calls} {number}"


def prepared(tmp_path: Path, *, sealed: bool) -> tuple[Path, Path]:
    """The folder of a door, and a copy of it to put back."""
    folder, template = tmp_path / "door", tmp_path / "template"
    for name in ("log", "stick"):
        (folder / name).mkdir(parents=True)
    anyio.run(fill, folder / "log" / "events.db", folder / "keys" if sealed else None)
    if sealed:
        at = ("--db", folder / "log" / "events.db")
        backup = eventlog("keys", "backup", folder / "stick" / "door.keys", *at)
        assert run(backup, folder / "keys").returncode == 0
    else:
        (folder / "keys").mkdir(mode=0o700)
    shutil.copytree(folder, template)
    return folder, template


@KILLED
def test_a_killed_forgetting_is_finished_by_the_next_run(
    tmp_path: Path, calls: str, every: bool
) -> None:
    """Whether the name was erased by then or not."""
    folder, template = prepared(tmp_path, sealed=True)
    db = folder / "log" / "events.db"
    at = ("--db", db, "--thumbnails", folder / "log" / "thumbnails")
    program = eventlog("forget", NAME, "--yes", *at)
    for where in kills(folder, template, program, calls, every=every):
        again = run(program, folder / "keys")
        assert again.returncode == 0 or "is no person" in again.stderr, (where, again)
        assert found_in(folder) == [], where
        assert verify(db).ok, where
        events = run(eventlog("events", *at), folder / "keys").stdout
        assert events.count(OTHER) == 3, where
        assert events.count("erased person") == 3, where
        assert len(list((folder / "log" / "thumbnails").glob("*.jpg"))) == 3, where


@KILLED
def test_a_killed_sealing_leaves_the_old_log_or_the_new_one(
    tmp_path: Path, calls: str, every: bool
) -> None:
    """Each whole; the next run seals, or overwrites what is left of the old one."""
    folder, template = prepared(tmp_path, sealed=False)
    db = folder / "log" / "events.db"
    at = ("--db", db, "--thumbnails", folder / "log" / "thumbnails")
    program = eventlog("seal", "--copy", folder / "stick" / "door.keys", *at)
    for where in kills(folder, template, program, calls, every=every):
        assert verify(db).ok, where
        again = run(program, folder / "keys")
        assert again.returncode == 0 or "sealed already" in again.stderr, (where, again)
        assert verify(db).ok, where
        assert not list(db.parent.glob("*.in-clear")), where
        forgotten = run(eventlog("forget", NAME, "--yes", *at), folder / "keys")
        assert forgotten.returncode == 0, (where, forgotten)
        assert found_in(folder) == [], where
