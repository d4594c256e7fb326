"""A log with every new kind, read by the last version: kept, parked, and lost nowhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from eventlog import EventStore
from tests.followers.next_build import LastBuild
from tests.support.dumps import journal_of, views_of
from tests.support.logs import build_log
from tests.support.vocabulary import every_kind

pytestmark = pytest.mark.anyio

# Opens a log whose views are not filled yet, catches up, replays; says what became of it.
READ: Final = """
import asyncio, json, sys
from datetime import UTC, datetime
from eventlog import BadRecord, Ding, EventStore
from eventlog.followers import checkpoints

async def main(path):
    async with EventStore(path, path + ".t") as store:
        at = datetime(2026, 2, 25, tzinfo=UTC)
        receipt = await store.append(Ding(camera_id="x", recorded_at=at))
        end = receipt.positions[-1]
        await store.caught_up(end)
        await store.replay()
        parked = await store.reader.run(lambda c: checkpoints.parked(c, limit=10**6))
        reasons = sorted({p.reason.split(":")[0] for p in parked})
        read, unread, after = 0, 0, 0
        while after < end:
            try:
                async for record in store.subscribe(after=after):
                    read, after = read + 1, record.position
                    if after == end:
                        break
            except BadRecord as error:
                unread, after = unread + 1, error.position
        event = await store.get_event(receipt.event_id)
    print(json.dumps({"end": end, "reasons": reasons, "read": read, "unread": unread,
        "parked": sorted({p.position for p in parked}), "camera": event["camera_id"]}))

asyncio.run(main(sys.argv[1]))
"""
FIRST_KINDS: Final = {"motion", "ding", "thumbnail_saved", "unclean_stop"}


async def test_a_log_of_every_new_kind_loses_nothing_in_the_last_version(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """It parks unknown records and continues; then this version applies all of them."""
    last = LastBuild(tmp_path_factory.mktemp("last"))
    path = build_log(tmp_path / "events.db", list(every_kind()), project=False)
    written = journal_of(path)
    said: dict[str, Any] = last.run(READ, path)
    new = [row[0] for row in written if row[2] not in FIRST_KINDS]
    assert said["camera"] == "x"
    assert (said["read"] + said["unread"], said["unread"]) == (said["end"], len(new))
    assert set(said["parked"]) >= set(new)
    assert said["reasons"] in (["UnknownKind"], ["Unapplied", "UnknownKind"])
    kept = journal_of(path)
    assert kept[: len(written)] == written
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.caught_up(said["end"])
        await store.replay()
        assert await store.reader.run(_parked) == 0
        replayed = views_of(path)
    twin = tmp_path / "twin.db"
    build_log(twin, list(every_kind()))
    expected = views_of(twin)
    for table in ("acts", "alerts", "credentials", "detections", "face_results", "unlock_actions"):
        assert replayed[table] == expected[table]


def _parked(connection: Any) -> int:
    (count,) = connection.execute("SELECT count(*) FROM parked").fetchone()
    return int(count)
