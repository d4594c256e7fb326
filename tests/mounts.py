"""Small file systems for tests: one that is full at once, one that can't be written.

Mounting needs root; without it the test is skipped and says so.
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


def make_read_only(folder: Path) -> None:
    """Mount such a file system read-only from here on."""
    _run("mount", "-o", "remount,ro", str(folder))


def _run(program: str, *arguments: str) -> None:
    found = shutil.which(program)
    if os.geteuid() != 0 or found is None:
        pytest.skip("mounting a file system needs root")
    done = subprocess.run([found, *arguments], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"a file system can't be mounted here: {done.stderr.strip()}")
