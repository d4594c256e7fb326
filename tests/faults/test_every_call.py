"""Killed, or refused by the disk, at each write, sync, truncate, rename and unlink.

A dry run tells which calls one cycle makes; then the cycle is run again for each of them, with
SIGKILL, EIO or ENOSPC at that call, or from that call on. What is left is opened plainly: every
receipt that was given is true, every append stands there once after its retry, and the views
are what a replay makes of the journal.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import NamedTuple

import pytest

from tests.faults.cycle import DB, MARK, Part
from tests.faults.zygote import Answer, Job

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")

CHECKOUT = Path(__file__).resolve().parents[2]
WORKERS = 2

KILL = "signal=SIGKILL:when={n}"
FAULTS = {
    "killed": KILL,
    "EIO once": "error=EIO:when={n}",
    "EIO from there on": "error=EIO:when={n}+",
    "ENOSPC once": "error=ENOSPC:when={n}",
    "ENOSPC from there on": "error=ENOSPC:when={n}+",
}

# The log's own files, whose calls all come from the writer's thread and so have one order.
LOG = [DB, f"{DB}-wal", f"{DB}-journal", f"{DB}.head", f"{DB}.reserve", "."]


class Target(NamedTuple):
    """Calls that are counted together: strace counts for each thread by itself."""

    part: Part
    calls: str
    files: tuple[str, ...] = ()


TARGETS = [
    Target("cycle", "pwrite64", tuple(LOG)),
    Target("cycle", "pwritev2", tuple(LOG)),
    Target("cycle", "fsync,fdatasync", tuple(LOG)),
    Target("cycle", "ftruncate,fallocate", tuple(LOG)),
    Target("cycle", "unlink,unlinkat", (f"{DB}-journal", f"{DB}-wal")),
    Target("cycle", "unlink,unlinkat", (MARK,)),
    Target("picture", "write,fsync,rename,renameat,unlink,unlinkat"),
    Target("backup", "pwrite64"),
    Target("backup", "fsync,fdatasync,ftruncate"),
    Target("backup", "rename,link,linkat,unlink,unlinkat"),
]


class Zygotes:
    """Warm processes that run the cycle under strace, a few at a time."""

    def __init__(
        self, pool: ThreadPoolExecutor, processes: Sequence[subprocess.Popen[str]]
    ) -> None:
        self._free: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
        for process in processes:
            self._free.put(process)
        self._pool = pool

    def run(self, jobs: Sequence[Job]) -> list[Answer]:
        """What came of each job."""
        return list(self._pool.map(self._run, jobs))

    def calls(self, target: Target) -> int:
        """How many of the target's calls the busiest thread makes."""
        (answer,) = self.run([Job(target.part, "", list(target.files))])
        wanted = target.calls.split(",")
        threads = Counter(thread for thread, call, _ in answer.calls if call in wanted)
        return max(threads.values(), default=0)

    def _run(self, job: Job) -> Answer:
        process = self._free.get()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        line = process.stdout.readline()
        assert line, f"the runner died of {job}"
        self._free.put(process)
        return Answer(*json.loads(line))


@pytest.fixture(scope="module")
def zygotes() -> Iterator[Zygotes]:
    """The warm processes."""
    command = [sys.executable, "-m", "tests.faults.zygote"]
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(WORKERS))
        yield Zygotes(
            pool,
            [
                stack.enter_context(
                    subprocess.Popen(
                        command,
                        cwd=CHECKOUT,
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        text=True,
                    )
                )
                for _ in range(WORKERS)
            ],
        )


def found_wrong(zygotes: Zygotes, target: Target, faults: Sequence[str]) -> dict[str, list[str]]:
    """What went wrong, by what was injected."""
    injected = [f"{target.calls}:{fault}" for fault in faults]
    answers = zygotes.run([Job(target.part, inject, list(target.files)) for inject in injected])
    return {
        inject: answer.wrong
        for inject, answer in zip(injected, answers, strict=True)
        if answer.wrong
    }


def test_a_cycle_without_a_fault_promises_everything(zygotes: Zygotes) -> None:
    """The cycle itself acknowledges each append, the event, the backup, and closes."""
    (answer,) = zygotes.run([Job("cycle", "", [])])
    assert answer.wrong == []
    assert [line.split(" ")[0] for line in answer.said] == [
        *("append", "append", "append", "event", "append", "backup", "end")
    ]


def test_a_store_killed_or_refused_at_some_calls_loses_nothing(zygotes: Zygotes) -> None:
    """A few of the calls that `make faults` tries all of."""
    writes = TARGETS[0]
    faults = [
        *(KILL.format(n=n) for n in (90, 170, 250)),
        FAULTS["EIO once"].format(n=130),
        FAULTS["ENOSPC from there on"].format(n=150),
    ]
    assert found_wrong(zygotes, writes, faults) == {}
    # The fourth sync is that of the journal under which the first pages are made.
    syncs = [KILL.format(n=4), *(FAULTS[f].format(n=9) for f in ("EIO once", "EIO from there on"))]
    assert found_wrong(zygotes, TARGETS[1], syncs) == {}


@pytest.mark.faults
@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize("target", TARGETS, ids=lambda t: f"{t.part} {t.calls} {t.files[-1:]}")
def test_no_single_call_can_break_a_promise(zygotes: Zygotes, target: Target, fault: str) -> None:
    """Each of the target's calls in turn is where the fault comes."""
    calls = zygotes.calls(target)
    assert calls > 0, "the cycle makes no such call"
    print(f"{calls} calls")  # noqa: T201 - the figure belongs to the result
    every = [FAULTS[fault].format(n=n) for n in range(1, calls + 1)]
    assert found_wrong(zygotes, target, every) == {}
