"""The event list, one event, and the list's filters, on logs of three sizes."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from benchmarks import workload
from benchmarks.bench import Bench
from benchmarks.measures import Measure, Row, Sample, interleave, ratio, series, values
from benchmarks.plain import PlainStore
from eventlog import EventFilter, EventStore

PAGE = 20
Call = Callable[[], Awaitable[object]]


async def lists(bench: Bench) -> list[Row]:
    """Three rows that share their logs: recent events, one event, filters."""
    small, middle, large = bench.sizes
    async with AsyncExitStack() as stack:
        stores = {
            size: await stack.enter_async_context(_store(bench.logs.visits(size)))
            for size in (small, middle, large)
        }
        plain = await stack.enter_async_context(PlainStore(bench.logs.plain(middle)))
        return [
            await _recent(bench, stores, plain),
            await _one_event(bench, stores[middle], plain, middle),
            await _filters(bench, stores[large], large),
        ]


async def _recent(bench: Bench, stores: dict[int, EventStore], plain: PlainStore) -> Row:
    small, middle, large = bench.sizes
    calls = bench.size(200, 60)

    def ours(size: int) -> Measure:
        return lambda: _mean(calls, lambda: stores[size].get_recent_events(PAGE))

    samples = await interleave(
        bench.rounds,
        {
            f"plain, {middle:,} events": lambda: _mean(
                calls, lambda: plain.get_recent_events(PAGE)
            ),
            **{f"eventlog, {size:,} events": ours(size) for size in bench.sizes},
        },
    )
    at = {size: values(samples[f"eventlog, {size:,} events"]) for size in bench.sizes}
    theirs = values(samples[f"plain, {middle:,} events"])
    return Row(
        name="recent 20 with detections",
        figures=[
            ratio(f"speed at {middle:,}, of plain's", theirs, at[middle], at_least=8),
            ratio(f"time at {large:,}, of that at {small:,}", at[large], at[small], at_most=1.5),
        ],
        series=series(samples, "µs"),
    )


async def _one_event(bench: Bench, store: EventStore, plain: PlainStore, events: int) -> Row:
    calls = bench.size(500, 150)
    rng = random.Random(workload.SEED)
    samples = await interleave(
        bench.rounds,
        {
            "plain": lambda: _mean(calls, lambda: plain.get_event(rng.randint(1, events))),
            "eventlog": lambda: _mean(calls, lambda: store.get_event(rng.randint(1, events))),
        },
    )
    return Row(
        name=f"get_event at {events:,} events",
        figures=[
            ratio(
                "speed, of plain's",
                values(samples["plain"]),
                values(samples["eventlog"]),
                at_least=2,
            )
        ],
        series=series(samples, "µs"),
    )


async def _filters(bench: Bench, store: EventStore, events: int) -> Row:
    calls = bench.size(200, 60)
    reader = store.reader
    middle = await reader.get_event(events // 2)
    assert middle is not None
    day = (workload.T0 + (events // 3) * workload.APART).replace(hour=0, minute=0, second=0)
    deep = (middle["recorded_at"], middle["id"])
    wanted = {
        "by person": EventFilter(person=workload.COMMON_PERSON),
        "by a common label": EventFilter(label=workload.COMMON_LABEL),
        "by a rare label": EventFilter(label=workload.RARE_LABEL),
        "by a day": EventFilter(since=day, until=day + timedelta(days=1)),
    }

    def filtered(wanted: EventFilter) -> Measure:
        return lambda: _mean(calls, lambda: reader.events(wanted, limit=PAGE))

    samples = await interleave(
        bench.rounds,
        {
            "recent 20": lambda: _mean(calls, lambda: reader.events(limit=PAGE)),
            **{name: filtered(one) for name, one in wanted.items()},
            "a deep page by keyset": lambda: _mean(
                calls, lambda: reader.events(before=deep, limit=PAGE)
            ),
        },
    )
    recent = values(samples["recent 20"])
    for one in wanted.values():
        assert len(await reader.events(one, limit=PAGE)) == PAGE
    return Row(
        name=f"filters at {events:,} events",
        figures=[
            ratio(f"time {name}, of recent 20", values(some), recent, at_most=2)
            for name, some in samples.items()
            if name != "recent 20"
        ],
        series=series(samples, "µs"),
    )


def _store(path: Path) -> EventStore:
    return EventStore(str(path), str(path.parent / "thumbnails"))


async def _mean(calls: int, call: Call) -> Sample:
    """The mean time of a call, in microseconds."""
    started = time.perf_counter()
    for _ in range(calls):
        assert await call()
    return Sample((time.perf_counter() - started) / calls * 1e6)
