"""Against `eventsourcing`: many callers, bulk, and reading everything back."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

from eventsourcing.persistence import StoredEvent

from benchmarks import callers, logs, workload
from benchmarks.bench import Bench
from benchmarks.measures import Row, Sample, interleave, per_second, ratio, series, values
from benchmarks.peer import Peer, stored
from eventlog import EventStore

CALLERS = 64
# The facts of so many events go into one call of its recorder.
EVENTS_PER_CALL = 400


async def peers(bench: Bench) -> Row:
    """Both durable: its connections stand at SQLite's default, FULL."""
    appends, few = bench.size(12_800, 3_200), bench.size(1_280, 320)
    events = bench.size(20_000, 4_000)
    samples = await interleave(
        bench.size(2, 1),
        {
            "eventsourcing, 64 callers": lambda: _callers(bench, few),
            "eventlog, 64 callers": lambda: callers.ours(bench, appends, CALLERS, "durable"),
            "eventsourcing, bulk": lambda: _bulk(bench, events),
            "eventlog, bulk": lambda: _our_bulk(bench, events),
            "eventsourcing, read and decode": lambda: _read(bench, events),
            "eventlog, replay": lambda: _our_replay(bench, events),
        },
    )
    found = {name: values(some) for name, some in samples.items()}
    return Row(
        name="against eventsourcing",
        figures=[
            ratio(
                "64 callers",
                found["eventlog, 64 callers"],
                found["eventsourcing, 64 callers"],
                at_least=5,
            ),
            ratio("bulk", found["eventlog, bulk"], found["eventsourcing, bulk"], at_least=1.2),
            ratio(
                "replay, of its read and decode alone",
                found["eventlog, replay"],
                found["eventsourcing, read and decode"],
                at_least=1,
            ),
        ],
        series=series({name: some for name, some in samples.items() if "64" in name}, "appends/s")
        + series({name: some for name, some in samples.items() if "64" not in name}, "facts/s"),
    )


async def _callers(bench: Bench, appends: int) -> Sample:
    loop = asyncio.get_running_loop()
    waiting = iter([stored(n, facts) for n, facts in enumerate(workload.units(appends))])
    async with bench.spare() as folder:
        with ThreadPoolExecutor(1) as thread:
            peer = await loop.run_in_executor(thread, Peer, folder / "peer.db")

            async def caller() -> None:
                for events in waiting:
                    await loop.run_in_executor(thread, peer.append, events)

            started = time.perf_counter()
            await asyncio.gather(*(caller() for _ in range(CALLERS)))
            took_s = time.perf_counter() - started
            await loop.run_in_executor(thread, peer.close)
    return per_second(appends, took_s)


async def _bulk(bench: Bench, events: int) -> Sample:
    async with bench.spare() as folder:
        peer = Peer(folder / "peer.db")
        took_s = _fill(peer, events)
        peer.close()
    return per_second(events * workload.FACTS_PER_EVENT, took_s)


async def _read(bench: Bench, events: int) -> Sample:
    some: list[StoredEvent] = []
    async with bench.spare() as folder:
        peer = Peer(folder / "peer.db")
        for number, facts in enumerate(workload.units(events)):
            some += peer.mapped(number, facts)
        peer.append(some)
        started = time.perf_counter()
        count = peer.read_and_decode()
        took_s = time.perf_counter() - started
        peer.close()
    assert count == events * workload.FACTS_PER_EVENT
    return per_second(count, took_s)


def _fill(peer: Peer, events: int) -> float:
    """Encode and insert, as ours does inside its time."""
    groups = list(workload.units(events))
    started = time.perf_counter()
    some: list[StoredEvent] = []
    for number, facts in enumerate(groups):
        some += stored(number, facts)
        if (number + 1) % EVENTS_PER_CALL == 0:
            peer.append(some)
            some = []
    if some:
        peer.append(some)
    return time.perf_counter() - started


async def _our_bulk(bench: Bench, events: int) -> Sample:
    groups = list(workload.units(events))
    async with bench.store() as store:
        started = time.perf_counter()
        await store.append_many(groups)
        return per_second(events * workload.FACTS_PER_EVENT, time.perf_counter() - started)


async def _our_replay(bench: Bench, events: int) -> Sample:
    async with bench.spare() as folder:
        path = logs.copy(bench.logs.units(events), folder)
        async with EventStore(str(path), str(folder / "thumbnails")) as store:
            started = time.perf_counter()
            await store.replay()
            return per_second(events * workload.FACTS_PER_EVENT, time.perf_counter() - started)
