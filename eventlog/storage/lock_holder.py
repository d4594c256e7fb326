"""Finds out who holds a lock, by process number and program, for the message of an error.

Reads /proc, if the system has it. A holder that keeps a lock for long may also leave a note in the
lock file, with the time. Knows only files, and changes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple

_LOCKS: Final = Path("/proc/locks")
# SQLite's lock for a connection that writes to the WAL: a byte of the -shm file.
_WAL_WRITE_LOCK: Final = 120
# A note has a fixed size, so that erasing it does not change the file's length.
NOTE_SIZE: Final = 64


class _Held(NamedTuple):
    """A lock that is held: its kind, its process, and the bytes that it covers."""

    kind: str
    pid: int
    start: int
    end: int


def of_flock(lock_file: Path) -> str:
    """Who holds the flock on a file, as a phrase; "another process" if unknown."""
    for held in _held(lock_file):
        if held.kind == "FLOCK":
            return _phrase(held.pid, since=_noted(lock_file, held.pid))
    return "another process"


def of_wal(database: Path) -> str:
    """Who holds SQLite's lock for writing, as a phrase; "" if unknown."""
    for held in _held(Path(f"{os.path.realpath(database)}-shm")):
        if held.kind == "POSIX" and held.start <= _WAL_WRITE_LOCK <= held.end:
            return _phrase(held.pid)
    return ""


def note() -> bytes:
    """The note for a lock file: this process, and the time."""
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return f"{os.getpid()} {since}".encode().ljust(NOTE_SIZE)


def _phrase(pid: int, *, since: str = "") -> str:
    own = ", which is this one" if pid == os.getpid() else ""
    when = f", since {since}" if since else ""
    return f"process {pid} ({_program(pid)}{own}){when}"


def _noted(lock_file: Path, pid: int) -> str:
    """Since when a process holds the lock, by its note; "" if there is none."""
    try:
        with lock_file.open("rb") as file:
            noted = file.read(NOTE_SIZE).decode("ascii", "replace")
        who, _, since = noted.strip(" \0").partition(" ")
        return datetime.fromisoformat(since).isoformat() if who == str(pid) else ""
    except (OSError, ValueError):
        return ""


def _program(pid: int) -> str:
    """The names of the program and its script. Other arguments may be secret."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")
    except OSError:
        return "a program that can't be named"
    if words[1:2] == ["-m"]:
        named = [words[0], *words[1:3]]
    else:
        named = words[:2] if words[1:2] and not words[1].startswith("-") else words[:1]
    text = " ".join(Path(word).name for word in named if word)
    return "".join(c if c.isprintable() else "?" for c in text)[:80] or "a program without a name"


def _held(path: Path) -> Iterator[_Held]:
    """The locks on a file that the system lists, without those that are waited for."""
    try:
        status = path.stat()
        listed = _LOCKS.read_text(encoding="ascii", errors="replace")
    except OSError:
        return
    file = f"{os.major(status.st_dev):02x}:{os.minor(status.st_dev):02x}:{status.st_ino}"
    for line in listed.splitlines():
        match line.split():
            case [_, kind, _, "WRITE", pid, where, start, end] if where == file:
                last = 2**63 if end == "EOF" else int(end)
                yield _Held(kind, int(pid), int(start), last)
            case _:
                pass
