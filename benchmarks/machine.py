"""What a run ran on, so that two runs can be told apart. Knows no measurement."""

from __future__ import annotations

import os
import platform
import sqlite3
from importlib.metadata import version
from pathlib import Path

PACKAGES = ("aiosqlite", "msgspec", "pillow", "anyio", "eventsourcing")


def describe(folder: Path) -> dict[str, str]:
    """The machine in words: processor, memory, system, versions, load, and the folder's disk."""
    return {
        "processor": f"{os.cpu_count()} x {_processor()}",
        "memory": _memory(),
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "sqlite": sqlite3.sqlite_version,
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
        "file system": _file_system(folder),
        "load": " ".join(f"{load:.2f}" for load in os.getloadavg()),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _memory() -> str:
    size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return f"{size / 2**30:.1f} GiB"


def _file_system(folder: Path) -> str:
    """The type of the file system that the folder lies on."""
    try:
        mounts = Path("/proc/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    at = folder.resolve()
    found = ("", "unknown")
    for mount in mounts:
        _, where, kind, *_ = mount.split()
        if at.is_relative_to(where) and len(where) >= len(found[0]):
            found = (where, kind)
    return found[1]
