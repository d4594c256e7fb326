"""The disk is full, can only be read, or is gone: never an answer without a record.

What can go on goes on: reading always, unlock records from their reserve, and everything again
within five seconds of room being made, without a restart.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random, SystemRandom

import pytest

from eventlog.errors import DatabaseError, DiskFull, ReadOnly
from eventlog.facts import Motion, UnlockAction
from eventlog.journal import table as journal
from eventlog.maintenance.verify.log import verify
from eventlog.record import Receipt
from eventlog.storage import reserve
from eventlog.storage.connections import connect_reader
from eventlog.storage.paths import wal_path
from eventlog.storage.read_only import opened
from eventlog.store.event_store import EventStore
from eventlog.store.reader import Reader
from tests.faults.disks import Ext4, cut_power, fill, make_room, memory_disk

CHECKOUT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
MB = 1024 * 1024
# Facts are appended until the disk is full; more than this would be no small disk.
MANY = 20_000
BACK_S = 5.0


def motion(number: int) -> Motion:
    """A motion with a long id, so that the disk is soon full."""
    text = f"{number}:".ljust(250, "x")
    at = AT + timedelta(seconds=number)
    return Motion(camera_id="front_door", recorded_at=at, recording_id=text)


def open_store(folder: Path) -> EventStore:
    """A store on a small disk."""
    return EventStore(str(folder / "events.db"), str(folder / "thumbnails"))


async def append_until_full(store: EventStore) -> dict[str, Receipt]:
    """Append until there is no room; the receipts by their keys."""
    receipts: dict[str, Receipt] = {}
    for number in range(MANY):
        key = f"motion:{number}"
        try:
            receipts[key] = await store.append(motion(number), key=key)
        except DiskFull:
            return receipts
    raise AssertionError("the disk was never full")


async def require_kept(store: EventStore, receipts: dict[str, Receipt]) -> None:
    """Each receipt is that of a record."""
    for key, receipt in receipts.items():
        assert await store.receipt(key) == receipt


async def append_when_there_is_room(store: EventStore, number: int) -> None:
    """Append, and see it in the views: try again and again, as a pipeline does."""
    async with asyncio.timeout(BACK_S):
        while True:
            try:
                receipt = await store.append(motion(number), key=f"motion:{number}")
                await store.caught_up(receipt.positions[-1])
            except DiskFull:
                await asyncio.sleep(0.1)  # a pipeline's pace
            else:
                return


async def require_full_disk_is_survived(folder: Path) -> None:
    """Fill a disk, see what is promised of it, make room, and see that all is well."""
    async with open_store(folder) as store:
        first = await store.append(motion(0), key="motion:0")
        await store.caught_up(first.positions[-1])
        fill(folder, leave_bytes=512 * 1024)
        receipts = await append_until_full(store)
        assert len(await store.reader.events(limit=5)) >= 1
        async with await Reader.open(Path(store.db_path)) as reader:
            assert await reader.last_position() >= len(receipts)
        assert store.save_thumbnail(b"no picture", "t") is None
        make_room(folder)
        await append_when_there_is_room(store, 10**6)
        assert receipts["motion:0"] == first
        await require_kept(store, receipts)
    assert verify(folder / "events.db").findings == ()


@pytest.mark.anyio
async def test_a_full_disk_refuses_reads_on_and_recovers_by_itself(tmp_path: Path) -> None:
    """In memory: no receipt without a record, reading goes on, room is found without a restart."""
    with memory_disk(tmp_path / "disk", 6 * MB) as folder:
        await require_full_disk_is_survived(folder)


@pytest.mark.faults
@pytest.mark.anyio
async def test_a_full_ext4_refuses_reads_on_and_recovers_by_itself(tmp_path: Path) -> None:
    """The same on a real file system."""
    disk = Ext4(tmp_path / "image", 24 * MB)
    with disk.mounted(tmp_path / "disk") as folder:
        await require_full_disk_is_survived(folder)


@pytest.mark.faults
@pytest.mark.anyio
async def test_a_thousand_unlock_records_find_room_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Motions are refused and unlock records go in; with room again everything does."""
    monkeypatch.setattr(reserve, "SIZE_BYTES", 32 * MB)
    disk = Ext4(tmp_path / "image", 256 * MB)
    with disk.mounted(tmp_path / "disk") as folder:
        async with open_store(folder) as store:
            fill(folder)
            receipts = await append_until_full(store)
            for number in range(1000):
                key = f"unlock:{number}"
                fact = UnlockAction(granted=True, door_action="unlocked", person="anna")
                receipts[key] = await store.append(fact, key=key)
            with pytest.raises(DiskFull):
                await store.append(motion(MANY), key="refused")
            assert await store.receipt("refused") is None
            make_room(folder)
            await append_when_there_is_room(store, 10**6)
            await require_kept(store, receipts)
        assert (folder / "events.db.reserve").exists()
        assert verify(folder / "events.db").findings == ()


@pytest.mark.faults
@pytest.mark.anyio
async def test_a_full_disk_without_an_index_file_is_read_all_the_same(tmp_path: Path) -> None:
    """A log that a dead process left on a full disk, with a WAL and no -shm."""
    disk = Ext4(tmp_path / "image", 24 * MB)
    with disk.mounted(tmp_path / "disk") as folder:
        receipts = leave_log_with_wal(folder)
        fill(folder)
        with opened(folder / "events.db") as log:
            assert journal.last_position(log.connection) == receipts


@pytest.mark.faults
@pytest.mark.anyio
async def test_a_read_only_medium_is_said_to_be_one_and_read(tmp_path: Path) -> None:
    """Opening to write is ReadOnly; the history is read, the WAL's tail included."""
    disk = Ext4(tmp_path / "image", 24 * MB)
    with disk.mounted(tmp_path / "disk") as folder:
        receipts = leave_log_with_wal(folder)
    with disk.mounted(tmp_path / "disk", "ro") as folder:
        with pytest.raises(ReadOnly):
            await open_store(folder).initialize()
        with opened(folder / "events.db") as log:
            assert journal.last_position(log.connection) == receipts
            assert log.how is not None


# ── gone ───────────────────────────────────────────────────────────────────────────────────

APPENDER = """
import asyncio, sys
from datetime import UTC, datetime
from eventlog.errors import DatabaseError
from eventlog.facts import Motion
from eventlog.store.event_store import EventStore

async def main(folder, many):
    store = EventStore(folder + "/events.db", folder + "/thumbnails")
    await store.initialize()
    errors = 0
    for number in range(many):
        fact = Motion(camera_id="a", recorded_at=datetime(2026, 2, 25, tzinfo=UTC))
        try:
            receipt = await store.append(fact, key=f"k:{number}")
        except DatabaseError as error:
            print("error", type(error).__name__, flush=True)
            errors += 1
            if errors == 5:
                break
        else:
            print("append", f"k:{number}", receipt.positions[0], flush=True)
    await asyncio.sleep(600)

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""


def start_appender(folder: Path, many: int = 10**9) -> subprocess.Popen[str]:
    """A process that appends until the disk fails it five times, and then waits."""
    command = [sys.executable, "-c", APPENDER, str(folder), str(many)]
    return subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )


def leave_log_with_wal(folder: Path) -> int:
    """A log as a process leaves it that was killed: with a WAL; then without -shm, too."""
    with start_appender(folder, 20) as process:
        assert process.stdout is not None
        for _ in range(20):
            assert process.stdout.readline().startswith("append")
        process.kill()
    assert wal_path(folder / "events.db").stat().st_size > 0
    (folder / "events.db-shm").unlink()
    return 20


def live_until_the_power_goes(folder: Path, random: Random) -> dict[str, int]:
    """Append until the power is cut; what had been answered by then.

    What is answered while the file system goes down is left out: ext4 may say that a sync was
    done which it had begun, and nobody could have heard that in a house without power.
    """
    with start_appender(folder) as process:
        assert process.stdout is not None
        answered: dict[str, int] = {}
        for _ in range(random.randint(20, 400)):
            word, key, position = process.stdout.readline().split()
            assert word == "append"
            answered[key] = int(position)
        cut_power(folder)
        errors = 0
        while errors < 5:
            word = process.stdout.readline().split()[0]
            assert word == "error" or errors == 0, "an append was answered after the disk had gone"
            errors += word == "error"
        process.kill()
    return answered


@pytest.mark.faults
def test_twenty_power_cuts_of_a_real_ext4_lose_nothing(tmp_path: Path) -> None:
    """The file system goes under load; the appender says so; all that was answered is there."""
    seed = SystemRandom().randrange(2**31)
    print(f"seed {seed}")  # noqa: T201 - a random test says its seed
    random = Random(seed)
    total = 0
    for cut in range(20):
        disk = Ext4(tmp_path / f"image{cut}", 64 * MB)
        with disk.mounted(tmp_path / "disk") as folder:
            answered = live_until_the_power_goes(folder, random)
        with disk.mounted(tmp_path / "disk") as folder:
            assert {"events.db", "events.db-wal"} <= {path.name for path in folder.iterdir()}
            require_answered(folder, answered)
        total += len(answered)
    print(f"{total} answered, 0 lost")  # noqa: T201 - the figure


def require_answered(folder: Path, answered: dict[str, int]) -> None:
    """Open the log after a cut: what was answered is there, and the next append works."""

    async def look() -> None:
        async with open_store(folder) as store:
            for key, position in answered.items():
                receipt = await store.receipt(key)
                assert receipt is not None, f"{key} was answered, and is not there"
                assert receipt.positions == (position,)
            last = await store.append(motion(1))
            await store.caught_up(last.positions[-1])

    asyncio.run(look())
    assert verify(folder / "events.db").findings == ()
    with closing(connect_reader(folder / "events.db")) as connection:
        assert journal.last_position(connection) > len(answered)


@pytest.mark.anyio
async def test_an_error_of_the_disk_is_never_repaired(tmp_path: Path) -> None:
    """A log whose first page is noise is refused, and is not changed."""
    async with open_store(tmp_path) as store:
        await store.append(motion(1))
    path = tmp_path / "events.db"
    damaged = bytes(4096) + path.read_bytes()[4096:]
    path.write_bytes(damaged)
    with pytest.raises(DatabaseError):
        await open_store(tmp_path).initialize()
    assert path.read_bytes() == damaged
