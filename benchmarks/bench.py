"""What a row is given: a folder on a disk, how large the run is, and stores that open and close.

Every contender of a round begins with an empty file of its own, makes a few appends before the
clock starts, and is closed after it stopped. Knows no row.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from benchmarks.logs import Logs
from benchmarks.plain import PlainStore, Synchronous
from eventlog import EventStore

WARM_UP = 20  # appends before the clock starts


class Bench:
    """One run. Sizes are those of a full run; `size` and `rounds` make them fit a quick one."""

    def __init__(self, folder: Path, logs: Logs, *, quick: bool) -> None:
        self.folder = folder
        self.logs = logs
        self.quick = quick
        self._numbers = count(1)

    @property
    def sizes(self) -> tuple[int, int, int]:
        """How many events the logs have that lists are measured on."""
        return (2_000, 10_000, 50_000) if self.quick else (10_000, 100_000, 1_000_000)

    @property
    def rounds(self) -> int:
        """How often the contenders take turns."""
        return 3 if self.quick else 5

    def size(self, full: int, quick: int) -> int:
        """A number of things to do."""
        return quick if self.quick else full

    @asynccontextmanager
    async def spare(self) -> AsyncIterator[Path]:
        """An empty folder, removed afterwards."""
        path = self.folder / f"round-{next(self._numbers)}"
        path.mkdir()
        try:
            yield path
        finally:
            shutil.rmtree(path)

    @asynccontextmanager
    async def store(self) -> AsyncIterator[EventStore]:
        """Ours, open and empty."""
        async with self.spare() as folder:
            path = folder / "events.db"
            async with EventStore(str(path), str(folder / "thumbnails")) as store:
                yield store

    @asynccontextmanager
    async def plain(self, synchronous: Synchronous = "NORMAL") -> AsyncIterator[PlainStore]:
        """The plain store, open and empty."""
        async with (
            self.spare() as folder,
            PlainStore(folder / "plain.db", synchronous=synchronous) as store,
        ):
            yield store
