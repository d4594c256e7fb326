"""Small disks of one's own: in memory, or ext4 in a file. They are full, read-only or gone soon.

Mounting takes root, ext4 a loop device as well; where they are missing, a test is skipped and
says so.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from eventlog.storage import database_pages

# ext4's EXT4_IOC_SHUTDOWN, and its flag "throw the journal away": a power cut of one file system.
_SHUTDOWN: Final = 0x8004587D
_NO_LOG_FLUSH: Final = struct.pack("I", 2)
PADDING: Final = "padding"


def need_mounts(*programs: str) -> None:
    """Skip the test where it can't mount, or a program is missing."""
    if os.geteuid() != 0:
        pytest.skip("mounting a small disk takes root")
    for program in ("mount", "umount", *programs):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


@contextmanager
def memory_disk(folder: Path, size_bytes: int) -> Iterator[Path]:
    """A disk in memory of this size, mounted on a folder."""
    need_mounts()
    folder.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={size_bytes}", "tmpfs", str(folder), may_skip=True)
    try:
        yield folder
    finally:
        _unmount(folder)


class Ext4:
    """An ext4 file system in a file."""

    def __init__(self, image: Path, size_bytes: int, *, options: tuple[str, ...] = ()) -> None:
        """Make it; `options` are mkfs.ext4's."""
        need_mounts("mkfs.ext4", "losetup")
        self._image = image
        with image.open("wb") as file:
            file.truncate(size_bytes)
        _run("mkfs.ext4", "-q", "-m", "0", *options, str(image))

    @contextmanager
    def mounted(self, folder: Path, options: str = "rw") -> Iterator[Path]:
        """Mount it on a folder."""
        folder.mkdir(exist_ok=True)
        _run("mount", "-o", f"loop,{options}", str(self._image), str(folder), may_skip=True)
        try:
            yield folder
        finally:
            _unmount(folder)


def cut_power(mount: Path) -> None:
    """From now on nothing is written to the file system, and nothing read that is not in memory."""
    fd = os.open(mount, os.O_RDONLY)
    try:
        fcntl.ioctl(fd, _SHUTDOWN, _NO_LOG_FLUSH)
    finally:
        os.close(fd)


def fill(mount: Path, *, leave_bytes: int = 0) -> None:
    """Fill a disk with a file of nothing."""
    state = os.statvfs(mount)
    free = max(0, state.f_bavail * state.f_frsize - leave_bytes)
    block = bytes(65536)
    fd = os.open(mount / PADDING, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for start in range(0, free, len(block)):
            os.write(fd, block[: free - start])
        os.fsync(fd)
    except OSError:
        return  # it was fuller than it said
    finally:
        os.close(fd)


def make_room(mount: Path) -> None:
    """Take the file of nothing away."""
    (mount / PADDING).unlink()


def _unmount(folder: Path) -> None:
    """Unmount a disk whose logs are closed.

    After a failed sync a process keeps descriptors of the database until it ends, which is long
    after this test.
    """
    for key, descriptors in list(database_pages._kept.items()):
        if key[0] == folder.stat().st_dev:
            del database_pages._kept[key]
            for fd in descriptors:
                if fd is not None:
                    os.close(fd)
    _run("umount", str(folder))


def _run(*command: str, may_skip: bool = False) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        if may_skip:
            pytest.skip(f"{' '.join(command)}: {done.stderr.strip()}")
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
