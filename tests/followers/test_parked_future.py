"""Records of a later version: kept and named by today's program, taken in by the later one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from eventlog import AlertSent, EventStore, Motion
from eventlog.errors import UnknownKind
from eventlog.followers import checkpoints
from tests.followers.bad_records import ALL
from tests.followers.next_build import NextBuild
from tests.support.dumps import journal_of, views_of
from tests.support.logs import T0, seed_for

pytestmark = pytest.mark.anyio

MOTION: Final = Motion(camera_id="front_door", recorded_at=T0)

# Writes visits with a new kind and a new version among them; prints the positions of those.
WRITE: Final = """
import asyncio, json, random, sys
from eventlog import AlertSent, EventStore, Motion
from eventlog.facts import ParcelLeft
from datetime import UTC, datetime

async def main(path, seed, visits):
    rng = random.Random(seed)
    future = []
    async with EventStore(path, path + ".t") as store:
        for _ in range(visits):
            facts = [Motion(camera_id="front_door", recorded_at=datetime(2026, 2, 25, tzinfo=UTC))]
            facts += rng.choices([
                AlertSent(channels=("telegram", "mail")), ParcelLeft(carrier="post")
            ], k=rng.randint(0, 4))
            future += (await store.append(*facts)).positions[1:]
    print(json.dumps(future))

asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
"""

# Replays all views; prints what is parked, and the rows that the next version knows of.
REPLAY: Final = """
import asyncio, json, sys
from eventlog import EventStore
from eventlog.followers import checkpoints

async def main(path):
    async with EventStore(path, path + ".t") as store:
        await store.replay()
        parked = await store.reader.run(lambda c: checkpoints.parked(c, limit=10**6))
        def ask(sql):
            return store.reader.run(lambda c: c.execute(sql).fetchall())
        print(json.dumps({
            "parked": [p.position for p in parked],
            "parcels": [row[0] for row in await ask("SELECT id FROM parcels ORDER BY id")],
            "alerted": [r[0] for r in await ask("SELECT id FROM events WHERE alert_sent")],
        }))

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def next_build(tmp_path_factory: pytest.TempPathFactory) -> NextBuild:
    """The next version of the program."""
    return NextBuild(tmp_path_factory.mktemp("next"))


async def test_what_a_later_version_wrote_is_kept_now_and_taken_in_after_the_upgrade(
    tmp_path: Path, next_build: NextBuild
) -> None:
    """Today's program parks every one of its new records; its own replay then applies them all."""
    path = tmp_path / "events.db"
    seed = seed_for("records of a later version")
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        before = await store.append(MOTION, AlertSent(channel="telegram"))
    future = next_build.run(WRITE, path, seed, 100)

    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.replay()
        after = await store.append(MOTION, AlertSent(channel="mail"))
        await store.caught_up(after.positions[-1])
        parked = await store.reader.run(lambda c: checkpoints.parked(c, limit=10**6))
        with pytest.raises(UnknownKind):
            await anext(store.subscribe(after=future[0] - 1))
    assert {(one.view, one.position) for one in parked} == {
        (view, position) for view in ALL for position in future
    }
    assert all(one.reason.startswith("UnknownKind: ") for one in parked)
    events = views_of(path)["events"]
    assert len(events) == 102
    kept = journal_of(path)

    told = next_build.run(REPLAY, path)

    assert told["parked"] == []
    kinds = {row[0]: (row[2], row[1]) for row in kept}
    assert told["parcels"] == [p for p in future if kinds[p][0] == "parcel_left"]
    alerts = {kinds[p][1] for p in future if kinds[p][0] == "alert_sent"}
    assert set(told["alerted"]) == alerts | {before.event_id, after.event_id}
    assert journal_of(path) == kept
