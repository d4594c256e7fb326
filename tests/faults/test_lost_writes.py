"""A real ext4 loses writes: the sync fails, the cache still shows them, and later syncs succeed."""

from __future__ import annotations

import array
import asyncio
import errno
import fcntl
import os
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eventlog.errors import DatabaseError
from eventlog.facts import Motion
from eventlog.record import Receipt
from eventlog.storage import connection_thread, wal_file
from eventlog.storage.paths import wal_path
from eventlog.store.event_store import EventStore
from tests.faults.disks import Ext4, cut_power, fill, make_room, memory_disk, need_mounts

MB = 1024 * 1024
_FIBMAP = 1
_BLOCK = 4096


class LossyDisk:
    """An ext4 whose image is on a full disk in memory: what has no block there can't be written.

    The blocks of one file are taken away from the image, so that writes to this file fail, and to
    no other.
    """

    def __init__(self, backing: Path) -> None:
        need_mounts("fallocate")
        self._backing = backing
        self.image = backing / "image"
        self.ext4 = Ext4(self.image, 48 * MB, options=("-b", str(_BLOCK)))

    def lose_writes_to(self, file: Path) -> None:
        """From now on what is written to this file does not come to the disk."""
        blocks = file_blocks(file)
        for block in blocks:
            _run("fallocate", "-p", "-o", str(block * _BLOCK), "-l", str(_BLOCK), str(self.image))
        fill(self._backing)

    def keep_writes(self) -> None:
        """The disk works again."""
        make_room(self._backing)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def file_blocks(file: Path) -> list[int]:
    """The numbers of the blocks that a file is in, on its disk."""
    blocks = []
    fd = os.open(file, os.O_RDONLY)
    try:
        size = os.fstat(fd).st_size
        for number in range(-(-size // _BLOCK)):
            answer = array.array("i", [number])
            fcntl.ioctl(fd, _FIBMAP, answer)
            blocks.append(answer[0])
    finally:
        os.close(fd)
    return blocks


def _refuse(*_: object) -> bytes:
    raise OSError(errno.EINVAL, "no O_DIRECT")


@pytest.mark.faults
@pytest.mark.parametrize("direct", [True, False])
def test_lost_writes_are_found_and_written_again(
    direct: bool,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The file reads as written, a later sync says that all is well, and the disk holds zeros."""
    if not direct:
        monkeypatch.setattr(wal_file, "_read_direct", _refuse)
    with memory_disk(tmp_path / "backing", 64 * MB) as backing:
        disk = LossyDisk(backing)
        with disk.ext4.mounted(tmp_path / "disk") as folder:
            file = folder / "events.db-wal"
            begins = (0x377F0682).to_bytes(4) + bytes(4) + (4072).to_bytes(4) + bytes(4)
            header = begins + b"saltsalt" + bytes(8)
            frames = [bytes(8) + b"saltsalt" + bytes(8) + fill * 4072 for fill in (b"a", b"b")]
            file.write_bytes(header + b"".join(frames))
            os.sync()
            disk.lose_writes_to(file)
            content = header + b"".join(frames).replace(b"b", b"B")
            with file.open("r+b", buffering=0) as written:
                written.write(content)
                with pytest.raises(OSError, match=r"I/O|Input|space") as failed:
                    os.fdatasync(written.fileno())
                assert failed.value.errno in {errno.EIO, errno.ENOSPC}
                disk.keep_writes()
                os.fdatasync(written.fileno())
                assert file.read_bytes() == content
                assert wal_file.write_missing(file) > 0
                assert file.read_bytes() == content
                assert wal_file.read_disk(written.fileno(), file, 0, len(content)) == content


@pytest.mark.faults
def test_an_append_after_lost_writes_survives_a_power_cut(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Relaxed appends were lost by a sync that failed; a durable one after them is kept."""
    # The WAL begins anew after a checkpoint of an idle writer, and SQLite syncs its header then.
    monkeypatch.setattr(connection_thread, "IDLE_S", 60.0)
    with memory_disk(tmp_path / "backing", 64 * MB) as backing:
        disk = LossyDisk(backing)
        with disk.ext4.mounted(tmp_path / "disk") as folder:
            receipt = asyncio.run(_append_over_lost_writes(folder, disk))
        with disk.ext4.mounted(tmp_path / "disk") as folder:
            asyncio.run(_require_kept(folder, receipt))


async def _append_over_lost_writes(folder: Path, disk: LossyDisk) -> Receipt:
    store = EventStore(str(folder / "events.db"), str(folder / "thumbnails"))
    await store.initialize()
    try:
        last = await store.append(_motion())
        await store.caught_up(last.positions[-1])
        os.sync()
        disk.lose_writes_to(wal_path(folder / "events.db"))
        await store.append(_motion(), durability="relaxed")
        with pytest.raises(DatabaseError):
            await store.append(_motion(), key="uncertain")
        disk.keep_writes()
        receipt = await store.append(_motion(), key="kept")
        cut_power(folder)
    finally:
        with suppress(DatabaseError):
            await store.close()
    return receipt


async def _require_kept(folder: Path, receipt: Receipt) -> None:
    async with EventStore(str(folder / "events.db"), str(folder / "thumbnails")) as store:
        assert await store.receipt("kept") == receipt


def _motion() -> Motion:
    return Motion(camera_id="front_door", recorded_at=datetime(2026, 2, 25, 10, 30, tzinfo=UTC))
