"""Power cuts: every state that one can leave is opened with the product, and nothing is missing.

A recorded run is cut at every operation (see `explore.py`); the model of the disk is held
against the real one, and the whole procedure against two stores that break a promise.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from random import Random, SystemRandom
from typing import Any

import pytest

from tests.powercut import operations, trace
from tests.powercut.disk import Disk, identity
from tests.powercut.explore import Plan
from tests.powercut.workload import Run

pytestmark = pytest.mark.skipif(trace.STRACE is None, reason="strace is not installed")

CHECKOUT = Path(__file__).resolve().parents[2]
STATES = 50_000
RECOVERIES = 50
SECOND_STATES = 20_000


def explored(plan: Plan) -> dict[str, Any]:
    """What a process of its own found out about a plan."""
    done = subprocess.run(
        plan.command, cwd=CHECKOUT, capture_output=True, text=True, timeout=3600, check=False
    )
    assert done.returncode == 0, done.stderr
    outcome: dict[str, Any] = json.loads(done.stdout)
    return outcome


def test_the_recording_leads_to_the_files_that_the_run_left(tmp_path: Path) -> None:
    """A model that took in every operation holds what is on the disk, byte for byte."""
    run = Run(tmp_path / "run", tmp_path / "acks", 1, 2, "second", "none")
    run.folder.mkdir()
    run.acks.touch()
    disk = Disk()
    for operation in trace.record(run.command, run.folder, run.acks, timeout_s=60):
        disk.apply(operation)
    left = {
        str(path.relative_to(run.folder)): path.read_bytes()
        for path in run.folder.rglob("*")
        if path.is_file() and not path.name.endswith("-shm")
    }
    assert disk.files() == left


def test_no_power_cut_takes_what_one_process_was_promised() -> None:
    """A short run of one process, from its first promise on: each state that is left keeps them."""
    outcome = explored(Plan(seed=5, events=1, some=0, role="second", first_wrong=True, every=4))
    assert outcome["wrong"] == {}
    assert outcome["states"] > 100
    assert outcome["whole"] > 1


@pytest.mark.faults
def test_a_power_cut_during_recovery_takes_nothing_that_was_acknowledged() -> None:
    """The power goes again while the log opens, and what is being written reads as noise."""
    outcome = explored(Plan(seed=5, events=1, some=0, recoveries=1, role="second", every=72))
    assert outcome["wrong"] == {}
    assert outcome["second_states"] > 150


@pytest.mark.parametrize(
    ("fault", "seen"), [("off", "was acknowledged, the journal ends at"), ("in-place", "picture")]
)
def test_a_store_that_breaks_its_promise_is_found_out(fault: str, seen: str) -> None:
    """Without syncs acknowledged records go; pictures written in place are missing or torn."""
    plan = Plan(seed=5, events=1, some=2, role="second", fault=fault, first_wrong=True, every=4)
    wrong = explored(plan)["wrong"]
    assert any(seen in finding for finding in wrong), wrong


@pytest.mark.faults
def test_a_start_that_writes_the_wal_over_itself_is_found_out() -> None:
    """Acknowledged records that are written again in place are lost to a second power cut."""
    plan = Plan(seed=5, events=1, some=0, recoveries=3, role="second", fault="rewrite", every=8)
    wrong = explored(plan._replace(first_wrong=True))["wrong"]
    assert any("was acknowledged, the journal ends at" in finding for finding in wrong), wrong


def test_an_unsynced_write_may_be_torn_dropped_or_overtaken() -> None:
    """Of two unsynced writes to one file each may be there alone, and the last in parts."""
    disk = Disk({"a": bytes(1024)})
    disk.apply(operations.Wrote("a", 0, b"x" * 1024))
    disk.apply(operations.Wrote("a", 1024, b"y" * 1024))
    left = {files["a"] for files in disk.cuts(Random(1), 100)}
    assert {bytes(1024), b"x" * 1024, bytes(1024) + b"y" * 1024} <= left
    assert b"x" * 1024 + b"y" * 512 in left
    assert b"x" * 512 + bytes(512) in left
    assert bytes(2048) in left


def test_a_write_in_flight_may_read_as_noise_and_changes_nothing_outside_its_range() -> None:
    """An unsynced write leaves other bytes than the old and the new ones, in its range only."""
    disk = Disk({"a": b"o" * 2048})
    disk.apply(operations.Wrote("a", 1000, b"n" * 100))
    left = {files["a"] for files in disk.cuts(Random(1), 20)}
    assert all(content[:1000] + content[1100:] == b"o" * 1948 for content in left)
    in_range = {content[1000:1100] for content in left}
    assert any(set(some) - {*b"on"} for some in in_range)
    disk.apply(operations.Synced("a", 1))
    assert {files["a"] for files in disk.cuts(Random(1), 20)} == {
        b"o" * 1000 + b"n" * 100 + b"o" * 948
    }


def test_what_a_failed_sync_left_is_saved_only_by_writing_it_again() -> None:
    """A later sync of the same file changes nothing; a new write of the same bytes does."""
    disk = Disk({"a": b"old"})
    for operation in (
        operations.Wrote("a", 0, b"new"),
        operations.SyncFailed("a", 1),
        operations.Synced("a", 2),
    ):
        disk.apply(operation)
    assert {"a": b"old"} in list(disk.cuts(Random(1), 5))
    disk.apply(operations.Wrote("a", 0, b"new"))
    disk.apply(operations.Synced("a", 4))
    assert {files["a"] for files in disk.cuts(Random(1), 50)} == {b"new"}


def test_a_name_is_there_for_sure_only_after_its_folder_was_synced() -> None:
    """A synced file may lose its name; when the folder was synced it may not."""
    disk = Disk()
    for operation in (operations.Opened("a", truncate=False), operations.Wrote("a", None, b"x")):
        disk.apply(operation)
    disk.apply(operations.Synced("a", since=2))
    assert {} in list(disk.cuts(Random(1), 5))
    disk.apply(operations.Synced("", since=3))
    assert {identity(files) for files in disk.cuts(Random(1), 5)} == {identity({"a": b"x"})}


@pytest.mark.faults
@pytest.mark.parametrize("sync", range(1, 21))
def test_a_sync_that_failed_is_not_believed_later(sync: int) -> None:
    """A sync fails once, the later ones say that all is well, then the power goes.

    The kernel holds what it could not write for clean, and never tries again.
    """
    inject = f"fdatasync:error=EIO:when={sync}"
    plan = Plan(9, 2, some=1, role="second", fault="forget", first_wrong=True, inject=inject)
    outcome = explored(plan)
    assert outcome["wrong"] == {}
    assert outcome["refused"] or outcome["states"] > 100


@pytest.mark.faults
def test_no_power_cut_takes_what_was_promised() -> None:
    """Two processes with all that goes on, cut everywhere, and cut again while recovering."""
    first = SystemRandom().randrange(2**31)
    print(f"seeds {first} and up")  # noqa: T201 - a random test says its seed
    total: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    number = 0
    with ThreadPoolExecutor(2) as pool:
        while (
            total["states"] < STATES
            or total["recoveries"] < RECOVERIES
            or total["second_states"] < SECOND_STATES
        ):
            plans = [Plan(first + 10 * (number + n), events=4, recoveries=25) for n in range(2)]
            number += 2
            for outcome in pool.map(explored, plans):
                wrong.update(outcome.pop("wrong"))
                total.update({name: count for name, count in outcome.items() if name != "plan"})
            print(dict(total), dict(wrong.most_common(3)), flush=True)  # noqa: T201 - likewise
            assert not wrong, wrong.most_common(5)
    assert total["relaxed_lost"] > 0, "no cut was hard enough to take a relaxed append"
    sys.stdout.flush()
