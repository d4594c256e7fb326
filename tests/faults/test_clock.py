"""The clock jumps while the process runs: order is the position's, and the jumps are told of.

libfaketime moves the wall clock of a running process; where it is not installed (Debian's
package faketime) the test is skipped and says so.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from random import Random, SystemRandom

import pytest

from eventlog import codecs
from eventlog.journal import table as journal
from eventlog.maintenance.verify.log import verify
from eventlog.storage.connections import connect_reader

CHECKOUT = Path(__file__).resolve().parents[2]
LIBRARIES = sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))

# After each line that comes in, a few appends; the answers go out. libfaketime's sleep may fail (a
# short one that is over when it is asked for, any before 1970), and a wait for the lock with it: so
# everything is tried again, an append by its key.
APPENDER = """
import asyncio, json, sys
from datetime import UTC, datetime
from itertools import count
from eventlog.errors import DatabaseError
from eventlog.facts import Motion
from eventlog.store.event_store import EventStore

async def again(step):
    while True:
        try:
            return await step()
        except DatabaseError:
            await asyncio.sleep(0.05)

async def main(path):
    numbers = count()
    store = EventStore(path, path + ".thumbnails")
    await again(store.initialize)
    for line in sys.stdin:
        receipts = []
        for _ in range(5):
            fact = Motion(camera_id="front_door", recorded_at=datetime.now(UTC))
            key = f"k:{next(numbers)}"
            receipt = await again(lambda: store.append(fact, key=key))
            receipts.append([receipt.positions[0], receipt.event_id])
        await again(lambda: store.caught_up(receipts[-1][0]))
        newest = await store.reader.events(limit=1000)
        print(json.dumps([receipts, len(newest)]), flush=True)
    await again(store.close)

asyncio.run(main(sys.argv[1]))
"""

HOUR_S = 3600
YEAR_S = 365 * 24 * HOUR_S


@pytest.mark.faults
@pytest.mark.skipif(not LIBRARIES, reason="libfaketime is not installed")
def test_twenty_jumps_of_the_clock_change_no_order(tmp_path: Path) -> None:
    """Positions grow, no record is lost, and the jumps are reported."""
    seed = SystemRandom().randrange(2**31)
    print(f"seed {seed}")  # noqa: T201 - a random test says its seed
    random = Random(seed)
    path, now = tmp_path / "events.db", tmp_path / "now"
    now.write_text("+0")
    environment = {
        **os.environ,
        "LD_PRELOAD": str(LIBRARIES[0]),
        "FAKETIME_TIMESTAMP_FILE": str(now),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    offsets = [0, -HOUR_S, 10 * YEAR_S, -60 * YEAR_S, HOUR_S]
    offsets += [random.randint(-60 * YEAR_S, 60 * YEAR_S) for _ in range(16)]
    receipts: list[list[int]] = []
    with subprocess.Popen(
        [sys.executable, "-c", APPENDER, str(path)],
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for offset in offsets:
            now.write_text(f"{offset:+}")
            process.stdin.write("\n")
            process.stdin.flush()
            told, events = json.loads(process.stdout.readline())
            receipts += told
            assert events == len(receipts)
        process.stdin.close()
        assert process.wait(timeout=10) == 0
    assert receipts == [[number, number] for number in range(1, len(offsets) * 5 + 1)]
    require_jumps_are_told(path, jumps=20)


def require_jumps_are_told(path: Path, *, jumps: int) -> None:
    """The wall clock in the journal jumps, the boot clock does not; `verify` reports it."""
    with closing(connect_reader(path)) as connection:
        rows = list(journal.read_all(connection))
    walls = [row.appended_at / 1e6 for row in rows]
    leaps = [after - before for before, after in pairwise(walls)]
    assert sum(abs(leap) >= HOUR_S / 2 for leap in leaps) == jumps
    assert min(walls) < 0, "no append was made before 1970"
    boots = [codecs.decode_meta(row.meta) for row in rows]
    clocks = [boot["clock_ns"] for boot in boots]
    assert len({boot["boot"] for boot in boots}) == 1
    assert clocks == sorted(clocks)
    assert clocks[-1] - clocks[0] < HOUR_S * 1e9
    report = verify(path)
    assert report.findings == ()
    assert len(report.notes) >= jumps
