"""Import, backup, salvage and the takeover of a plain store, killed anywhere: all of it or nothing.

What a kill leaves can be opened, or is not there; the same command then does its work. A leftover
folder `.NAME.new-…` beside the target harms nobody.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from eventlog.journal import table as journal
from eventlog.maintenance.verify.log import verify
from eventlog.storage.connections import connect_reader
from tests.store.compat.plain_stores import VISIT, plain_store
from tests.support.dumps import soundness_of, views_of
from tests.support.logs import build_log, rows, seed_for

CHECKOUT = Path(__file__).resolve().parents[2]
VISITS = 1_000
MANY = pytest.mark.parametrize("kills", [3, pytest.param(30, marks=pytest.mark.faults)])

# Opens the store at a path, which takes a plain store over, and closes it again.
OPENER = """
import asyncio, sys
from eventlog import EventStore

async def main(path):
    async with EventStore(path, path + ".thumbnails") as store:
        await store.caught_up(await store.reader.last_position())

asyncio.run(main(sys.argv[1]))
"""


def eventlog(*words: object) -> list[str]:
    """The command line of eventlog."""
    return [sys.executable, "-m", "eventlog", *map(str, words)]


def opener(path: Path) -> list[str]:
    """The command line that opens a store."""
    return [sys.executable, "-c", OPENER, str(path)]


def run(program: list[str]) -> None:
    """Run a program to its end; it must succeed."""
    done = subprocess.run(program, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def killed_at_random(
    program: list[str], kills: int, put_back: Callable[[], object]
) -> Iterator[None]:
    """Kill a program at a random moment of its run; the caller looks each time at what it left."""
    random = Random(seed_for("kills"))
    put_back()
    began = time.monotonic()
    run(program)
    whole_s = time.monotonic() - began
    for _ in range(kills):
        put_back()
        with subprocess.Popen(
            program, cwd=CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            time.sleep(random.uniform(0.3, 1.0) * whole_s)  # where it dies is what is random here
            process.kill()
        yield


def emptied(folder: Path) -> Path:
    """A folder with nothing in it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def require_whole(path: Path, end: int) -> None:
    """A log of so many records in which `verify` finds nothing."""
    assert verify(path).findings == ()
    with closing(connect_reader(path)) as connection:
        assert journal.last_position(connection) == end


@MANY
@pytest.mark.parametrize("tool", ["backup", "salvage"])
def test_a_copy_that_was_killed_is_whole_or_not_there(
    tmp_path: Path, tool: str, kills: int
) -> None:
    """The source is unchanged, and the next attempt succeeds."""
    log = build_log(tmp_path / "events.db", VISITS)
    before = log.read_bytes()
    target = tmp_path / "there" / "copy.db"
    program = eventlog(tool, target, "--db", log)
    for _ in killed_at_random(program, kills, lambda: emptied(target.parent)):
        if not target.exists():
            run(program)
        require_whole(target, len(rows(log)))
    assert log.read_bytes() == before


@MANY
@pytest.mark.parametrize("opened_before", [False, True], ids=["no log yet", "an empty log"])
def test_an_import_that_was_killed_is_whole_or_not_there(
    tmp_path: Path, kills: int, opened_before: bool
) -> None:
    """Into a file that is not there, and into an empty log."""
    log = build_log(tmp_path / "events.db", VISITS)
    archive = tmp_path / "archive.jsonl"
    run(eventlog("export", archive, "--db", log))
    target = tmp_path / "there" / "restored.db"

    def put_back() -> None:
        emptied(target.parent)
        if opened_before:
            build_log(target, 0)

    program = eventlog("import", archive, "--db", target)
    for _ in killed_at_random(program, kills, put_back):
        if not (target.exists() and rows(target)):
            run(program)
        require_whole(target, len(rows(log)))
        run(opener(target))
        assert len(views_of(target)["events"]) == VISITS


def plain_store_at(path: Path) -> None:
    """A plain store of some visits, as its pipeline left it."""
    emptied(path.parent)
    with plain_store(path, [{**VISIT, "id": number} for number in range(1, VISITS + 1)]):
        pass


@MANY
def test_a_takeover_that_was_killed_is_whole_or_has_not_begun(tmp_path: Path, kills: int) -> None:
    """The file is a plain store or a log, and the next start makes one log of it, ids and all."""
    path = tmp_path / "there" / "events.db"
    for _ in killed_at_random(opener(path), kills, lambda: plain_store_at(path)):
        run(opener(path))
        require_taken_over(path)


@pytest.mark.parametrize("times", [2, pytest.param(20, marks=pytest.mark.faults)])
def test_two_who_take_a_plain_store_over_at_once_make_one_log(tmp_path: Path, times: int) -> None:
    """One of them does it and the other waits; each visit is there once."""
    path = tmp_path / "there" / "events.db"
    for _ in range(times):
        plain_store_at(path)
        both = [
            subprocess.Popen(opener(path), cwd=CHECKOUT, stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        complaints = [process.communicate(timeout=60)[1] for process in both]
        assert [process.returncode for process in both] == [0, 0], complaints
        require_taken_over(path)


def require_taken_over(path: Path) -> None:
    """Each visit once, under its id, in an undamaged log."""
    assert verify(path).findings == ()
    assert soundness_of(path) == [("ok",)]
    events = views_of(path)["events"]
    assert [event[0] for event in events] == list(range(1, VISITS + 1))
    kinds = [row[2] for row in rows(path)]
    assert kinds.count("ding") == VISITS
