"""Readers beside writers: eight append without a pause while four read the newest events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from itertools import cycle
from typing import Any, NamedTuple

from benchmarks import logs, workload
from benchmarks.bench import Bench
from benchmarks.measures import Row, Sample, interleave, ratio, series
from benchmarks.plain import PlainStore
from eventlog import EventStore

WRITERS = 8
READERS = 4
PAGE = 20

Call = Callable[[], Awaitable[object]]


class _Counts(NamedTuple):
    writes: list[float]
    reads: list[float]


async def readers(bench: Bench) -> Row:
    """Both counted in the same seconds, on logs that hold events already."""
    events = bench.sizes[0]
    seconds = bench.size(20, 6) / 10
    plain, ours = _Counts([], []), _Counts([], [])
    await interleave(
        bench.rounds,
        {
            "plain": lambda: _plain(bench, events, seconds, plain),
            "eventlog": lambda: _ours(bench, events, seconds, ours),
        },
    )
    counted = {
        "plain, writes": plain.writes[1:],
        "eventlog, writes": ours.writes[1:],
        "plain, reads": plain.reads[1:],
        "eventlog, reads": ours.reads[1:],
    }
    return Row(
        name="readers beside 8 writers",
        figures=[
            ratio(
                "reads, of plain's",
                counted["eventlog, reads"],
                counted["plain, reads"],
                at_least=6,
            ),
            ratio(
                "writes, of plain's",
                counted["eventlog, writes"],
                counted["plain, writes"],
                at_least=2,
            ),
        ],
        series=series(
            {name: [Sample(one) for one in some] for name, some in counted.items()}, "/s"
        ),
    )


async def _plain(bench: Bench, events: int, seconds: float, counts: _Counts) -> Sample:
    made = cycle([workload.plain_arguments(facts) for facts in _units()])
    async with bench.spare() as folder:
        path = logs.copy(bench.logs.plain(events), folder)
        async with PlainStore(path) as store:
            return await _both(
                lambda: store.write_event(**next(made)),
                lambda: store.get_recent_events(PAGE),
                seconds,
                counts,
            )


async def _ours(bench: Bench, events: int, seconds: float, counts: _Counts) -> Sample:
    made = cycle(list(_units()))
    async with bench.spare() as folder:
        path = logs.copy(bench.logs.visits(events), folder)
        async with EventStore(str(path), str(folder / "thumbnails")) as store:
            return await _both(
                lambda: store.append(*next(made), durability="relaxed"),
                lambda: store.reader.events(limit=PAGE),
                seconds,
                counts,
            )


def _units() -> Iterator[Any]:
    return workload.units(500, with_unlock=False, first=20_000_000)


async def _both(write: Call, read: Call, seconds: float, counts: _Counts) -> Sample:
    """Write and read for so long; both counts go to `counts`, a round after the other."""
    until = time.perf_counter() + seconds

    async def repeat(call: Call) -> int:
        count = 0
        while time.perf_counter() < until:
            await call()
            count += 1
        return count

    calls = [write] * WRITERS + [read] * READERS
    done = await asyncio.gather(*(repeat(call) for call in calls))
    counts.writes.append(sum(done[:WRITERS]) / seconds)
    counts.reads.append(sum(done[WRITERS:]) / seconds)
    return Sample(counts.reads[-1])
