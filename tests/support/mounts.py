"""Small file systems for tests: one that is full at once, one that can't be written.

Mounting needs root; without it the test is skipped and says so. A folder that can't be written
is had without, since modes bind everyone but root.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def tmpfs(folder: Path, size_kb: int) -> Iterator[Path]:
    """An empty file system in memory with so much room, mounted at a folder that is made."""
    folder.mkdir()
    _run("mount", "-t", "tmpfs", "-o", f"size={size_kb}k", "eventlog-test", str(folder))
    try:
        yield folder
    finally:
        _run("umount", str(folder))


@contextmanager
def writable_once(folder: Path) -> Iterator[Path]:
    """A new folder that `make_read_only` can make read-only."""
    if os.geteuid() == 0:
        with tmpfs(folder, size_kb=64 * 1024):
            yield folder
    else:
        folder.mkdir()
        yield folder
        folder.chmod(0o700)


def make_read_only(folder: Path) -> None:
    """Let nothing be written in such a folder from here on."""
    if os.geteuid() == 0:
        _run("mount", "-o", "remount,ro", str(folder))
    else:
        folder.chmod(0o500)


def fill(folder: Path) -> None:
    """Leave no room on a file system."""
    fd = os.open(folder / "padding", os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        for size in (65536, 4096, 1):
            try:
                while True:
                    os.write(fd, bytes(size))
            except OSError:
                continue
    finally:
        os.close(fd)


def _run(program: str, *arguments: str) -> None:
    found = shutil.which(program)
    if os.geteuid() != 0 or found is None:
        pytest.skip("mounting a file system needs root")
    done = subprocess.run([found, *arguments], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a file system can't be mounted here: {done.stderr.strip()}")
