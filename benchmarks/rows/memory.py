"""Memory: the peak of a process that replays, and of one that exports, by the log's length."""

from __future__ import annotations

from benchmarks import children, logs
from benchmarks.bench import Bench
from benchmarks.measures import Row, Series, figure


async def memory(bench: Bench) -> Row:
    """On a long log and on one of a tenth of it, so that growth would show."""
    events = bench.size(200_000, 10_000)
    peaks = {
        (what, size): await _peak(bench, what, size)
        for what in ("replay", "export")
        for size in (events // 10, events)
    }
    return Row(
        name=f"memory at {events * 5:,} facts",
        figures=[
            figure(f"{what}, peak", [peaks[what, events]], "MB", at_most=150)
            for what in ("replay", "export")
        ],
        series=[
            Series(f"{what} of {size * 5:,} facts", "MB", [peak])
            for (what, size), peak in peaks.items()
        ],
    )


async def _peak(bench: Bench, what: str, events: int) -> float:
    async with bench.spare() as folder:
        path = logs.copy(bench.logs.units(events), folder)
        found = await children.answer(await children.start(what, path))
    return float(found["peak_mb"])
