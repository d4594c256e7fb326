"""Searches the bytes of a log's files for texts that should be deleted.

Do not call it in a process that has the log open: closing the database file here would drop
SQLite's locks. Knows no format of any file.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from eventlog.storage.durable_files import open_plain
from eventlog.storage.paths import real_path

_CHUNK: Final = 4 * 1024 * 1024


def files_of(db_path: Path, more: Iterable[Path] = ()) -> list[Path]:
    """Every file next to the database that belongs to it, and those that are named in addition.

    A file in a folder that is missing is left out. Raises OSError.
    """
    path = real_path(db_path)
    found = [
        Path(entry.path)
        for entry in os.scandir(path.parent)
        if entry.is_file(follow_symlinks=False)
        and (entry.name == path.name or entry.name.startswith((f"{path.name}-", f"{path.name}.")))
    ]
    return sorted({*found, *(file for file in more if file.exists())})


def occurrences(paths: Iterable[Path], texts: Sequence[str]) -> dict[Path, int]:
    """How often each file holds one of the texts; files that hold none are left out.

    Raises OSError if a file can't be read: what was not looked at is not reported as clean.
    """
    wanted = [text.encode() for text in texts if text]
    counts = {path: _count(path, wanted) for path in paths}
    return {path: count for path, count in counts.items() if count}


def names_of(folder: Path, texts: Sequence[str]) -> list[str]:
    """The names of files in a folder that hold one of the texts. Raises OSError."""
    if not folder.is_dir():
        return []
    names = (entry.name for entry in os.scandir(folder))
    return sorted(name for name in names if any(text in name for text in texts))


def _count(path: Path, wanted: Sequence[bytes]) -> int:
    return sum(
        _starting_before(window, text, limit)
        for window, limit in _windows(path, max(map(len, wanted), default=1))
        for text in wanted
    )


def _windows(path: Path, longest: int) -> Iterator[tuple[bytes, int]]:
    """The file in pieces, each with the beginning of the next one, and how long it is itself."""
    with open_plain(path) as file:
        piece = file.read(_CHUNK)
        while piece:
            following = file.read(_CHUNK)
            yield piece + following[: longest - 1], len(piece)
            piece = following


def _starting_before(window: bytes, text: bytes, limit: int) -> int:
    count, at = 0, window.find(text)
    while 0 <= at < limit:
        count, at = count + 1, window.find(text, at + 1)
    return count
