"""Delivered again and again, out of order, by a program that is killed: each event is there once.

A source that hears no answer delivers again, and after a restart everything that it still has.
The key decides.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import pytest

from eventlog import EventStore
from eventlog.errors import KeyConflict
from eventlog.facts import Motion
from eventlog.journal import table as journal
from eventlog.maintenance.verify.log import verify
from eventlog.storage.connections import connect_reader
from tests.support.dumps import views_of
from tests.support.logs import seed_for

CHECKOUT = Path(__file__).resolve().parents[2]
AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)

# Delivers the numbers in a file, sixteen at a time; an answer is a line, written at once.
DELIVERER = """
import asyncio, json, sys
from datetime import UTC, datetime
from pathlib import Path
from eventlog.facts import Detection, Motion
from eventlog.store.event_store import EventStore

async def main(path, numbers):
    waiting = asyncio.Semaphore(16)
    async with EventStore(path, path + ".thumbnails") as store:
        async def deliver(number):
            at = datetime(2026, 2, 25, tzinfo=UTC)
            facts = (
                Motion(camera_id="door", recorded_at=at, recording_id=str(number)),
                Detection(label="person", confidence=0.9),
            )
            async with waiting:
                receipt = await store.append(*facts, key=f"ring:{number}")
            print(json.dumps([number, receipt.positions, receipt.event_id]), flush=True)
        await asyncio.gather(*map(deliver, numbers))

asyncio.run(main(sys.argv[1], json.loads(Path(sys.argv[2]).read_text())))
"""


def deliveries(events: int, random: Random) -> list[int]:
    """Each event's number one to five times, shuffled."""
    numbers = [number for number in range(events) for _ in range(random.randint(1, 5))]
    random.shuffle(numbers)
    return numbers


def deliver(path: Path, numbers: list[int], *, kill_after: int | None) -> Iterator[Any]:
    """The answers of a process that delivers these; it is killed after so many, or ends well."""
    (path.parent / "numbers").write_text(json.dumps(numbers))
    command = [sys.executable, "-c", DELIVERER, str(path), str(path.parent / "numbers")]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            for count, line in enumerate(process.stdout, start=1):
                if count == kill_after:
                    process.kill()
                if line.endswith("\n"):  # the last line of one that was killed may be torn
                    yield json.loads(line)
        finally:
            process.kill()
    assert process.returncode == (0 if kill_after is None else -9)


@pytest.mark.parametrize(
    ("events", "kills"), [(60, 2), pytest.param(2_000, 20, marks=pytest.mark.faults)]
)
def test_what_is_delivered_again_is_there_once(tmp_path: Path, events: int, kills: int) -> None:
    """Exactly so many events, and the same receipt each time, over kills and restarts."""
    random = Random(seed_for("deliveries"))
    path = tmp_path / "events.db"
    answers: dict[int, set[str]] = {number: set() for number in range(events)}
    for turn in range(kills + 1):
        numbers = deliveries(events, random)
        kill_after = random.randrange(1, len(numbers) // 2) if turn < kills else None
        for number, *receipt in deliver(path, numbers, kill_after=kill_after):
            answers[number].add(json.dumps(receipt))
    assert {len(receipts) for receipts in answers.values()} == {1}
    with closing(connect_reader(path)) as connection:
        rows = list(journal.read_all(connection))
    kinds = Counter(row.kind for row in rows)
    assert kinds.pop("unclean_stop") == kills
    assert kinds == {"motion": events, "detection": events}
    assert len(views_of(path)["events"]) == len(views_of(path)["detections"]) == events
    assert verify(path).findings == ()


@pytest.mark.anyio
async def test_a_key_with_other_facts_is_refused_every_time(tmp_path: Path) -> None:
    """A hundred of a hundred; each error holds the receipt of those that were there first."""
    path = str(tmp_path / "events.db")
    motion = Motion(camera_id="door", recorded_at=AT)
    async with EventStore(path, str(tmp_path / "t")) as store:
        first = [await store.append(motion, key=f"k{number}") for number in range(100)]
        for number, receipt in enumerate(first):
            other = Motion(camera_id="door", recorded_at=AT, recording_id=str(number))
            with pytest.raises(KeyConflict) as refused:
                await store.append(other, key=f"k{number}")
            assert refused.value.receipt == receipt
        assert await store.reader.last_position() == 100
