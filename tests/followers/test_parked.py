"""Bad records in the journal: every good one is projected, every bad one parked, nothing stops.

The bad ones are put there under the guards' nose, as a later version or a broken disk would. A
twin of the log, with harmless records in their places, says what the views should hold.
"""

from __future__ import annotations

import asyncio
import logging
import random
import re
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from eventlog import EventStore, Receipt, Record
from eventlog.errors import BadBody, BadRecord, UnknownKind
from eventlog.facts import UncleanStop
from eventlog.followers import checkpoints, projector
from eventlog.record import StoredRecord
from tests.cli.command_line import CommandLine
from tests.followers import bad_records as poison
from tests.support.dumps import Tables, views_of
from tests.support.logs import T0, build_log, rows, seed_for, writing
from tests.words.whole_facts import WHOLE

pytestmark = pytest.mark.anyio

HARMLESS = poison.columns(UncleanStop(journal_position=0))
REASON_LENGTH_MAX = 500
# Every name in a log of these tests.
NAMES = re.compile(rf"\b(anna|ben|{poison.NAME})\b", re.IGNORECASE)


def poisoned(path: Path, good: int, bad: int, rng: random.Random) -> dict[int, poison.Bad]:
    """A log of so many good and bad records, unprojected; answers the bad ones by position."""
    build_log(path, good // 3, project=False, seed=rng.randrange(2**32))
    stored = [StoredRecord._make(row) for row in rows(path)[:good]]
    assert len(stored) == good
    places = sorted(rng.choices(range(good + 1), k=bad))
    made: list[poison.Columns] = []
    spoiled: dict[int, poison.Bad] = {}
    for index in range(good + 1):
        while places and places[0] == index:
            del places[0]
            spoiled[len(made) + 1] = poison.bad_record(rng, _last_whole_event(stored, index))
            made.append(spoiled[len(made) + 1].columns)
        if index < good:
            made.append(stored[index]._asdict())
    poison.put_rows(path, made)
    return spoiled


def _last_whole_event(stored: list[StoredRecord], index: int) -> int:
    """An event whose facts are all before an index, 0 if there is none."""
    following = {row.event_id for row in stored[index : index + 20]}
    before = [row.event_id for row in stored[max(0, index - 40) : index] if row.event_id]
    return max((event for event in before if event not in following), default=0)


async def healthy_views(path: Path, spoiled: dict[int, poison.Bad], twin: Path) -> Tables:
    """What the views of a log should hold: those of a twin with nothing in the bad places."""
    build_log(twin, 0)
    columns = [StoredRecord._make(row)._asdict() for row in rows(path)]
    poison.put_rows(twin, [HARMLESS if n in spoiled else c for n, c in enumerate(columns, start=1)])
    async with EventStore(str(twin), str(twin.parent / "t")):
        pass
    return without_stops(views_of(twin))


def without_boots(views: Tables) -> Tables:
    """All but the last record of each boot: one that can't be read does not count as one there."""
    return {table: rows for table, rows in views.items() if table != "event_boots"}


def without_stops(views: Tables) -> Tables:
    """The views but for the one that lists the harmless records."""
    return {name: table for name, table in views.items() if name != "unclean_stops"}


async def parked_in(store: EventStore) -> list[checkpoints.Parked]:
    """All that is parked."""
    return await store.reader.run(lambda c: checkpoints.parked(c, limit=10**6))


def by_view(parked: list[checkpoints.Parked]) -> dict[str, list[int]]:
    """The parked positions of each view."""
    found: dict[str, list[int]] = {}
    for one in parked:
        found.setdefault(one.view, []).append(one.position)
    return found


async def all_after(store: EventStore, after: int, end: int) -> AsyncIterator[Record | BadRecord]:
    """Records and BadRecords up to a position; after a bad one it subscribes again."""
    while after < end:
        try:
            async for record in store.subscribe(after=after):
                yield record
                after = record.position
                if after == end:
                    return
        except BadRecord as error:
            yield error
            after = error.position


@pytest.mark.parametrize(
    "number", [1_000, pytest.param(10_000, marks=pytest.mark.faults)], ids="{}_of_each".format
)
async def test_every_good_record_is_projected_and_every_bad_one_parked(
    tmp_path: Path, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    """Good records are in the views, bad ones are parked, and a replay gives the same result."""
    caplog.set_level(logging.DEBUG)
    rng = random.Random(seed_for("poison"))
    path = tmp_path / "events.db"
    spoiled = poisoned(path, number, number, rng)
    healthy = await healthy_views(path, spoiled, tmp_path / "twin.db")
    expected = {
        view: [position for position, bad in spoiled.items() if view in bad.views]
        for view in poison.ALL
    }
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.caught_up(2 * number)
        parked = await parked_in(store)
        live = without_stops(views_of(path))
        replayed = await store.replay()
        after_replay = await parked_in(store)

        assert without_boots(live) == without_boots(healthy)
        assert by_view(parked) == expected
        assert all(0 < len(one.reason) <= REASON_LENGTH_MAX for one in parked)
        assert without_stops(views_of(path)) == live
        assert after_replay == parked
        assert replayed.parked == {view: len(positions) for view, positions in expected.items()}
        assert not [one.reason for one in parked if NAMES.search(one.reason)]

        event_id = await store.write_event("front_door", T0)
        event = await store.get_event(event_id)
        assert event is not None
        assert event["camera_id"] == "front_door"
    assert not NAMES.search(caplog.text)


async def test_facts_of_an_event_whose_opener_is_bad_are_parked_and_say_so(tmp_path: Path) -> None:
    """An event without its opener has no row: its facts are kept aside, others go on."""
    path = tmp_path / "events.db"
    bodies = ("detection", "face_result", "unlock_action", "thumbnail_saved", "alert_sent")
    visit = [poison.columns(WHOLE["ding"], 1), *(poison.columns(WHOLE[k], 1) for k in bodies)]
    visit[0]["body"] = b"\xc1"
    build_log(path, 0)
    poison.put_rows(path, [*visit, poison.columns(WHOLE["motion"], 2)])
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.caught_up(7)
        parked = await parked_in(store)
        persons = await store.reader.persons()
        listed = [event["id"] for event in await store.get_recent_events()]

    assert [one.position for one in parked if one.view == "events"] == [1, 3, 4, 5, 6]
    assert [one.position for one in parked if one.view == "detections"] == [1, 2]
    assert [one.position for one in parked if one.view == "face_results"] == [1, 3]
    assert [one.position for one in parked if one.view == "unlock_actions"] == [1, 4]
    assert {one.reason for one in parked if one.position in {3, 4, 5, 6}} == {
        "Unapplied: the event that it belongs to has no row"
    }
    assert [person["name"] for person in persons] == ["anna"]
    assert listed == [2]


@pytest.mark.parametrize("columns", poison.MISSHAPEN.values(), ids=poison.MISSHAPEN)
async def test_a_column_that_no_journal_can_hold_stops_nobody(
    tmp_path: Path, columns: poison.Columns, capsys: pytest.CaptureFixture[str]
) -> None:
    """A column with a flipped bit is parked and reported; the records around it are applied."""
    path = tmp_path / "events.db"
    build_log(path, 0)
    poison.loosen(path)
    first, last = poison.columns(WHOLE["motion"], 1), poison.columns(WHOLE["alert_sent"], 1)
    poison.put_rows(path, [first, {**columns, "event_id": 1}, last])
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.caught_up(3)
        parked = await parked_in(store)
        event = await store.get_event(1)
        seen = [item async for item in all_after(store, 0, 3)]

    assert by_view(parked) == {view: [2] for view in poison.ALL}
    assert not [one.reason for one in parked if NAMES.search(one.reason)]
    assert event is not None
    assert event["alert_sent"] == 1
    assert [item.position for item in seen] == [1, 2, 3]
    assert isinstance(seen[1], BadRecord)
    assert not NAMES.search(str(seen[1]))
    said = CommandLine(capsys, path)("show", 1)
    assert said.code == 0
    assert "can't be read" in said.out


async def test_a_subscriber_is_told_of_each_bad_record_and_goes_on_behind_it(
    tmp_path: Path,
) -> None:
    """BadRecord has the position; a subscription after it misses nothing."""
    rng = random.Random(seed_for("poison for a subscriber"))
    path = tmp_path / "events.db"
    spoiled = poisoned(path, 150, 150, rng)
    unreadable = [position for position, bad in spoiled.items() if bad.views == poison.ALL]
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        seen = [item async for item in all_after(store, 0, 300)]

    assert [item.position for item in seen] == list(range(1, 301))
    told = [item for item in seen if isinstance(item, BadRecord)]
    assert [error.position for error in told] == unreadable
    assert {type(error) for error in told} == {BadBody, UnknownKind}
    assert not [str(error) for error in told if NAMES.search(str(error))]


@pytest.mark.parametrize("limit", [1, 7])
async def test_how_bad_records_are_cut_into_batches_leaves_no_trace(
    tmp_path: Path, limit: int
) -> None:
    """One record at a time or a thousand: views and what is parked are the same."""
    rng = random.Random(seed_for("poison in batches"))
    path = build_log(tmp_path / "events.db", 0)
    facts = [WHOLE[kind] for kind in sorted(WHOLE)]
    events = [None, *range(1, 20)]
    made = [poison.columns(rng.choice(facts), rng.choice(events)) for _ in range(300)]
    poison.put_rows(path, made)
    other = Path(shutil.copy(path, tmp_path / "other.db"))
    with writing(path) as connection, writing(other) as other_connection:
        while not projector.project_batch(connection).at_end:
            pass
        while not projector.project_batch(other_connection, limit=limit).at_end:
            pass
        assert checkpoints.parked(connection) == checkpoints.parked(other_connection)
    assert views_of(path) == views_of(other)


@pytest.mark.parametrize("every", [1, 2, 50])
def test_events_that_are_opened_again_and_again_cost_no_transaction_each(
    tmp_path: Path, every: int
) -> None:
    """A batch is one transaction, whatever it contains: bad records do not slow the views down."""
    path = build_log(tmp_path / "events.db", 0)
    again = [number % every == 0 for number in range(1, 400)]
    events = [1, *(1 if second else 1 + n for n, second in enumerate(again, start=1))]
    poison.put_rows(path, [poison.columns(WHOLE["motion"], event) for event in events])
    with writing(path) as connection:
        ends = []
        while not (progress := projector.project_batch(connection, limit=100)).at_end:
            ends.append(progress.position)
        parked = [one.position for one in checkpoints.parked(connection, limit=1000)]
    assert ends == [100, 200, 300, 400]
    assert parked == [number + 1 for number, second in enumerate(again, start=1) if second]


async def test_an_event_with_bad_records_is_shown_with_all_that_is_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The store answers from what could be applied; the story names what can't be read."""
    path = build_log(tmp_path / "events.db", 0)
    broken = {**poison.columns(WHOLE["face_result"], 1), "body": b"\xc1"}
    kinds = ("ding", "detection", "unlock_action")
    made = [poison.columns(WHOLE[kind], 1) for kind in kinds]
    poison.put_rows(path, [*made[:2], broken, made[2]])
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        await store.caught_up(4)
        event = await store.get_event(1)
    assert event is not None
    assert (event["unlock_granted"], len(event["detections"])) == (1, 1)
    assert event["face_recognised"] is None
    said = CommandLine(capsys, path)("show", 1, "--json").json[0]
    assert [record.get("error") is None for record in said["records"]] == [True, True, False, True]


async def test_a_receipt_of_an_append_that_says_it_never_ends_is_refused(tmp_path: Path) -> None:
    """A flipped bit loses only that receipt, and uses no memory."""
    path = build_log(tmp_path / "events.db", 0)
    endless = {**poison.columns(WHOLE["ding"], 1), "key": "k", "append_size": 2**50}
    poison.put_rows(path, [endless])
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        with pytest.raises(BadRecord, match="past the journal's end"):
            await store.receipt("k")
        again, other = await asyncio.gather(
            store.append(WHOLE["ding"], key="k"),
            store.append(WHOLE["motion"]),
            return_exceptions=True,
        )
    assert isinstance(again, BadRecord)
    assert isinstance(other, Receipt)


async def test_a_record_that_names_the_highest_event_leaves_ids_for_those_to_come(
    tmp_path: Path,
) -> None:
    """A flipped bit may make any number of an event's id: the next event follows the sound ones."""
    path = build_log(tmp_path / "events.db", 0)
    highest = 2**63 - 1
    poison.put_rows(path, [poison.columns(WHOLE["ding"], n) for n in (7, highest)])
    async with EventStore(str(path), str(tmp_path / "t")) as store:
        opened = await store.append(WHOLE["motion"])
        joined = await store.append(WHOLE["alert_sent"], event_id=highest)
        await store.caught_up(joined.positions[0])
        event = await store.get_event(highest)
    assert opened.event_id == 8
    assert event is not None
    assert event["alert_sent"] == 1
