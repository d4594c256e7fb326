"""Several processes on one log, with kills at random, freezes, and nothing between them.

Two appenders, a replay, a follower and a reader: nothing is lost, nothing stands there twice,
order is kept, and nobody hears that the database is locked.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import pytest

from eventlog.errors import LockTimeout
from eventlog.facts import PersonNamed
from eventlog.followers import compare as replay_check
from eventlog.journal import table as journal
from eventlog.maintenance.verify.log import verify
from eventlog.storage.connections import connect_reader
from eventlog.storage.writer import Writer
from eventlog.store.event_store import EventStore
from tests.faults.crowd import ALL_WRITTEN, DB, END
from tests.support.writer_in_transaction import HOLDER

CHECKOUT = Path(__file__).resolve().parents[2]
BESIDE = ("replay", "follow", "read")


class Crowd:
    """The processes, by name; what they complain about goes to a file each."""

    def __init__(self, folder: Path, *, wal_limit: int | None = None) -> None:
        self.folder = folder
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._commands: dict[str, list[str]] = {}
        self._environment = dict(os.environ)
        if wal_limit is not None:
            self._environment["CROWD_WAL_LIMIT"] = str(wal_limit)

    def start(self, part: str, name: str, until: int = 0) -> None:
        """Let a process begin."""
        command = [sys.executable, "-m", "tests.faults.crowd", part, str(self.folder), name]
        self._commands[name] = [*command, str(until)]
        self._again(name)

    def kill_one(self, random: Random) -> None:
        """SIGKILL one of those that run, and let it begin again."""
        running = [name for name, process in self._processes.items() if process.poll() is None]
        if running:
            name = random.choice(running)
            self._processes[name].kill()
            self._processes[name].wait()
            self._again(name)

    def running(self, *names: str) -> bool:
        """Whether one of these runs."""
        return any(self._processes[name].poll() is None for name in names)

    def end(self) -> None:
        """End all processes, followers last; each must exit normally."""
        (self.folder / END).touch()
        for name in sorted(self._processes, key="follow".__eq__):
            if name == "follow":
                (self.folder / ALL_WRITTEN).touch()
            assert self._processes[name].wait(timeout=60) == 0, self.complaints(name)

    def kill(self) -> None:
        """Kill all processes."""
        for process in self._processes.values():
            process.kill()
            process.wait()

    def complaints(self, name: str) -> str:
        """What a process wrote to its standard error."""
        return (self.folder / f"{name}.err").read_text(encoding="utf-8")

    def answers(self, name: str) -> list[Any]:
        """What a process was answered."""
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]

    def _again(self, name: str) -> None:
        with (self.folder / f"{name}.err").open("ab") as errors:
            self._processes[name] = subprocess.Popen(
                self._commands[name], cwd=CHECKOUT, stderr=errors, env=self._environment
            )


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder in memory, where the machine has one: as fast as it goes."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder in it is made by mkdtemp
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        yield Path(name)


async def make_log(folder: Path) -> None:
    """An empty log, so that those who only read find one."""
    async with EventStore(str(folder / DB), str(folder / "thumbnails")):
        pass


def require_sound(folder: Path) -> None:
    """SQLite finds the file sound, `verify` the log, and the views are those of a replay."""
    report = verify(folder / DB)
    assert report.findings == ()
    assert replay_check.check(folder / DB) == []


def require_all_there(crowd: Crowd, names: tuple[str, ...], until: int) -> None:
    """Every append is in the journal once, at the position in its receipt, and in its order."""
    with closing(connect_reader(crowd.folder / DB)) as connection:
        rows = list(journal.read_all(connection))
    positions = {row.key: row.position for row in rows if row.key is not None}
    assert [row.position for row in rows] == list(range(1, len(rows) + 1))
    for name in names:
        answers = crowd.answers(name)
        assert [number for number, _, _ in answers] == list(range(until))
        for number, told, _ in answers:
            assert positions[f"{name}:{number}"] == told[0]
        # One append may overtake another only among those that waited together.
        starts = [positions[f"{name}:{number}"] for number in range(until)]
        assert all(
            max(starts[n : n + 8]) < min(starts[n + 8 : n + 16]) for n in range(0, until - 8, 8)
        )
    appended = [row.key for row in rows if row.key and row.key.partition(":")[0] in names]
    assert len(appended) == len(set(appended)) == until * len(names)


def live_with_kills(folder: Path, *, until: int, kills: int, seed: int) -> None:
    """Run all processes, kill some at random, and check that nothing was lost."""
    print(f"seed {seed}")  # noqa: T201 - a random test says its seed
    random = Random(seed)
    asyncio.run(make_log(folder))
    crowd = Crowd(folder)
    try:
        for name in ("anna", "bert"):
            crowd.start("append", name, until)
        for part in BESIDE:
            crowd.start(part, part)
        for _ in range(kills):
            time.sleep(random.uniform(0.05, 0.6))  # when a process dies is what is random here
            crowd.kill_one(random)
        while crowd.running("anna", "bert"):
            time.sleep(0.05)
        crowd.end()
    finally:
        crowd.kill()
    for name in ("anna", "bert", *BESIDE):
        assert "locked" not in crowd.complaints(name)
        assert "Traceback" not in crowd.complaints(name), crowd.complaints(name)
    require_all_there(crowd, ("anna", "bert"), until)
    require_sound(folder)
    followed = [position for position, _ in crowd.answers("follow")]
    assert followed == list(range(1, len(followed) + 1))
    with closing(connect_reader(folder / DB)) as connection:
        assert len(followed) == journal.last_position(connection)
    assert all(whole for whole, _ in crowd.answers("read"))


def test_a_few_kills_among_several_processes_lose_nothing(folder: Path) -> None:
    """Two appenders, a replay, a follower and a reader, three of them killed."""
    live_with_kills(folder, until=150, kills=3, seed=SystemRandom().randrange(2**31))


@pytest.mark.faults
def test_many_kills_among_several_processes_lose_nothing(folder: Path) -> None:
    """The same for longer, with 80 kills."""
    live_with_kills(folder, until=4_000, kills=80, seed=SystemRandom().randrange(2**31))


@pytest.mark.faults
def test_two_minutes_as_fast_as_it_goes_leave_the_database_sound(folder: Path) -> None:
    """Two writers, a replay and WAL checkpoints after every few pages, in memory, for 120 s."""
    asyncio.run(make_log(folder))
    crowd = Crowd(folder, wal_limit=16 * 1024)
    many = 10**9
    try:
        crowd.start("relaxed", "anna", many)
        crowd.start("relaxed", "bert", many)
        for part in BESIDE:
            crowd.start(part, part)
        until = time.monotonic() + 120
        while time.monotonic() < until:
            time.sleep(1)
            assert crowd.running("anna"), crowd.complaints("anna")
            assert crowd.running("bert"), crowd.complaints("bert")
    finally:
        crowd.kill()
    for name in ("anna", "bert", *BESIDE):
        assert crowd.complaints(name) == ""
    print(f"{len(crowd.answers('anna')) + len(crowd.answers('bert'))} appends")  # noqa: T201 - the figure
    require_sound(folder)
    with closing(connect_reader(folder / DB)) as connection:
        keys = [row.key for row in journal.read_all(connection) if row.key is not None]
    assert len(keys) == len(set(keys))


# ── writes and WAL checkpoints ─────────────────────────────────────────────────────────────

_TRACED = "flock,close,pwrite64,ftruncate,clone,clone3"
_LOCK = re.compile(r"flock\((\d+)<([^>]*)>, LOCK_EX.* = 0$")
_UNLOCK = re.compile(r"(?:flock|close)\((\d+)<([^>]*)>(?:, LOCK_UN)?\)")
_WRITE = re.compile(r"(?:pwrite64|ftruncate)\(\d+<([^>]*)>")
_THREAD = re.compile(r"clone3?\(.*CLONE_THREAD.* = (\d+)$")
_RESUMED = re.compile(r"<\.\.\. \w+ resumed>")


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")
def test_writes_and_wal_checkpoints_never_overlap(folder: Path) -> None:
    """In a trace of two appenders, a caller's SQL and a replay, each write is inside the lock."""
    asyncio.run(make_log(folder))
    (folder / END).touch()
    trace = folder / "trace"
    crowd = " & ".join(
        f"{sys.executable} -m tests.faults.crowd {part} {folder} {name} 60"
        for part, name in (("append", "anna"), ("append", "bert"), ("caller", "c"), ("replay", "r"))
    )
    strace = f"strace -f --seccomp-bpf -y -e signal=none -e trace={_TRACED} -o"
    subprocess.run(
        ["sh", "-c", f"{strace} {trace} sh -c '{crowd} & wait'"],  # noqa: S607 - found by PATH
        cwd=CHECKOUT,
        env={**os.environ, "CROWD_WAL_LIMIT": "16384"},
        check=True,
        timeout=120,
    )
    written = require_inside_lock(trace.read_text(errors="replace").splitlines())
    assert written[DB] > 20, "no WAL checkpoint was made"
    assert written[f"{DB}-wal"] > 100


def require_inside_lock(lines: list[str]) -> Counter[str]:
    """See that each write is its process's who holds the lock; answers how many there were."""
    processes: dict[str, str] = {}
    calls = list(moments(lines))
    for thread, call in calls:
        if started := _THREAD.match(call):
            processes[started[1]] = thread
    holder = None
    written: Counter[str] = Counter()
    for thread, call in calls:
        process = thread
        while process in processes:
            process = processes[process]
        if (lock := _LOCK.match(call)) and lock[2].endswith(f"{DB}.lock"):
            assert holder is None, f"{process} took the lock that {holder} held"
            holder = process, lock[1]
        elif (unlock := _UNLOCK.match(call)) and holder == (process, unlock[1]):
            holder = None
        elif (write := _WRITE.match(call)) and (name := Path(write[1]).name) in {DB, f"{DB}-wal"}:
            assert holder is not None, f"{process} wrote {name} while nobody held the lock"
            assert holder[0] == process, f"{process} wrote {name} while {holder} held the lock"
            written[name] += 1
    return written


def moments(lines: list[str]) -> Iterator[tuple[str, str]]:
    """Each thread's calls, when they count: a lock from its end, all else from its beginning.

    strace prints a call in two parts where another thread's came between.
    """
    begun: dict[str, str] = {}
    for line in lines:
        thread, _, call = line.partition(" ")
        call = call.strip()
        if call.endswith("<unfinished ...>"):
            call = call.removesuffix(" <unfinished ...>")
            begun[thread] = call
            if not call.startswith(("flock", "clone")) or "LOCK_UN" in call:
                yield thread, f"{call})"
        elif _RESUMED.match(call):
            start = begun.pop(thread)
            if start.startswith(("flock", "clone")) and "LOCK_UN" not in start:
                yield thread, start + _RESUMED.sub("", call)
        else:
            yield thread, call


# ── a writer that is frozen or dies in a transaction ───────────────────────────────────────


@pytest.mark.anyio
async def test_a_frozen_writer_holds_nobody_up_for_longer_than_the_timeout(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An append ends with LockTimeout, reads go on; when the frozen one is killed all is well."""
    defaults: Any = Writer.__init__
    monkeypatch.setitem(defaults.__kwdefaults__, "lock_timeout_s", 0.3)
    await require_not_held_up(folder)


@pytest.mark.faults
@pytest.mark.anyio
async def test_a_frozen_writer_holds_nobody_up_for_longer_than_five_seconds(folder: Path) -> None:
    """The same with the timeout that everybody has."""
    began = time.monotonic()
    await require_not_held_up(folder)
    assert 4.9 < time.monotonic() - began < 20


async def require_not_held_up(folder: Path) -> None:
    """Freeze a writer in its transaction next to an open store, then kill it."""
    async with EventStore(str(folder / DB), str(folder / "thumbnails")) as store:
        event = await store.write_event("front_door", "2026-02-25T10:30:00")
        await store.get_event(event)
        command = [sys.executable, "-c", HOLDER, str(folder / DB)]
        frozen = await asyncio.create_subprocess_exec(
            *command, cwd=CHECKOUT, stdout=asyncio.subprocess.PIPE
        )
        try:
            assert frozen.stdout is not None
            await frozen.stdout.readline()
            frozen.send_signal(signal.SIGSTOP)
            waiting = asyncio.create_task(store.append(PersonNamed(name="anna"), key="k"))
            assert await store.get_event(event) is not None
            assert not waiting.done()
            with pytest.raises(LockTimeout):
                await waiting
            assert await store.get_event(event) is not None
        finally:
            frozen.kill()
            await frozen.wait()
        receipt = await store.append(PersonNamed(name="anna"), key="k")
        await store.caught_up(receipt.positions[-1])
    require_sound(folder)
