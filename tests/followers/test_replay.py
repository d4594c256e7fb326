"""Replay: the same views in new tables, whatever others have put on the tables."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eventlog import (
    BadArgument,
    Detection,
    EventStore,
    FaceResult,
    Fact,
    Motion,
    UnlockAction,
    codecs,
)
from eventlog.errors import ReplayRunning
from eventlog.followers import checkpoints
from eventlog.followers.projector import project_batch
from eventlog.followers.replay import Replay
from eventlog.followers.swap import NEW, OLD
from eventlog.journal.append import Append, EncodedFact
from eventlog.projections import VIEWS
from eventlog.storage.lock import FileLock
from eventlog.storage.writer import Writer
from eventlog.store import opening
from tests.support.dumps import schema_of, soundness_of, views_of
from tests.support.logs import put, writing

pytestmark = pytest.mark.anyio

AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
VISIT = (
    Motion(camera_id="front_door", recorded_at=AT),
    Detection(label="dog", confidence=0.8),
    FaceResult(name="anna", distance=0.3, tolerance=0.5),
    UnlockAction(granted=True, door_action="unlocked", person="anna"),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the log."""
    return tmp_path / "events.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[EventStore]:
    """A store with three visits in its views."""
    async with EventStore(str(path), str(path.parent / "t")) as opened:
        for _ in range(3):
            await opened.append(*VISIT)
        await opened.caught_up(12)
        yield opened


def copies_in(path: Path, text: str) -> int:
    """How often a file's bytes hold a text."""
    return path.read_bytes().count(text.encode())


async def test_a_replay_changes_nothing_of_what_a_file_holds(store: EventStore, path: Path) -> None:
    """Rows, ids, sequences and the schema's text are the same, and no other table is left."""
    before = views_of(path), schema_of(path)
    done = await store.replay()

    assert (views_of(path), schema_of(path)) == before
    assert soundness_of(path) == [("ok",)]
    assert done.position == 12
    assert done.parked == {}


async def test_a_replay_leaves_no_copy_of_what_it_replaced(store: EventStore, path: Path) -> None:
    """After it, a name is in the file as often as in a copy that holds nothing but live rows."""
    name = "canary" * 8
    visit = (*VISIT[:2], FaceResult(name=name, distance=0.3, tolerance=0.5))
    for _ in range(60):
        await store.append(*visit)
    for _ in range(3):
        await store.replay()
    assert store.db is not None
    async with store.db.execute("PRAGMA wal_checkpoint(TRUNCATE)") as checkpoint:
        assert await checkpoint.fetchone() is not None
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("VACUUM INTO ?", (str(path.with_name("live.db")),))
    live = copies_in(path.with_name("live.db"), name)
    assert copies_in(path, name) == live > 60


async def test_a_writer_overwrites_what_it_deletes_after_a_replay_too(path: Path) -> None:
    """A replay changes nothing of how its connection deletes."""
    writer = Writer(path)
    await writer.open(lambda connection: opening.prepare(connection, path))
    try:
        await Replay(writer, VIEWS).run()
        answer = await writer.run(lambda c: c.execute("PRAGMA secure_delete").fetchone())
        assert answer == (1,)
    finally:
        await writer.close()


async def test_a_named_view_brings_those_that_it_references(store: EventStore, path: Path) -> None:
    """Children are never rebuilt without their parents, and others stay as they are."""
    before = views_of(path)
    done = await store.replay("detections")

    assert done.views == ("events", "detections")
    assert views_of(path) == before
    with pytest.raises(BadArgument, match="no view 'dogs'"):
        await store.replay("dogs")


async def test_what_others_put_on_a_view_survives_its_replay(store: EventStore, path: Path) -> None:
    """A caller's index and trigger are on the new table, and the file is undamaged."""
    assert store.db is not None
    await store.db.execute('CREATE INDEX "my ""own" ON events (camera_id, id)')
    await store.db.execute("CREATE TRIGGER noticed AFTER DELETE ON events BEGIN SELECT 1; END")
    await store.db.commit()
    before = views_of(path), schema_of(path)
    await store.replay()

    assert (views_of(path), schema_of(path)) == before
    assert soundness_of(path) == [("ok",)]


async def test_a_view_that_others_altered_is_replaced_and_its_children_stay(
    store: EventStore, path: Path
) -> None:
    """A column more on `events` costs no row of the views that belong to it."""
    before = views_of(path)
    assert store.db is not None
    await store.db.execute("ALTER TABLE events ADD COLUMN note TEXT")
    await store.replay("events")

    assert views_of(path) == before
    assert soundness_of(path) == [("ok",)]


async def test_what_a_killed_replay_left_is_cleared_away(store: EventStore, path: Path) -> None:
    """Half-built and replaced tables of another replay are no hindrance, and go."""
    before = views_of(path), schema_of(path)
    with closing(sqlite3.connect(path)) as connection:
        for prefix in (NEW, OLD):
            for view in VIEWS:
                connection.executescript(view.schema.format(p=prefix))
        connection.execute(
            f"INSERT INTO {NEW}events (id, recorded_at) VALUES (77, '2026-01-01T00:00:00')"
        )
        connection.commit()
    await store.replay()

    assert (views_of(path), schema_of(path)) == before


async def test_two_replays_at_once_are_one_too_many(store: EventStore, path: Path) -> None:
    """The second one raises an error, and the views are unchanged."""
    lease = FileLock(path.with_name(path.name + ".replay"))
    before = views_of(path)
    with lease, pytest.raises(ReplayRunning):
        await store.replay()
    lease.close()

    assert views_of(path) == before


@pytest.mark.usefixtures("store")
async def test_a_replay_by_a_link_and_one_by_the_file_keep_out_of_each_others_way(
    path: Path,
) -> None:
    """One log has one lease, whatever name it is opened by."""
    link = path.with_name("link.db")
    link.symlink_to(path)
    writer = Writer(link)
    await writer.open(lambda connection: opening.prepare(connection, link))
    lease = FileLock(path.with_name(path.name + ".replay"), timeout_s=0)
    try:
        with lease, pytest.raises(ReplayRunning):
            await Replay(writer, VIEWS).run()
        await Replay(writer, VIEWS).run()
    finally:
        await writer.close()
    assert not list(path.parent.glob("link.db*.replay"))


@pytest.mark.parametrize(
    "facts",
    [
        [(1, VISIT[0]), (1, Motion(camera_id="back", recorded_at=AT))],
        [(1, VISIT[1]), (1, VISIT[0])],
        [(1, VISIT[2]), (1, VISIT[3]), (1, VISIT[0]), (1, VISIT[1])],
    ],
    ids=["two openers", "a detection before its opener", "a face before its opener"],
)
async def test_a_journal_that_no_append_makes_replays_to_the_same_views_too(
    path: Path, facts: list[tuple[int, Fact]]
) -> None:
    """What comes before its opener is parked, one by one as in a batch, live as replayed."""
    made = [
        Append((EncodedFact(*codecs.encode(fact)),), opens=False, event_id=event_id)
        for event_id, fact in facts
    ]
    views = []
    for name, limit in (("singly.db", 1), ("at_once.db", 1000)):
        with writing(path.with_name(name)) as connection:
            opening.prepare(connection, path.with_name(name))
            put(connection, made)
            while not project_batch(connection, limit=limit).at_end:
                pass
            views.append((views_of(path.with_name(name)), checkpoints.parked(connection)))
    async with EventStore(str(path.with_name("at_once.db")), str(path.parent / "t")) as store:
        await store.replay()
        parked = await store.reader.run(checkpoints.parked)

    assert views[0] == views[1] == (views_of(path.with_name("at_once.db")), parked)
    assert parked != []
