"""The folder of the demo's log: emptied at the start, and locked until the end."""

from __future__ import annotations

import math
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from eventlog.errors import BadArgument, LockTimeout
from eventlog.storage.error_translation import translated
from eventlog.storage.lock import FileLock

MARK: Final = ".eventlog-demo"


@contextmanager
def emptied(folder: Path) -> Iterator[None]:
    """Empty the folder, and keep other demos out of it until the end.

    Raises BadArgument if it holds files that no demo has made, or another demo uses it.
    """
    try:
        if folder.exists() and any(folder.iterdir()) and not (folder / MARK).exists():
            raise BadArgument(
                f"{folder} holds something else than a demo; nothing of it is changed"
            )
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadArgument(f"{folder}: {error.strerror}") from error
    with closing(FileLock(folder / MARK)) as lock:
        try:
            lock.acquire(since=-math.inf)
        except LockTimeout as error:
            raise BadArgument(
                f"another demo runs in {folder}; end it, or name another folder with --into"
            ) from error
        with translated(folder):
            _empty(folder)
        yield


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != MARK:
            path.unlink()
    (folder / MARK).write_text("This folder is emptied by `eventlog demo`.\n", encoding="utf-8")
