"""Callers that append: each contender's way to take the same events, one caller or many.

A round is `appends` events by `callers` tasks that each await their append before the next one.
Answers how many events a second came in, and how long each call took. Knows no row.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from functools import cache
from typing import Any

from benchmarks import workload
from benchmarks.bare import Bare, Ready, Rows, RowsMaker, joined, ready_views
from benchmarks.bench import WARM_UP, Bench
from benchmarks.measures import Sample, per_second
from benchmarks.plain import Synchronous
from eventlog import Durability, EventStore
from eventlog.facts import Fact

Call = Callable[[], Awaitable[object]]


Alongside = Callable[[EventStore], AbstractAsyncContextManager[object]]


def nothing(_: EventStore) -> AbstractAsyncContextManager[object]:
    """Nothing runs alongside."""
    return nullcontext()


async def ours(
    bench: Bench,
    appends: int,
    callers: int,
    durability: Durability,
    *,
    with_views: bool = False,
    alongside: Alongside = nothing,
) -> Sample:
    """`EventStore.append`; with views, until every view has applied the last record."""
    events = _events(appends, durable=durability == "durable")
    async with bench.store() as store, alongside(store):

        def call(facts: Sequence[Fact]) -> Call:
            return lambda: store.append(*facts, durability=durability)

        calls = [call(facts) for facts in events]
        await _run(calls[:WARM_UP], 1)
        started = time.perf_counter()
        calls_s = await _run(calls[WARM_UP:], callers)
        if with_views:
            await store.caught_up((appends + WARM_UP) * workload.FACTS_PER_EVENT)
        return per_second(appends, time.perf_counter() - started, calls_s)


async def plain(bench: Bench, appends: int, callers: int, synchronous: Synchronous) -> Sample:
    """The plain store's `write_event`."""
    events = _arguments(appends, durable=synchronous == "FULL")
    async with bench.plain(synchronous) as store:

        def call(arguments: dict[str, Any]) -> Call:
            return lambda: store.write_event(**arguments)

        calls = [call(arguments) for arguments in events]
        await _run(calls[:WARM_UP], 1)
        started = time.perf_counter()
        calls_s = await _run(calls[WARM_UP:], callers)
        return per_second(appends, time.perf_counter() - started, calls_s)


async def bare(
    bench: Bench,
    appends: int,
    callers: int,
    synchronous: Synchronous,
    *,
    with_views: bool = False,
) -> Sample:
    """Ready rows, one commit for each append or, of many callers, one for as many appends."""
    work = _ready(appends, callers, durable=synchronous == "FULL", with_views=with_views)
    async with bench.spare() as folder:
        bare_ = Bare(folder / "bare.db", synchronous=synchronous, views=with_views)
        for rows, ready in work[:WARM_UP]:
            bare_.append(rows, ready)
        calls_s = []
        started = time.perf_counter()
        for rows, ready in work[WARM_UP:]:
            before = time.perf_counter()
            bare_.append(rows, ready)
            calls_s.append(time.perf_counter() - before)
        took_s = time.perf_counter() - started
        bare_.close()
        return per_second(appends, took_s, calls_s)


@cache
def _events(appends: int, *, durable: bool) -> list[list[Fact]]:
    return list(workload.units(appends + WARM_UP, with_unlock=durable))


@cache
def _arguments(appends: int, *, durable: bool) -> list[dict[str, Any]]:
    return [workload.plain_arguments(facts) for facts in _events(appends, durable=durable)]


@cache
def _ready(
    appends: int, callers: int, *, durable: bool, with_views: bool
) -> list[tuple[Rows, Ready]]:
    maker = RowsMaker()
    events = [maker.rows(facts) for facts in _events(appends, durable=durable)]
    groups = [*events[:WARM_UP], *joined(events[WARM_UP:], callers)]
    return [(rows, ready_views(rows) if with_views else []) for rows in groups]


async def _run(calls: Sequence[Call], callers: int) -> list[float]:
    """Each call's time. A caller takes the next call when its last one was answered."""
    waiting = iter(calls)
    calls_s: list[float] = []

    async def caller() -> None:
        for call in waiting:
            before = time.perf_counter()
            await call()
            calls_s.append(time.perf_counter() - before)

    if callers == 1:
        await caller()
    else:
        async with asyncio.TaskGroup() as group:
            for _ in range(callers):
                group.create_task(caller())
    assert len(calls_s) == len(calls)
    return calls_s
