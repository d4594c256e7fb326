"""What other processes do for a row: append while a replay runs, or show their memory's peak.

`python -m benchmarks.children append|replay|export PATH` prints one line of JSON. Knows no row.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import Any

from benchmarks import workload
from eventlog import EventStore

PACE_S = 0.01  # a busy door's


async def start(what: str, path: Path) -> Process:
    """Start one; it answers when its input is closed (append) or when it is done."""
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.children", what, str(path), stdin=PIPE, stdout=PIPE
    )


async def answer(child: Process) -> dict[str, Any]:
    """Close its input, and what it said."""
    said, _ = await child.communicate(b"")
    assert child.returncode == 0
    found: dict[str, Any] = json.loads(said.splitlines()[-1])
    return found


async def _append(path: Path) -> dict[str, Any]:
    """Append at a steady pace until the input is closed; how long each append took."""
    loop = asyncio.get_running_loop()
    closed = loop.run_in_executor(None, sys.stdin.read)
    calls_s: list[float] = []
    async with EventStore(str(path), str(path.parent / "thumbnails")) as store:
        print("ready", flush=True)
        for facts in workload.units(1_000_000, first=10_000_000):
            if closed.done():
                break
            started = time.perf_counter()
            await store.append(*facts)
            calls_s.append(time.perf_counter() - started)
            await asyncio.sleep(PACE_S)
    return {"calls_s": calls_s}


async def _replay(path: Path) -> dict[str, Any]:
    async with EventStore(str(path), str(path.parent / "thumbnails")) as store:
        await store.replay()
    return {}


async def _export(path: Path) -> dict[str, Any]:
    from eventlog.maintenance.archive import export  # noqa: PLC0415 - its memory counts only where it is used

    with open(os.devnull, "wb") as nowhere:  # noqa: ASYNC230, PTH123 - nothing else runs here
        export(path, nowhere)
    return {}


def main() -> None:
    """Do what the arguments say, and print what it came to with the memory's peak."""
    what, path = sys.argv[1], Path(sys.argv[2])
    work = {"append": _append, "replay": _replay, "export": _export}[what]
    found = asyncio.run(work(path))
    print(json.dumps({**found, "peak_mb": _peak_kb() / 1000}))


def _peak_kb() -> int:
    # getrusage would tell the parent's peak where that was higher.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


if __name__ == "__main__":
    main()
