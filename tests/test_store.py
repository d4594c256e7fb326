"""EventStore: the contract's surface, its appends, its lifetime."""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import aiosqlite
import pytest

import event_store
import eventlog
from eventlog import (
    AlertSent,
    BadArgument,
    BadFact,
    BadKey,
    Detection,
    Ding,
    EventStore,
    FaceResult,
    KeyConflict,
    Motion,
    PersonNamed,
    UncleanStop,
    UnknownEvent,
    UnlockAction,
    codecs,
)
from eventlog.errors import (
    EmptyAppend,
    FactBeforeOpener,
    FactWithoutEvent,
    ForeignDatabase,
    MissingFolder,
    NewerDatabase,
    NotADatabase,
    OpenerWithEvent,
    StoreClosed,
    TwoOpeners,
)
from tests.dumps import journal_of, views_of

pytestmark = pytest.mark.anyio

AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
MOTION = Motion(camera_id="front_door", recorded_at=AT)
ROOT = Path(__file__).parent.parent
DOG = Detection(label="dog", confidence=0.8)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EventStore]:
    """An open store."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "thumbnails")) as opened:
        yield opened


# ── the contract, as it is written ─────────────────────────────────────────────────────────


@pytest.mark.parametrize("module", [event_store, eventlog])
async def test_a_pipeline_of_today_runs_as_it_stands(
    module: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The contract's calls, through both import paths, answer what the contract says."""
    store = module.EventStore(db_path=str(tmp_path / "e.db"), thumbnails_dir=str(tmp_path / "th"))
    assert store.db is None
    assert store.db_path == str(tmp_path / "e.db")
    assert store.thumbnails_dir == tmp_path / "th"
    await store.initialize()
    db: Any = store.db
    assert isinstance(db, aiosqlite.Connection)
    assert db.row_factory is aiosqlite.Row
    assert (tmp_path / "th").is_dir()

    first = await store.write_event("front_door", "2026-02-25T10:30:00")
    second = await store.write_event(
        camera_id="front_door",
        recorded_at="2026-02-25T10:31:00",
        recording_id="7330963245622279024",
        event_type="ding",
        person_name="anna",
        face_distance=0.35,
        unlock_granted=True,
        door_action="unlocked",
        thumbnail_path="thumbnails/2026-02-25T10-31-00.jpg",
        detections=[
            {"label": "person", "confidence": 0.9, "bbox_x1": 1, "bbox_y1": 2.5},
            {"label": "dog", "confidence": 0.5},
        ],
    )
    assert (first, second) == (1, 2)

    event = await store.get_event(second)
    assert event is not None
    assert event["event_type"] == "ding"
    assert event["recorded_at"] == "2026-02-25T10:31:00"
    assert event["person_name"] == "anna"
    assert event["face_distance"] == 0.35
    assert event["face_confidence"] == 0.65
    assert event["unlock_granted"] == 1
    assert event["door_action"] == "unlocked"
    assert event["thumbnail_path"] == "thumbnails/2026-02-25T10-31-00.jpg"
    assert event["alert_sent"] == 0
    assert [d["label"] for d in event["detections"]] == ["person", "dog"]
    assert event["detections"][0]["bbox_y1"] == 2.5
    assert event["detections"][0]["bbox_x2"] is None
    assert await store.get_event(99) is None

    recent = await store.get_recent_events(limit=1)
    assert [e["id"] for e in recent] == [2]
    assert [e["id"] for e in await store.get_recent_events(limit=5, offset=1)] == [1]

    with caplog.at_level(logging.INFO):
        await store.close()
    assert store.db is None
    assert "EventStore connection closed" in caplog.messages


async def test_every_pragma_of_the_contract_is_set(store: EventStore) -> None:
    """WAL, foreign keys, five seconds of patience, NORMAL: on the callers' connection too."""
    assert store.db is not None
    found = {}
    for pragma in ("journal_mode", "foreign_keys", "busy_timeout", "synchronous"):
        async with store.db.execute(f"PRAGMA {pragma}") as cursor:
            row = await cursor.fetchone()
            assert row is not None
            found[pragma] = row[0]

    assert found == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "busy_timeout": 5000,
        "synchronous": 1,
    }


async def test_the_read_tables_have_the_contracts_columns_and_indexes(store: EventStore) -> None:
    """Names, types, defaults and indexes as the owner asked for; more may stand behind them."""
    assert store.db is not None
    rows = await store.db.execute_fetchall("PRAGMA table_info(events)")
    columns = [(r["name"], r["type"], r["notnull"], r["dflt_value"]) for r in rows]
    indexes = {
        r["name"]
        for r in await store.db.execute_fetchall(
            "SELECT name FROM sqlite_schema WHERE type='index'"
        )
    }

    assert columns[:13] == [
        ("id", "INTEGER", 0, None),
        ("camera_id", "TEXT", 1, "'front_door'"),
        ("recorded_at", "TEXT", 1, None),
        ("event_type", "TEXT", 1, "'motion'"),
        ("recording_id", "TEXT", 0, None),
        ("person_name", "TEXT", 0, None),
        ("face_confidence", "REAL", 0, None),
        ("face_distance", "REAL", 0, None),
        ("unlock_granted", "INTEGER", 1, "0"),
        ("door_action", "TEXT", 0, "'none'"),
        ("thumbnail_path", "TEXT", 0, None),
        ("alert_sent", "INTEGER", 1, "0"),
        ("created_at", "TEXT", 1, "datetime('now')"),
    ]
    assert indexes >= {
        "idx_events_recorded_at",
        "idx_events_camera_id",
        "idx_events_person_name",
        "idx_detections_event_id",
        "idx_detections_label",
    }


async def test_a_callers_own_delete_cascades_and_a_replay_brings_it_back(
    store: EventStore, tmp_path: Path
) -> None:
    """The read tables hold no truth: what a caller deletes there is only out of sight."""
    event_id = await store.write_event(
        "front_door", "2026-02-25T10:30:00", detections=[{"label": "dog", "confidence": 0.5}]
    )
    await store.caught_up(2)
    before = views_of(tmp_path / "events.db")
    assert store.db is not None
    await store.db.execute("DELETE FROM events WHERE id = ?", (event_id,))
    await store.db.commit()
    gone = await store.get_event(event_id)
    await store.replay()

    assert gone is None
    assert views_of(tmp_path / "events.db") == before


# ── times ──────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ("2026-02-25T10:30:00", "2026-02-25T10:30:00"),
        ("2026-02-25T10:30:00Z", "2026-02-25T10:30:00"),
        ("2026-02-25T10:30:00.250", "2026-02-25T10:30:00.250000"),
        ("2026-02-25 12:30:00+02:00", "2026-02-25T10:30:00"),
        ("0001-01-01T00:00:00", "0001-01-01T00:00:00"),
        ("9999-12-31T23:59:59.999999", "9999-12-31T23:59:59.999999"),
        (datetime(2026, 2, 25, 12, 30, tzinfo=timezone(timedelta(hours=2))), "2026-02-25T10:30:00"),
    ],
)
async def test_times_are_kept_as_one_utc_instant(
    store: EventStore, given: str | datetime, stored: str
) -> None:
    """A time without a zone is UTC, another zone is converted, text order is time order."""
    event = await store.get_event(await store.write_event("front_door", given))

    assert event is not None
    assert event["recorded_at"] == stored


@pytest.mark.parametrize(
    "given",
    ["", "yesterday", "2026-02-30T00:00:00", "2026-02-25T23:59:60", "10000-01-01T00:00:00",
     "9999-12-31T23:59:59-12:00", 1740479400, None],
)  # fmt: skip
async def test_a_time_that_is_none_is_refused_by_name(store: EventStore, given: Any) -> None:
    """The error says which field, and nothing is written."""
    with pytest.raises(BadFact, match="recorded_at"):
        await store.write_event("front_door", given)

    assert await store.reader.last_position() == 0


# ── appends ────────────────────────────────────────────────────────────────────────────────


async def test_an_opener_makes_the_next_event_and_facts_may_join_it_later(
    store: EventStore,
) -> None:
    """Event ids are 1, 2, 3, …; the envelope says which event a fact belongs to."""
    first = await store.append(MOTION, DOG)
    second = await store.append(Ding(camera_id="front_door", recorded_at=AT))
    joined = await store.append(AlertSent(channel="telegram"), event_id=1)
    alone = await store.append(UnlockAction(granted=True, door_action="unlocked", actor="key"))

    assert (first.positions, first.event_id) == ((1, 2), 1)
    assert (second.positions, second.event_id) == ((3,), 2)
    assert (joined.positions, joined.event_id) == ((4,), 1)
    assert (alone.positions, alone.event_id) == ((5,), None)
    event = await store.get_event(1)
    assert event is not None
    assert event["alert_sent"] == 1


@pytest.mark.parametrize(
    ("facts", "event_id", "error"),
    [
        ((), None, EmptyAppend),
        ((MOTION, MOTION), None, TwoOpeners),
        ((MOTION,), 1, OpenerWithEvent),
        ((DOG, MOTION), None, FactBeforeOpener),
        ((DOG,), None, FactWithoutEvent),
        ((DOG,), 7, UnknownEvent),
        ((DOG,), 0, UnknownEvent),
        ((DOG,), 2**63, UnknownEvent),
        ((DOG,), True, BadArgument),
        ((Detection(label="dog", confidence=1.5),), 1, BadFact),
        (("a motion",), None, BadFact),
    ],
)
async def test_an_append_that_can_not_be_has_an_error_of_its_own(
    store: EventStore, facts: Any, event_id: Any, error: type[Exception]
) -> None:
    """Each has its name, and nothing of the append is written."""
    await store.append(MOTION)

    with pytest.raises(error):
        await store.append(*facts, event_id=event_id)
    assert await store.reader.last_position() == 1


async def test_a_key_is_written_once(store: EventStore) -> None:
    """The same key answers the first receipt; with other facts it is a conflict that shows it."""
    first = await store.append(MOTION, DOG, key="ring:1:ding")
    again = await store.append(MOTION, DOG, key="ring:1:ding")

    with pytest.raises(KeyConflict) as conflict:
        await store.append(MOTION, key="ring:1:ding")
    assert again == first == conflict.value.receipt
    assert await store.receipt("ring:1:ding") == first
    assert await store.receipt("ring:2:ding") is None
    assert await store.reader.last_position() == 2


async def test_a_key_holds_after_a_restart_and_from_another_store(tmp_path: Path) -> None:
    """It lies in the journal, so whoever opens the log finds it."""
    path = str(tmp_path / "events.db")
    async with EventStore(path, str(tmp_path / "t")) as store:
        first = await store.append(MOTION, key="k")
        async with EventStore(path, str(tmp_path / "t")) as other:
            from_another = await other.append(MOTION, key="k")
    async with EventStore(path, str(tmp_path / "t")) as store:
        after_a_restart = await store.append(MOTION, key="k")

    assert first == from_another == after_a_restart


async def test_a_key_used_twice_at_once_is_written_once(store: EventStore) -> None:
    """Two appends of one commit are told apart as well."""
    same = await asyncio.gather(*(store.append(MOTION, key="k") for _ in range(20)))
    mixed = await asyncio.gather(
        store.append(MOTION, key="m"), store.append(MOTION, DOG, key="m"), return_exceptions=True
    )

    assert len({receipt.positions for receipt in same}) == 1
    assert sorted(type(answer).__name__ for answer in mixed) == ["KeyConflict", "Receipt"]


@pytest.mark.parametrize("key", ["", "x" * 201, "\ud800", 7])
async def test_a_key_that_is_none_is_refused(store: EventStore, key: Any) -> None:
    """A key is text of 1 to 200 characters."""
    with pytest.raises(BadKey):
        await store.append(MOTION, key=key)
    with pytest.raises(BadKey):
        await store.receipt(key)


async def test_of_appends_at_once_each_has_its_own_answer(store: EventStore) -> None:
    """One that fails takes no other along, and events are numbered without a hole."""
    await store.append(MOTION)
    answers = await asyncio.gather(
        *(
            store.append(MOTION, DOG) if n % 3 else store.append(DOG, event_id=999)
            for n in range(60)
        ),
        return_exceptions=True,
    )

    receipts = [answer for answer in answers if isinstance(answer, eventlog.Receipt)]
    assert sum(isinstance(answer, UnknownEvent) for answer in answers) == 20
    assert sorted(receipt.event_id or 0 for receipt in receipts) == list(range(2, 42))
    assert sorted(p for r in receipts for p in r.positions) == list(range(2, 82))


async def test_a_cancelled_append_is_wholly_in_or_wholly_not(store: EventStore) -> None:
    """And the receipt by its key says which."""
    tasks = [asyncio.create_task(store.append(MOTION, DOG, DOG, key=f"k{n}")) for n in range(50)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    receipts = [await store.receipt(f"k{n}") for n in range(50)]

    found = [receipt for receipt in receipts if receipt is not None]
    assert all(len(receipt.positions) == 3 for receipt in found)
    assert await store.reader.last_position() == 3 * len(found)


# ── subscriptions ──────────────────────────────────────────────────────────────────────────


async def test_a_subscription_has_stored_records_first_then_those_that_come(
    store: EventStore,
) -> None:
    """Without gap or repeat, from any position."""
    for _ in range(3):
        await store.append(MOTION)
    seen: list[int] = []
    caught_up = asyncio.Event()

    async def follow() -> None:
        async for record in store.subscribe(after=1):
            seen.append(record.position)
            if record.position == 3:
                caught_up.set()
            if record.position == 6:
                return

    async with asyncio.TaskGroup() as group:
        group.create_task(follow())
        await caught_up.wait()
        for _ in range(3):
            await store.append(MOTION)

    assert seen == [2, 3, 4, 5, 6]


async def test_a_follower_sees_what_another_store_appends(tmp_path: Path) -> None:
    """Other connections' commits are noticed as well."""
    path = str(tmp_path / "events.db")
    async with (
        EventStore(path, str(tmp_path / "t")) as one,
        EventStore(path, str(tmp_path / "t")) as other,
    ):
        await other.append(MOTION)
        async for record in one.subscribe():
            assert record.position == 1
            break
        await one.caught_up(1)


# ── lifetime ───────────────────────────────────────────────────────────────────────────────


async def test_a_closed_store_says_so(tmp_path: Path) -> None:
    """Before initialize() and after close() every call is a named error."""
    store = EventStore(str(tmp_path / "events.db"), str(tmp_path / "t"))
    with pytest.raises(StoreClosed):
        await store.append(MOTION)
    await store.initialize()
    await store.initialize()  # safe
    await store.close()
    await store.close()
    with pytest.raises(StoreClosed):
        await store.write_event("front_door", "2026-02-25T10:30:00")


async def test_appends_that_wait_at_a_close_are_answered(tmp_path: Path) -> None:
    """A close writes what waits; nobody is left without an answer."""
    store = EventStore(str(tmp_path / "events.db"), str(tmp_path / "t"))
    await store.initialize()
    tasks = [asyncio.create_task(store.append(MOTION)) for _ in range(100)]
    await asyncio.sleep(0)
    await store.close()
    answers = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)

    acknowledged = {a.positions[0] for a in answers if isinstance(a, eventlog.Receipt)}
    assert all(isinstance(a, eventlog.Receipt | StoreClosed) for a in answers)
    assert acknowledged <= {row[0] for row in journal_of(tmp_path / "events.db")}


async def test_other_peoples_files_stay_untouched(tmp_path: Path) -> None:
    """A foreign, newer or broken database, a missing folder, no file at all: each a named error."""
    foreign = tmp_path / "foreign.db"
    with sqlite3.connect(foreign) as connection:
        connection.execute("CREATE TABLE recordings (id INTEGER)")
    newer = tmp_path / "newer.db"
    async with EventStore(str(newer), str(tmp_path / "t")):
        pass
    with sqlite3.connect(newer) as connection:
        connection.execute("PRAGMA user_version = 99")
    broken = tmp_path / "broken.db"
    broken.write_bytes(os.urandom(8192))
    kept = {path: path.read_bytes() for path in (foreign, newer, broken)}

    for path, error in (
        (foreign, ForeignDatabase),
        (newer, NewerDatabase),
        (broken, NotADatabase),
        (tmp_path / "no" / "folder.db", MissingFolder),
        (tmp_path, NotADatabase),
        (":memory:", BadArgument),
    ):
        with pytest.raises(error):
            await EventStore(str(path), str(tmp_path / "t")).initialize()
    assert {path: path.read_bytes() for path in kept} == kept


def _modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}


async def test_only_the_owner_can_read_what_a_store_makes(tmp_path: Path) -> None:
    """Every file is 0600 and the folder 0700, whatever the umask."""
    old = os.umask(0o022)
    try:
        async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "thumbnails")) as store:
            await store.append(MOTION)
            modes = await asyncio.to_thread(_modes, tmp_path)
    finally:
        os.umask(old)

    assert modes.pop("thumbnails") == 0o700
    (mark,) = (name for name in modes if ".open-" in name)
    assert modes.pop(mark) == 0o600
    assert set(modes) == {f"events.db{end}" for end in ("", "-wal", "-shm", ".lock", ".head")}
    assert set(modes.values()) == {0o600}


def _exit_code(code: str, path: Path) -> int:
    return subprocess.run([sys.executable, "-c", code, str(path)], cwd=ROOT, check=False).returncode


async def test_an_unclean_stop_is_a_fact_at_the_next_start(tmp_path: Path) -> None:
    """A process that died, or a machine without power, is told of once; a clean stop never."""
    path = tmp_path / "events.db"
    code = (
        "import asyncio, os, sys; from eventlog import EventStore, PersonNamed\n"
        "async def main():\n"
        "    store = EventStore(sys.argv[1], sys.argv[1] + '.t'); await store.initialize()\n"
        "    await store.append(PersonNamed(name='anna'))\n"
        "    os._exit(9)\n"
        "asyncio.run(main())"
    )
    died = await asyncio.to_thread(_exit_code, code, path)
    async with EventStore(str(path), str(tmp_path / "t")):
        pass
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.caught_up(2)
        stops = await store.reader.unclean_stops()

    assert [(stop["id"], stop["journal_position"]) for stop in stops] == [(2, 1)]
    assert died == 9
    assert [row[2] for row in journal_of(path)] == ["person_named", "unclean_stop"]
    assert codecs.decode(*[journal_of(path)[1][n] for n in (2, 3, 10)]) == UncleanStop(
        journal_position=1
    )


async def test_records_that_the_head_file_named_and_are_gone_are_told_of(tmp_path: Path) -> None:
    """Whoever cuts the journal's tail finds a fact about it at the next start."""
    path = tmp_path / "events.db"
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.append(MOTION)
        await store.append(MOTION)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER journal_no_delete")
        connection.execute("DELETE FROM journal WHERE position = 2")
    connection.close()
    async with EventStore(str(path), str(tmp_path / "t")):
        pass

    row = journal_of(path)[1]
    fact = codecs.decode(row[2], row[3], row[10])
    assert isinstance(fact, UncleanStop)
    assert (fact.journal_position, fact.head_position) == (1, 2)


async def test_a_missing_view_comes_back_when_the_store_opens(tmp_path: Path) -> None:
    """Whoever drops read tables gets the same ones back, ids included."""
    path = tmp_path / "events.db"
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.append(MOTION, DOG, FaceResult(name="anna", distance=0.3))
        await store.append(PersonNamed(name="anna", display_name="Anna"))
        await store.caught_up(4)
    before = views_of(path)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TABLE unclean_stops")
        for table in ("detections", "events", "persons", "face_results", "unlock_actions"):
            connection.execute(f"DROP TABLE {table}")
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.caught_up(4)

    assert views_of(path) == before


async def test_a_durable_answer_about_a_relaxed_append_syncs_it_first(
    store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever asks durably for what is known, or settles by receipt, gets it on the disk."""
    await store.append(MOTION, key="k", durability="relaxed")
    synced: list[int] = []
    monkeypatch.setattr(os, "fdatasync", synced.append)
    await store.append(MOTION, key="k", durability="relaxed")
    relaxed = len(synced)
    await store.append(MOTION, key="k")
    durable = len(synced)
    await store.receipt("k")

    assert (relaxed, durable, len(synced)) == (0, 1, 2)


async def test_groups_in_bulk_are_appends_of_their_own(store: EventStore, tmp_path: Path) -> None:
    """Each has its event and its receipt; a bad one raises, and whole commits before it are in."""
    groups = [(MOTION, DOG)] * 2_500
    receipts = await store.append_many(groups)
    with pytest.raises(BadFact):
        await store.append_many([*groups, (MOTION, Detection(label="", confidence=0.5))])

    assert [receipt.event_id for receipt in receipts] == list(range(1, 2_501))
    assert [p for receipt in receipts for p in receipt.positions] == list(range(1, 5_001))
    rows = journal_of(tmp_path / "events.db")
    assert {(row[6], row[7]) for row in rows} == {(0, 2), (1, 2)}
    assert 5_000 <= len(rows) <= 10_000
