"""100,000 facts at once: until the last receipt, and until the views have them."""

from __future__ import annotations

import time
from functools import cache

from benchmarks import workload
from benchmarks.bare import Bare, Ready, Rows, RowsMaker, joined, ready_views
from benchmarks.bench import Bench
from benchmarks.measures import Row, Sample, interleave, per_second, ratio, series, values
from eventlog.facts import Fact

# As many facts to a commit as ours takes.
APPENDS_PER_COMMIT = 400


async def bulk(bench: Bench) -> Row:
    """Against bare, which commits as many at a time, journal alone and with views."""
    events = bench.size(20_000, 4_000)
    samples = await interleave(
        bench.size(3, 2),
        {
            "bare": lambda: _bare(bench, events, with_views=False),
            "bare with views": lambda: _bare(bench, events, with_views=True),
            "eventlog": lambda: _ours(bench, events, with_views=False),
            "eventlog with views": lambda: _ours(bench, events, with_views=True),
        },
    )
    bare = values(samples["bare"])
    return Row(
        name=f"{events * workload.FACTS_PER_EVENT:,} facts in bulk",
        figures=[
            ratio("journal alone, of bare", values(samples["eventlog"]), bare, at_least=0.6),
            ratio(
                "with views, of bare with views",
                values(samples["eventlog with views"]),
                values(samples["bare with views"]),
                at_least=0.45,
            ),
        ],
        series=series(samples, "facts/s"),
    )


async def _ours(bench: Bench, events: int, *, with_views: bool) -> Sample:
    groups = _facts(events)
    count = events * workload.FACTS_PER_EVENT
    async with bench.store() as store:
        started = time.perf_counter()
        await store.append_many(groups, durability="relaxed")
        if with_views:
            await store.caught_up(count)
        return per_second(count, time.perf_counter() - started)


async def _bare(bench: Bench, events: int, *, with_views: bool) -> Sample:
    work = _ready_with_views(events) if with_views else _ready(events)
    async with bench.spare() as folder:
        bare = Bare(folder / "bare.db", views=with_views)
        started = time.perf_counter()
        for rows, ready in work:
            bare.append(rows, ready)
        took_s = time.perf_counter() - started
        bare.close()
        return per_second(events * workload.FACTS_PER_EVENT, took_s)


@cache
def _facts(events: int) -> list[list[Fact]]:
    return list(workload.units(events, with_unlock=False))


@cache
def _ready(events: int) -> list[tuple[Rows, Ready]]:
    maker = RowsMaker()
    groups = joined([maker.rows(facts) for facts in _facts(events)], APPENDS_PER_COMMIT)
    return [(rows, []) for rows in groups]


@cache
def _ready_with_views(events: int) -> list[tuple[Rows, Ready]]:
    return [(rows, ready_views(rows)) for rows, _ in _ready(events)]
