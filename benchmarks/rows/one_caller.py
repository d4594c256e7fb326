"""One caller that awaits each append, relaxed and durable."""

from __future__ import annotations

from benchmarks import callers
from benchmarks.bench import Bench
from benchmarks.measures import Row, interleave, quantiles, ratio, series, values


async def relaxed(bench: Bench) -> Row:
    """NORMAL against plain and bare at NORMAL."""
    appends = bench.size(1_500, 300)
    samples = await interleave(
        bench.rounds,
        {
            "plain": lambda: callers.plain(bench, appends, 1, "NORMAL"),
            "bare": lambda: callers.bare(bench, appends, 1, "NORMAL"),
            "eventlog": lambda: callers.ours(bench, appends, 1, "relaxed"),
        },
    )
    ours = values(samples["eventlog"])
    return Row(
        name="one caller, relaxed",
        figures=[
            ratio("of plain", ours, values(samples["plain"]), at_least=2.5),
            ratio("of bare", ours, values(samples["bare"]), at_least=0.4),
            ratio(
                "p99, of plain's",
                quantiles(samples["eventlog"], 0.99),
                quantiles(samples["plain"], 0.99),
                at_most=0.25,
            ),
        ],
        series=series(samples, "appends/s"),
    )


async def durable(bench: Bench) -> Row:
    """The default, FULL, against plain and bare at FULL."""
    appends = bench.size(600, 150)
    samples = await interleave(
        bench.rounds,
        {
            "plain at FULL": lambda: callers.plain(bench, appends, 1, "FULL"),
            "bare at FULL": lambda: callers.bare(bench, appends, 1, "FULL"),
            "eventlog": lambda: callers.ours(bench, appends, 1, "durable"),
        },
    )
    ours = values(samples["eventlog"])
    return Row(
        name="one caller, durable",
        figures=[
            ratio("of plain", ours, values(samples["plain at FULL"]), at_least=0.9),
            ratio("of bare", ours, values(samples["bare at FULL"]), at_least=0.5),
        ],
        series=series(samples, "appends/s"),
    )
