"""A replay of a million facts into all views, and what another process feels of it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from benchmarks import children, logs
from benchmarks.bare import Bare
from benchmarks.bench import Bench
from benchmarks.measures import Row, Sample, figure, interleave, quantile, ratio, series, values
from eventlog.followers import fold
from eventlog.followers.replay import Replay, family
from eventlog.journal import table as journal
from eventlog.projections import VIEWS
from eventlog.storage.connections import connect_reader
from eventlog.storage.writer import Writer

T = TypeVar("T")

_BATCH = 5_000


async def replays(bench: Bench) -> Row:
    """Against a bare insert of the rows that the views hold; then with another process."""
    events = bench.size(200_000, 10_000)
    path = bench.logs.units(events)
    samples = await interleave(
        1,  # a long one, which a round before would not warm
        {
            "bare insert": lambda: _bare(bench, path),
            "replay": lambda: _replay(bench, path),
        },
        warm_up=False,
    )
    disturbed, swap_s, longest_s = await _disturbed(bench, path)
    facts = f"{events * 5:,} facts"
    return Row(
        name=f"replay of {facts} into all views",
        figures=[
            ratio(
                "speed, of a bare insert of the ready rows",
                values(samples["bare insert"]),
                values(samples["replay"]),
                at_least=0.4,
            ),
            figure(
                "another process's appends, p99",
                [quantile(disturbed, 0.99) * 1000],
                "ms",
                at_most=50,
            ),
            figure("the swap", [swap_s * 1000], "ms", at_most=500),
        ],
        series=series(samples, "s"),
        notes=[
            f"{len(disturbed)} appends of another process meanwhile",
            f"the slowest of them took {max(disturbed) * 1000:.0f} ms",
            f"the longest step but the swap held the lock for {longest_s * 1000:.0f} ms",
        ],
    )


class _TimedWriter(Writer):
    """A writer that remembers how long each function had the lock, by its name."""

    def __init__(self, path: Path) -> None:
        """As its parent."""
        super().__init__(path)
        self.held_s: list[tuple[str, float]] = []

    async def run(
        self, function: Callable[[sqlite3.Connection], T], *, since: float | None = None
    ) -> T:
        """As its parent, timed from inside the lock."""

        def timed(connection: sqlite3.Connection) -> T:
            started = time.perf_counter()
            try:
                return function(connection)
            finally:
                named = getattr(function, "func", function)
                name = getattr(named, "__name__", "")
                self.held_s.append((name, time.perf_counter() - started))

        return await super().run(timed, since=since)


async def _writer(path: Path) -> _TimedWriter:
    writer = _TimedWriter(path)
    await writer.open(lambda _: None)
    return writer


async def _replay(bench: Bench, path: Path) -> Sample:
    async with bench.spare() as folder:
        writer = await _writer(logs.copy(path, folder))
        try:
            started = time.perf_counter()
            replayed = await Replay(writer, family(None)).run()
            took_s = time.perf_counter() - started
        finally:
            await writer.close()
    assert not replayed.parked
    return Sample(took_s)


async def _disturbed(bench: Bench, path: Path) -> tuple[list[float], float, float]:
    """Another process's appends, how long the swap held the lock, and the longest other step."""
    async with bench.spare() as folder:
        copied = logs.copy(path, folder)
        writer = await _writer(copied)
        child = await children.start("append", copied)
        try:
            assert child.stdout is not None
            await child.stdout.readline()  # it is ready
            await Replay(writer, family(None)).run()
        finally:
            calls_s = (await children.answer(child))["calls_s"]
            await writer.close()
    swaps = [took_s for name, took_s in writer.held_s if name == "_swap"]
    others = [took_s for name, took_s in writer.held_s if name != "_swap"]
    return calls_s, swaps[0], max(others)


async def _bare(bench: Bench, path: Path) -> Sample:
    """The time of the inserts and commits alone; the rows are made ready in between."""
    took_s = 0.0
    reading = connect_reader(path)
    async with bench.spare() as folder:
        bare = Bare(folder / "bare.db", views=True)
        after = 0
        while rows := journal.read_after(reading, after, _BATCH):
            batch = fold.decode(rows, after)
            ready = []
            for view in VIEWS:
                found = fold.statements(view, batch, after)
                assert found is not None
                ready += [(one.sql.format(p=""), one.rows) for one in found]
            after = batch.last
            started = time.perf_counter()
            bare.append([], ready)
            took_s += time.perf_counter() - started
        started = time.perf_counter()
        bare.close()
        took_s += time.perf_counter() - started
    reading.close()
    return Sample(took_s)
