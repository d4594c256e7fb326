"""Two runs of one seed write the same log, in another process, zone, user and folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog import EventStore, Machine, Motion
from eventlog.record import StoredRecord
from tests.support.dumps import journal_of
from tests.support.logs import T0

CHECKOUT: Final = Path(__file__).resolve().parents[2]

# A week of visits on a machine that the seed decides: its time, its boots, its chance and its
# user. The store is left as a kill leaves it in between. Prints what must be repeated.
PROGRAM: Final = """
import asyncio, hashlib, json, os, random, sqlite3, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eventlog import EventStore, Machine
from eventlog.sources.simulator.visits import RARE, make

seed, folder, uid = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
os.getuid = lambda: uid


class World(Machine):
    def __init__(self):
        self.chance = random.Random(seed)
        self.time = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
        self.boot = self.chance.randbytes(16)
    def now_us(self):
        return (self.time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    def boot_id(self):
        return self.boot
    def boot_clock_ns(self):
        return self.now_us() * 1000 % 10**15
    def user_id(self):
        return 1000
    def random_bytes(self, count):
        return self.chance.randbytes(count)


async def days(world, visits):
    store = EventStore(str(folder / "events.db"), str(folder / "pictures"), machine=world)
    async with store:
        for number in range(visits):
            world.time += timedelta(seconds=world.chance.randrange(10, 9000))
            visit = make(world.time, RARE[number % len(RARE)], world.chance)
            event_id = None
            for n, step in enumerate(step for step in visit.steps if step.facts):
                world.time += timedelta(milliseconds=world.chance.randrange(1, 900))
                key = visit.key if n == 0 else None
                receipt = await store.append(*step.facts, event_id=event_id, key=key)
                event_id = receipt.event_id
        await store.caught_up(receipt.positions[-1])


world = World()
asyncio.run(days(world, 20))
# A program that died: its mark has the name that this world's chance gives it.
(folder / f"events.db.open-{world.random_bytes(16).hex()}").touch()
world.boot = world.chance.randbytes(16)
asyncio.run(days(world, 20))
with sqlite3.connect(folder / "events.db") as connection:
    rows = connection.execute("SELECT * FROM journal ORDER BY position").fetchall()
    views = [
        connection.execute(f"SELECT * FROM {view} ORDER BY id").fetchall()
        for view in ("events", "detections", "persons", "face_results", "unlock_actions")
    ]
kinds = sorted({row[2] for row in rows})
print(json.dumps({
    "log_id": connection.execute("SELECT log_id FROM log").fetchone()[0].hex(),
    "records": len(rows), "kinds": kinds, "head": rows[-1][-1].hex(),
    "views": hashlib.sha256(repr(views).encode()).hexdigest(),
}))
"""


def run(seed: int, folder: Path, uid: int, **environment: str) -> dict[str, Any]:
    """What the program prints in a process with that environment."""
    folder.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(seed), str(folder), str(uid)],
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
        check=True,
        stdout=subprocess.PIPE,
    )
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_two_runs_of_one_seed_have_one_head_hash(tmp_path: Path) -> None:
    """Whatever the hash seed, the zone, the user and the folder; another seed is another log."""
    one = run(7, tmp_path / "a", 0, PYTHONHASHSEED="1", TZ="UTC", HOME="/root", USER="root")
    other = run(
        7,
        tmp_path / "b" / "another folder",
        12345,
        PYTHONHASHSEED="4711",
        TZ="Pacific/Auckland",
        HOME="/nonexistent",
        USER="somebody",
        LANG="C",
    )
    assert one == other
    assert one["records"] > 100
    assert "unclean_stop" in one["kinds"]
    assert run(8, tmp_path / "c", 0)["head"] != one["head"]


class Still(Machine):
    """A machine with a fixed time and known random bytes."""

    def now_us(self) -> int:
        """The first second of 1970."""
        return 0

    def boot_id(self) -> bytes | None:
        """None: a system without one."""
        return None

    def boot_clock_ns(self) -> int | None:
        """None, as there is no boot."""
        return None

    def user_id(self) -> int:
        """Somebody."""
        return 7

    def random_bytes(self, count: int) -> bytes:
        """No chance at all."""
        return bytes(count)


@pytest.mark.anyio
async def test_a_store_asks_its_machine_for_all_that_the_world_decides(tmp_path: Path) -> None:
    """Time, boot, user and the log's id are those of the machine that was handed in."""
    path = tmp_path / "events.db"
    async with EventStore(str(path), str(tmp_path / "t"), machine=Still()) as store:
        await store.append(Motion(camera_id="front_door", recorded_at=T0))
        log_id = await store.reader.run(
            lambda c: bytes(c.execute("SELECT log_id FROM log").fetchone()[0])
        )
    (row,) = [StoredRecord(*row) for row in journal_of(path)]
    assert (row.appended_at, log_id) == (0, bytes(16))
    assert row.meta is not None
    assert b"boot" not in row.meta
