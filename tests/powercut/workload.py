"""A run of the product that is recorded: two processes append, with all that goes on beside.

    python -m tests.powercut.workload FOLDER ACKS SEED EVENTS ROLE FAULT

Appends of both durabilities, pictures, projectors, a replay, WAL checkpoints, a backup, a close
and a second opening. After each call that promised something a line goes to ACKS, by one write.
ROLE is "first" for all of that, "recover" for what comes after a power cut; the first starts
the others. FAULT is "none", or breaks a promise on purpose: "off" never syncs the database,
"in-place" writes pictures under their final name without a sync, "rewrite" writes the whole WAL
over itself at a start. "forget" breaks none: it shows the product a disk that lacks what no sync
has covered, for a run in which syncs are made to fail.
"""

from __future__ import annotations

import asyncio
import io
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final, NamedTuple

from PIL import Image

from eventlog.errors import DatabaseError, LockTimeout
from eventlog.facts import Detection, Ding, FaceResult, Fact, Motion, UnlockAction
from eventlog.journal.append import Durability
from eventlog.maintenance.backup import backup
from eventlog.pictures import thumbnails
from eventlog.record import Receipt
from eventlog.storage import database_pages, reserve, wal_file, writer
from eventlog.store.event_store import EventStore

START: Final = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
DB: Final = "events.db"
PICTURES: Final = "thumbnails"
BACKUP: Final = "backup.db"


class Acks:
    """Where promises are written down, in the order in which they were given."""

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    def say(self, *words: object) -> None:
        """One promise."""
        os.write(self._fd, (" ".join(map(str, words)) + "\n").encode())


class Run(NamedTuple):
    """The arguments of one process."""

    folder: Path
    acks: Path
    seed: int
    events: int
    role: str
    fault: str

    @property
    def command(self) -> list[str]:
        """What starts a process with these arguments."""
        return [sys.executable, "-m", "tests.powercut.workload", *map(str, self)]


async def first(run: Run) -> None:
    """Everything, and a second process as well."""
    random = Random(run.seed)
    log = Log(run, random)
    async with log.store:
        second = await _start(run._replace(seed=run.seed + 1, role="second"))
        for number in range(run.events):
            await log.visit(number)
            if number == run.events // 2:
                await log.store.replay()
            if number == run.events * 2 // 3:
                backup_ = await _start(run._replace(role="backup"))
                await _insist(backup_)
                log.acks.say("backup", BACKUP)
        await _insist(second)
    log = Log(run._replace(role="again"), random)
    async with log.store:
        for number in range(3):
            await log.visit(number)


async def second(run: Run) -> None:
    """Appends, and closes."""
    log = Log(run, Random(run.seed))
    async with log.store:
        for number in range(run.events):
            await log.visit(number)


async def back_up(run: Run) -> None:
    """A backup while others write."""
    if not backup(run.folder / DB, run.folder / BACKUP).ok:
        raise SystemExit(3)


async def _start(run: Run) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(*run.command)


async def _insist(process: asyncio.subprocess.Process) -> None:
    if await process.wait() != 0:
        raise SystemExit(2)


class Log:
    """A store, and what is done with it."""

    def __init__(self, run: Run, random: Random) -> None:
        self.store = EventStore(str(run.folder / DB), str(run.folder / PICTURES))
        self.acks = Acks(run.acks)
        self._random = random
        self._name = run.role

    async def visit(self, number: int) -> None:
        """One visit: an event in one append, later facts in others, some of them at once."""
        random = self._random
        at = START + timedelta(minutes=number)
        seen: list[Fact] = [
            Detection(label=random.choice(("person", "dog")), confidence=random.random())
            for _ in range(random.randint(0, 3))
        ]
        opener = random.choice((Motion, Ding))(camera_id="front_door", recorded_at=at)
        event_id = await self._append(f"{number}", opener, *seen)
        later: list[tuple[str, Fact]] = []
        if random.random() < 0.6:
            name = random.choice(("anna", "bert", None))
            later.append(("face", FaceResult(name=name, distance=random.random())))
        if random.random() < 0.4:
            later.append(("unlock", UnlockAction(granted=True, door_action="unlocked")))
        if random.random() < 0.4:
            await self._picture(at, event_id, f"{number}:picture")
        await asyncio.gather(
            *(self._append(f"{number}:{word}", fact, event_id=event_id) for word, fact in later)
        )

    async def _append(self, key: str, *facts: Fact, event_id: int | None = None) -> int:
        durability: Durability = "durable" if self._random.random() < 0.5 else "relaxed"
        again = durability == "relaxed" and self._random.random() < 0.2
        key = f"{self._name}:{key}"
        append = partial(self.store.append, *facts, event_id=event_id, key=key)
        receipt = await self._retry(partial(append, durability=durability))
        safe = durability == "durable" or any(type(fact) is UnlockAction for fact in facts)
        self.acks.say("append", "durable" if safe else "relaxed", receipt.positions[-1], key)
        if again:  # a retry may ask for more than the first try did
            receipt = await self._retry(append)
            self.acks.say("append", "durable", receipt.positions[-1], key)
        return receipt.event_id or 0

    async def _retry(self, append: Callable[[], Awaitable[Receipt]]) -> Receipt:
        try:
            return await append()
        except DatabaseError:  # nobody knows what became of it: the key does
            await self.store.close()
            await self.store.initialize()
            return await append()

    async def _picture(self, at: datetime, event_id: int, key: str) -> None:
        path = await self.store.save_thumbnail_async(_frame(self._random), at.isoformat())
        if path is None:
            raise SystemExit(3)
        fact = self.store._thumbnails.describe(path)
        self.acks.say("picture", path, (fact.sha256 or b"").hex())
        await self._append(key, fact, event_id=event_id)


def _frame(random: Random) -> bytes:
    image = Image.frombytes("RGB", (48, 32), random.randbytes(48 * 32 * 3))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG")
    return buffer.getvalue()


# ── the settings of a run ──────────────────────────────────────────────────────────────────


def hurry_wal_checkpoints() -> None:
    """Make WAL checkpoints after a few writes instead of after thousands."""
    defaults: Any = writer.Writer.__init__
    defaults.__kwdefaults__["wal_limit_bytes"] = 64 * 1024
    vars(writer)["WRITES_PER_LOOK"] = 2
    vars(reserve)["SIZE_BYTES"] = 4096


def never_sync() -> None:
    """Break the database's promise: SQLite syncs nothing."""

    def off(_: object, connection: sqlite3.Connection, *, durable: bool) -> None:  # noqa: ARG001
        connection.execute("PRAGMA synchronous = OFF")

    vars(writer)["Writer"].set_durable = off


def write_in_place() -> None:
    """Break the pictures' promise: they are written under their final name, without a sync."""

    def in_place(folder: Path, _: str, names: Iterable[str], content: bytes) -> str:
        for name in names:
            if not (folder / name).exists():
                (folder / name).write_bytes(content)
                return name
        raise AssertionError

    vars(thumbnails)["write_new"] = in_place


def rewrite_wal() -> None:
    """Break a promise: a start writes all of the WAL again, as if none of it were stored."""
    vars(wal_file)["read_disk"] = lambda _fd, _wal, _offset, size: bytes(size)


def forget_what_was_not_synced() -> None:
    """Read other bytes from the disk, behind those that a sync of the WAL is known to cover.

    strace makes a sync fail by leaving it out, so that the machine's own disk, or its memory,
    holds what the model of the disk has lost.
    """
    stored: dict[Path, tuple[bytes, int]] = {}
    cls: Any = writer.Writer
    surely, sync, checkpoint = cls._surely, cls.sync, cls._checkpoint_wal
    write_missing = wal_file.write_missing

    def remember(path: Path) -> None:
        header = path.read_bytes()[:32] if path.exists() else b""
        stored[path] = header, len(header) + wal_file.bytes_in_use(path)

    def surely_(self: Any, function: Callable[[], Any]) -> Any:
        answer = surely(self, function)
        if self._durable:
            remember(self._wal_path)
        return answer

    def sync_(self: Any) -> None:
        sync(self)
        remember(self._wal_path)

    def write_missing_(wal: Path) -> int:
        written = write_missing(wal)
        remember(wal)
        return written

    def read_disk(fd: int, wal: Path, offset: int, size: int) -> bytes:
        header, end = stored.get(wal, (b"", 0))
        known = max(0, end - offset) if os.pread(fd, 32, 0) == header else 0
        shown = os.pread(fd, size, offset)
        return shown[:known] + bytes(255 - byte for byte in shown[known:])

    def read_page(fd: int, _: int | None, offset: int, size: int) -> bytes:
        return bytes(255 - byte for byte in os.pread(fd, size, offset))

    def checkpoint_(self: Any) -> bool:
        # SQLite syncs the WAL first; this is the same sync where it can be seen.
        try:
            with self.lock.at_once():
                self._surely(lambda: sync_(self))
        except LockTimeout:
            return False
        return bool(checkpoint(self))

    cls._surely, cls.sync, cls._checkpoint_wal = surely_, sync_, checkpoint_
    vars(database_pages)["read_disk"] = read_page
    vars(wal_file).update(write_missing=write_missing_, read_disk=read_disk)


ROLES: Final = {"first": first, "second": second, "recover": second, "backup": back_up}
FAULTS: Final[dict[str, Callable[[], None]]] = {
    "none": lambda: None,
    "off": never_sync,
    "in-place": write_in_place,
    "rewrite": rewrite_wal,
    "forget": forget_what_was_not_synced,
}


def main() -> None:
    """Run with the arguments of the command line."""
    folder, acks, seed, events, role, fault = sys.argv[1:]
    run = Run(Path(folder), Path(acks), int(seed), int(events), role, fault)
    hurry_wal_checkpoints()
    FAULTS[fault]()
    asyncio.run(ROLES[role](run))


if __name__ == "__main__":
    main()
