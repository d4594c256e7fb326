"""Two projectors on one log at once, killed at random: each record is applied once and in order."""

from __future__ import annotations

import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from eventlog.followers import checkpoints
from eventlog.followers import compare as replay_check
from eventlog.followers.projector import project_batch
from eventlog.storage.connections import connect_reader
from tests.support.dumps import views_of
from tests.support.logs import build_log, seed_for, writing

CHECKOUT = Path(__file__).resolve().parents[2]
VISITS = 120

# Carries a log's records into its views, a few at a time, and says so for each batch.
PROJECTOR = """
import asyncio, sys
from pathlib import Path
from eventlog.followers.projector import project_batch
from eventlog.storage.writer import Writer

async def main(path):
    writer = Writer(Path(path))
    await writer.open(lambda connection: None)
    try:
        while not (await writer.run(lambda c: project_batch(c, limit=3))).at_end:
            print(flush=True)
    finally:
        await writer.close()

asyncio.run(main(sys.argv[1]))
"""


def start(path: Path) -> subprocess.Popen[str]:
    """A projector in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", PROJECTOR, str(path)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def project_by_two(path: Path, random: Random) -> None:
    """Two processes apply all records; one of them dies after some batches and starts again."""
    running = [start(path), start(path)]
    try:
        mortal = running.pop(random.randrange(2))
        assert mortal.stdout is not None
        for _ in range(random.randrange(60)):
            mortal.stdout.readline()
        mortal.kill()
        mortal.communicate()
        running.append(start(path))
        for process in running:
            _, complaints = process.communicate(timeout=60)
            assert (process.returncode, complaints) == (0, "")
    finally:
        for process in running:
            process.kill()
            process.communicate()


@pytest.mark.parametrize("runs", [2, pytest.param(50, marks=pytest.mark.faults)])
def test_two_projectors_that_are_killed_do_what_one_does(tmp_path: Path, runs: int) -> None:
    """The views and what is parked are those of a single run; the second one waits its turn."""
    random = Random(seed_for("two projectors"))
    made = build_log(tmp_path / "made.db", VISITS, project=False, seed=random.randrange(2**32))
    alone = Path(shutil.copy(made, tmp_path / "alone.db"))
    with writing(alone) as connection:
        while not project_batch(connection).at_end:
            pass
    for run in range(runs):
        path = Path(shutil.copy(made, tmp_path / f"{run}.db"))
        project_by_two(path, random)
        assert views_of(path) == views_of(alone)
        assert replay_check.check(path) == []
        with closing(connect_reader(path)) as connection:
            assert checkpoints.parked(connection) == []
            assert len({at.position for at in checkpoints.read(connection).values()}) == 1
