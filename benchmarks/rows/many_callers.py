"""64 callers at once: appends, relaxed and durable, and the views kept up to the end."""

from __future__ import annotations

from benchmarks import callers
from benchmarks.bench import Bench
from benchmarks.measures import Row, interleave, ratio, series, values
from benchmarks.plain import Synchronous
from eventlog import Durability

CALLERS = 64


async def relaxed(bench: Bench) -> Row:
    """NORMAL against plain and bare at NORMAL."""
    return await _appends(bench, "64 callers, relaxed", "relaxed", "NORMAL")


async def durable(bench: Bench) -> Row:
    """FULL against plain and bare at FULL."""
    return await _appends(bench, "64 callers, durable", "durable", "FULL")


async def _appends(bench: Bench, name: str, durability: Durability, at: Synchronous) -> Row:
    appends = bench.size(12_800, 3_200)
    few = bench.size(1_280, 320)
    samples = await interleave(
        bench.rounds,
        {
            # It shares no commits, so that a few appends show its pace.
            "plain": lambda: callers.plain(bench, few, CALLERS, at),
            "bare": lambda: callers.bare(bench, appends, CALLERS, at),
            "eventlog": lambda: callers.ours(bench, appends, CALLERS, durability),
        },
    )
    ours = values(samples["eventlog"])
    return Row(
        name=name,
        figures=[
            ratio("of plain", ours, values(samples["plain"]), at_least=10),
            ratio("of bare", ours, values(samples["bare"]), at_least=0.5),
        ],
        series=series(samples, "appends/s"),
    )


async def views(bench: Bench) -> Row:
    """The total time until no view lags, against plain and bare with views."""
    appends = bench.size(12_800, 3_200)
    few = bench.size(1_280, 320)
    samples = await interleave(
        bench.rounds,
        {
            "plain": lambda: callers.plain(bench, few, CALLERS, "NORMAL"),
            "bare with views": lambda: callers.bare(
                bench, appends, CALLERS, "NORMAL", with_views=True
            ),
            "eventlog": lambda: callers.ours(bench, appends, CALLERS, "relaxed", with_views=True),
        },
    )
    ours = values(samples["eventlog"])
    return Row(
        name="64 callers, views kept up until lag 0",
        figures=[
            ratio("of plain", ours, values(samples["plain"]), at_least=4),
            ratio("of bare with views", ours, values(samples["bare with views"]), at_least=0.75),
        ],
        series=series(samples, "appends/s"),
    )
