"""How long a start takes: `eventlog status` on a large log, and the import alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.bench import Bench
from benchmarks.measures import Row, Sample, figure, interleave, series, values

_IMPORT = "import time; t = time.perf_counter(); import eventlog; print(time.perf_counter() - t)"


async def starts(bench: Bench) -> Row:
    """Whole processes, the interpreter's own start included for the command."""
    large = bench.sizes[-1]
    path = bench.logs.visits(large)

    async def status() -> Sample:
        return Sample(_status(path))

    async def imported() -> Sample:
        return Sample(_imported())

    samples = await interleave(
        bench.size(7, 3), {f"status at {large:,} events": status, "import eventlog": imported}
    )
    status_s, import_s = (values(some) for some in samples.values())
    return Row(
        name="start",
        figures=[
            figure(f"eventlog status on {large:,} events", status_s, "s", at_most=0.4),
            figure("import eventlog", import_s, "s", at_most=0.15),
        ],
        series=series(samples, "s"),
    )


def _status(path: Path) -> float:
    environment = {**os.environ, "DB_PATH": str(path)}
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "eventlog", "status", "--json"],
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - started


def _imported() -> float:
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", _IMPORT], check=True, capture_output=True, text=True
    )
    return float(done.stdout)
