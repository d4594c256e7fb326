"""A store closes soon while its views are far behind, and the next start goes on with them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from eventlog.facts import Fact, Motion
from eventlog.followers import checkpoints, projector
from eventlog.store import engine
from eventlog.store.event_store import EventStore
from tests.support.logs import writing

pytestmark = pytest.mark.anyio

AT: Final = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
EVENTS: Final = 3 * projector.BATCH


async def test_a_close_leaves_a_long_rebuild_to_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After its time is over it applies no further batch; nothing is lost, the views come later."""
    path, pictures = str(tmp_path / "events.db"), str(tmp_path / "thumbnails")
    visits: list[list[Fact]] = [
        [Motion(recorded_at=AT + timedelta(seconds=n), camera_id="front_door")]
        for n in range(EVENTS)
    ]
    async with EventStore(path, pictures) as store:
        await store.append_many(visits)
    with writing(Path(path)) as connection:
        for view, at in checkpoints.read(connection).items():
            checkpoints.reset(connection, view, at.version)
        connection.execute("DELETE FROM events")
    monkeypatch.setattr(engine, "CLOSE_S", 0.0)
    monkeypatch.setattr(engine.Engine, "_carry_on", _stands_still)
    async with EventStore(path, pictures) as store:
        pass
    assert 0 < _projected(path) <= projector.BATCH
    monkeypatch.undo()
    async with EventStore(path, pictures) as store:
        await store.caught_up(await store.reader.last_position())
        assert len(await store.reader.events(limit=EVENTS)) == EVENTS


async def _stands_still(_: engine.Engine) -> None:

    await asyncio.Event().wait()


def _projected(path: str) -> int:
    with writing(Path(path)) as connection:
        return checkpoints.read(connection)["events"].position
