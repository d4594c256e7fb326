"""Records a run, cuts its power at every operation, and has each state that is left judged.

    python -m tests.powercut.explore '[1, 4, 4, 5]'

takes a Plan as JSON and prints what came of it as JSON.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final, NamedTuple

import msgspec.json

from tests.powercut import trace
from tests.powercut.disk import Disk, Files, identity
from tests.powercut.operations import Acknowledged, Operation, Sought
from tests.powercut.oracle import Look, Oracle, Promise, promises
from tests.powercut.workload import DB, Run

# One in so many states is opened by the whole product.
WHOLE_EVERY: Final = 50
TIMEOUT_S: Final = 300.0


class Plan(NamedTuple):
    """What to record, and how thoroughly to look.

    `some` is how many states are drawn at random at each operation, beside the plain ones;
    `recoveries`, how many states are opened by a recorded run of their own whose power is cut as
    well; `role` and `fault` are the workload's; `first_wrong` begins with the first promise and
    stops at the first finding; `inject` is a fault of the disk, as strace has it; `every` cuts the
    first run at one in so many operations only, and at each promise; a recovery is cut at each.
    """

    seed: int
    events: int
    some: int = 4
    recoveries: int = 0
    role: str = "first"
    fault: str = "none"
    first_wrong: bool = False
    inject: str = ""
    every: int = 1

    @property
    def command(self) -> list[str]:
        """What explores this plan in a process of its own."""
        return [sys.executable, "-m", "tests.powercut.explore", json.dumps(self)]


@dataclass
class Outcome:
    """How many states there were, and what was wrong with how many of them."""

    plan: Plan
    cuts: int = 0  # states that were built
    states: int = 0  # those of them that differ
    whole: int = 0  # those that the whole product was put to
    recoveries: int = 0  # states whose recovery was recorded and cut
    second_states: int = 0  # states that differ, left by a cut during a recovery
    refused: bool = False  # the fault came so early that there was no run
    relaxed_lost: int = 0  # states that lost relaxed appends, as they may
    wrong: Counter[str] = field(default_factory=Counter)


def explore(plan: Plan) -> Outcome:
    """Record a run, and judge every state that a cut leaves."""
    outcome = Outcome(plan)
    random = Random(plan.seed)
    with _folder() as folder:
        run = Run(folder / "run", folder / "acks", *plan[:2], plan.role, plan.fault)
        try:
            operations = _record(run, plan.inject)
        except subprocess.CalledProcessError:
            if not plan.inject or run.acks.stat().st_size > 0:
                raise
            outcome.refused = True
            return outcome
        given = promises(operations)
        oracle = Oracle(run.folder / DB, folder / "state", given, retried=bool(plan.inject))
        judge = _Judge(oracle, outcome, every=plan.every)
        chosen: list[tuple[Files, Look, int]] = []
        for at, files, look in judge.every_cut(Disk(), operations, random):
            # A draw among all states of which nobody knows how many there will be.
            if len(chosen) < plan.recoveries:
                chosen.append((files, look, at))
            elif plan.recoveries and random.random() < plan.recoveries / judge.states:
                chosen[random.randrange(plan.recoveries)] = (files, look, at)
        outcome.states = judge.states
        for number, (files, look, at) in enumerate(chosen):
            before = promises(operations[: at + 1])
            kept = [Promise(-1, "durable", position=look.end)]
            kept += [given._replace(at=-1) for given in before if given.kind != "relaxed"]
            _recover(folder / f"second{number}", files, kept, outcome)
    return outcome


def _recover(folder: Path, files: Files, kept: list[Promise], outcome: Outcome) -> None:
    """Let the product recover from one state, recorded, and cut its power meanwhile.

    `kept` is what must be there whatever happens: all that the state held, for it was on the disk.
    """
    plan = outcome.plan
    fault = plan.fault if plan.fault == "rewrite" else "none"
    run = Run(folder / "run", folder / "acks", plan.seed, 1, "recover", fault)
    random = Random(plan.seed)
    for name, content in files.items():
        path = run.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    operations = _record(run)
    given = kept + promises(operations)
    judge = _Judge(Oracle(run.folder / DB, folder / "state", given), outcome, every=1)
    for _ in judge.every_cut(Disk(files), operations, random):
        pass
    outcome.recoveries += 1
    outcome.second_states += judge.states


class _Judge:
    """Has each state looked at once, and compared with the promises at each place it may come."""

    def __init__(self, oracle: Oracle, outcome: Outcome, *, every: int) -> None:
        self._oracle = oracle
        self._outcome = outcome
        self._every = every
        self._looks: dict[bytes, Look] = {}

    @property
    def states(self) -> int:
        """How many states there were that differ."""
        return len(self._looks)

    def every_cut(
        self, disk: Disk, operations: list[Operation], random: Random
    ) -> Iterator[tuple[int, Files, Look]]:
        """Cut after each operation; answers the states that had not been seen."""
        for at, operation in enumerate(operations):
            disk.apply(operation)
            promised = isinstance(operation, Acknowledged)
            if isinstance(operation, Sought) or (at % self._every and not promised):
                continue
            if self._outcome.plan.first_wrong:
                if self._outcome.wrong:
                    return
                if at < self._oracle.first_promise:
                    continue
            for files in disk.cuts(random, self._outcome.plan.some):
                self._outcome.cuts += 1
                name = identity(files)
                look = self._looks.get(name)
                if look is None:
                    look = self._looks[name] = self._first_look(files, at)
                    self._outcome.wrong.update(look.wrong)
                    yield at, files, look
                self._outcome.relaxed_lost += self._oracle.relaxed_lost(look, at)
                self._outcome.wrong.update(self._oracle.broken(look, files, at))

    def _first_look(self, files: Files, at: int) -> Look:
        look = self._oracle.look(files)
        if not look.wrong and len(self._looks) % WHOLE_EVERY == 0:
            self._outcome.whole += 1
            wrong = self._oracle.check_with_store(files, at)
            look = look._replace(wrong=tuple(wrong))
        return look


def _record(run: Run, inject: str = "") -> list[Operation]:
    run.folder.mkdir(parents=True, exist_ok=True)
    run.acks.touch()
    operations = trace.record(run.command, run.folder, run.acks, timeout_s=TIMEOUT_S, inject=inject)
    (run.folder / f"{DB}-shm").unlink(missing_ok=True)
    return operations


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder in memory where the machine has one, else on the disk."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder in it is made by mkdtemp
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


def main() -> None:
    """Explore with the arguments of the command line."""
    logging.disable(logging.CRITICAL)
    outcome = explore(msgspec.json.decode(sys.argv[1], type=Plan))
    sys.stdout.write(msgspec.json.encode(outcome).decode() + "\n")


if __name__ == "__main__":
    main()
