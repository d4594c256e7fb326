"""Retention: what a rule deletes, what it never deletes, and what a kill may leave."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog import EventStore
from eventlog.errors import DiskFull
from eventlog.facts import (
    Detection,
    Ding,
    FaceResult,
    Fact,
    Motion,
    PictureRemoved,
    ThumbnailSaved,
    UnlockAction,
)
from eventlog.maintenance import retention
from eventlog.maintenance.known_pictures import Known, known_pictures, known_visits
from eventlog.maintenance.retention import (
    BATCH,
    DAY_US,
    HOUR_US,
    SILENT_US,
    Picture,
    Rule,
    Visit,
    doubt_about_clock,
    expire,
    plan,
)
from eventlog.maintenance.verify.log import verify
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.record import Receipt
from tests.support.logs import T0

NOW = 1_000 * DAY_US


def picture(position: int, *, days: float = 0.0, size: int = 100, event: int = 1) -> Picture:
    """A picture that is so many days old."""
    return Picture(position, event, f"t/{position}.jpg", None, size, NOW - int(days * DAY_US))


def positions(chosen: list[tuple[Picture, retention.Reason]]) -> list[int]:
    """Which pictures were chosen."""
    return [one.position for one, _ in chosen]


# ── the rule ───────────────────────────────────────────────────────────────────────────────


def test_without_a_limit_nothing_is_deleted() -> None:
    """However old and however many."""
    assert plan([picture(n, days=9_000) for n in range(50)], {}, Rule(), NOW) == []


def test_what_is_older_than_the_age_goes_oldest_first() -> None:
    """A picture of exactly that age stays."""
    pictures = [picture(1, days=90), picture(2, days=91), picture(3, days=400), picture(4, days=1)]
    chosen = plan(pictures, {}, Rule(age_us=90 * DAY_US), NOW)
    assert chosen == [(pictures[2], "age"), (pictures[1], "age")]


def test_openings_refusals_and_rings_are_kept_longer() -> None:
    """Until `keep_unlocks_us`, and then the age counts for them too."""
    pictures = [picture(1, days=100), picture(2, days=400)]
    rule = Rule(age_us=90 * DAY_US, keep_unlocks_us=365 * DAY_US)
    assert positions(plan(pictures, {1: Visit(kept_long=True)}, rule, NOW)) == [2]


def test_the_quota_is_kept_within_one_picture() -> None:
    """The oldest go until all fit, and not one more."""
    pictures = [picture(n, days=n, size=100) for n in range(1, 11)]
    chosen = plan(pictures, {}, Rule(bytes_max=650), NOW)
    assert positions(chosen) == [10, 9, 8, 7]
    assert {reason for _, reason in chosen} == {"bytes"}


def test_a_full_quota_never_takes_what_is_kept_long() -> None:
    """Though more room is taken than the rule allows."""
    pictures = [picture(1, days=9, event=1), picture(2, days=8, event=2)]
    chosen = plan(pictures, {1: Visit(kept_long=True)}, Rule(bytes_max=0), NOW)
    assert positions(chosen) == [2]


def test_strangers_and_labels_have_ages_of_their_own() -> None:
    """The longest of those that fit the visit counts, in place of the general one."""
    visits = {
        1: Visit(stranger=True),
        2: Visit(labels=frozenset({"car"})),
        3: Visit(stranger=True, labels=frozenset({"car", "dog"})),
    }
    pictures = [picture(event, days=100, event=event) for event in (1, 2, 3, 4)]
    rule = Rule(age_us=90 * DAY_US, strangers_us=365 * DAY_US, labels={"car": 7 * DAY_US})
    assert positions(plan(pictures, visits, rule, NOW)) == [2, 4]


@given(
    days=st.lists(st.integers(0, 500), max_size=40),
    age=st.none() | st.integers(0, 400),
    room=st.none() | st.integers(0, 3_000),
    kept=st.sets(st.integers(0, 39)),
)
def test_a_plan_agrees_with_the_rule_in_plain_words(
    days: list[int], age: int | None, room: int | None, kept: set[int]
) -> None:
    """Nothing twice or held back, all that is too old; it fits, or only held back ones stay."""
    pictures = [picture(n, days=old, event=n + 1) for n, old in enumerate(days)]
    visits = {n + 1: Visit(kept_long=True) for n in kept}
    rule = Rule(age_us=None if age is None else age * DAY_US, bytes_max=room)
    chosen = positions(plan(pictures, visits, rule, NOW))
    assert len(chosen) == len(set(chosen))
    stay = [n for n in range(len(days)) if n not in chosen]
    for n in chosen:
        assert n not in kept or days[n] > 365
    if age is not None:
        assert all(days[n] <= (max(age, 365) if n in kept else age) for n in stay)
    if room is not None and len(stay) * 100 > room:
        assert all(n in kept and days[n] <= 365 for n in stay)
    if age is None and room is None:
        assert chosen == []


# ── a log ──────────────────────────────────────────────────────────────────────────────────


@dataclass
class House:
    """An open log with pictures of some visits."""

    store: EventStore
    folder: Thumbnails
    path: Path

    async def known(self, now_us: int | None = None) -> Known:
        """What the journal says of pictures now."""
        at = now_us if now_us is not None else 4_000_000_000_000_000
        return await self.store.reader.run(lambda c: known_pictures(c, at))

    async def visits(self) -> dict[int, Visit]:
        """What the read tables say of visits."""
        await self.store.caught_up(await self.store.reader.last_position())
        return await self.store.reader.run(known_visits)

    def files(self) -> set[str]:
        """The names of the pictures in the folder."""
        return {path.name for path in self.folder.folder.iterdir()}

    def findings(self) -> list[str]:
        """What `verify` finds."""
        report = verify(self.path, thumbnails=self.folder.check)
        return [one.what for one in [*report.findings, *report.notes]]


def save(folder: Thumbnails, number: int) -> ThumbnailSaved:
    """A picture in the folder; its bytes are what `check` compares, and no JPEG."""
    folder.ensure()
    path = folder.folder / f"{number}.jpg"
    path.write_bytes(b"x" * (number + 1))
    return folder.describe(f"{folder.name}/{number}.jpg")


@pytest.fixture
async def house(store: EventStore) -> House:
    """Three visits, each with its picture: a motion, a ring, a refused try of a stranger."""
    folder = Thumbnails(store.thumbnails_dir)
    further: list[list[Fact]] = [
        [Motion(camera_id="front", recorded_at=T0), Detection(label="car", confidence=0.9)],
        [Ding(camera_id="front", recorded_at=T0)],
        [
            Motion(camera_id="front", recorded_at=T0 + timedelta(hours=1)),
            FaceResult(distance=0.8, tolerance=0.6),
            UnlockAction(granted=False),
        ],
    ]
    for number, facts in enumerate(further):
        await store.append(*facts, save(folder, number))
    return House(store, folder, Path(store.db_path))


@pytest.mark.anyio
async def test_the_journal_knows_its_pictures_and_the_visits_their_kind(house: House) -> None:
    """Path, event and size; rings and refusals are kept long."""
    known = await house.known()
    assert [(one.path, one.event_id, one.size_bytes) for one in known.pictures] == [
        ("thumbnails/0.jpg", 1, 1),
        ("thumbnails/1.jpg", 2, 2),
        ("thumbnails/2.jpg", 3, 3),
    ]
    assert await house.visits() == {
        1: Visit(labels=frozenset({"car"})),
        2: Visit(kept_long=True),
        3: Visit(kept_long=True, stranger=True),
    }


@pytest.mark.anyio
async def test_a_removal_is_a_fact_of_its_visit_before_the_file_goes(house: House) -> None:
    """And `verify` takes the missing file for what it is."""
    known = await house.known()
    assert await expire(house.store, house.folder, known, [(known.pictures[0], "age")]) == 0
    assert house.files() == {"1.jpg", "2.jpg"}
    rows = await house.store.reader.story(1)
    assert [row.kind for row in rows] == [
        "motion",
        "detection",
        "thumbnail_saved",
        "picture_removed",
    ]
    after = await house.known()
    assert [one.path for one in after.pictures] == ["thumbnails/1.jpg", "thumbnails/2.jpg"]
    assert after.removed == {"thumbnails/0.jpg"}
    assert house.findings() == []


@pytest.mark.anyio
async def test_a_picture_that_is_missing_without_a_fact_is_a_finding(house: House) -> None:
    """Deleted by somebody else, after one that was removed by rule."""
    known = await house.known()
    await expire(house.store, house.folder, known, [(known.pictures[0], "age")])
    (house.folder.folder / "1.jpg").unlink()
    assert house.findings() == ["the picture of record 5 is missing"]


@pytest.mark.anyio
async def test_what_a_killed_run_left_is_finished_by_the_next(house: House) -> None:
    """The fact is there and the file too: `verify` says so, and a run deletes it."""
    fact = PictureRemoved(path="thumbnails/0.jpg", reason="age")
    await house.store.append(fact, event_id=1)
    assert "0.jpg" in house.files()
    assert house.findings() == [
        "record 10 says that it was removed, but the file exists: `eventlog expire` deletes it"
    ]
    assert await expire(house.store, house.folder, await house.known(), []) == 1
    assert "0.jpg" not in house.files()
    assert house.findings() == []


@pytest.mark.anyio
async def test_a_run_twice_says_nothing_twice(house: House) -> None:
    """The same plan again, as a second process would have it: the key finds the first fact."""
    known = await house.known()
    chosen: list[tuple[Picture, retention.Reason]] = [(known.pictures[0], "age")]
    await expire(house.store, house.folder, known, chosen)
    before = await house.store.reader.last_position()
    await expire(house.store, house.folder, known, chosen)
    assert await house.store.reader.last_position() == before


@pytest.mark.anyio
async def test_a_picture_goes_though_its_key_was_used_for_another_fact(house: House) -> None:
    """By a client that guessed the key; the removal is recorded without one."""
    known = await house.known()
    first = known.pictures[0]
    taken = Motion(camera_id="front", recorded_at=T0)
    await house.store.append(taken, key=f"picture_removed:{first.position}")
    await expire(house.store, house.folder, known, [(first, "age")])
    assert "0.jpg" not in house.files()
    assert (await house.known()).removed == {first.path}
    assert house.findings() == []


@pytest.mark.anyio
async def test_a_picture_of_two_visits_is_gone_from_both(house: House) -> None:
    """No visit shows a path without a file."""
    again = house.folder.describe("thumbnails/0.jpg")
    await house.store.append(again, event_id=2)
    known = await house.known()
    shared = next(one for one in known.pictures if one.path == "thumbnails/0.jpg")
    await expire(house.store, house.folder, known, [(shared, "age")])
    await house.store.caught_up(await house.store.reader.last_position())
    shown = await house.store.reader.run(
        lambda c: c.execute("SELECT id, thumbnail_path FROM events ORDER BY id").fetchall()
    )
    assert [tuple(row) for row in shown] == [(1, None), (2, None), (3, "thumbnails/2.jpg")]


@pytest.mark.anyio
async def test_a_name_that_is_used_again_is_a_picture_again(house: House) -> None:
    """Saved after its removal: it is known, and not deleted as one that was left over."""
    known = await house.known()
    await expire(house.store, house.folder, known, [(known.pictures[0], "age")])
    await house.store.append(save(house.folder, 0), event_id=1)
    again = await house.known()
    assert again.removed == set()
    assert await expire(house.store, house.folder, again, []) == 0
    assert "0.jpg" in house.files()


@pytest.mark.anyio
@pytest.mark.parametrize("folder", ["thumbnails", "another"])
async def test_no_later_fact_shortens_the_life_of_a_picture(house: House, folder: str) -> None:
    """A feed that names the picture of a ring for a visit of its own takes it to no earlier end."""
    ring = await house.store.append(Ding(camera_id="front_door", recorded_at=T0))
    fact = save(house.folder, 7)
    await house.store.append(fact, event_id=ring.event_id)
    own = await house.store.append(Motion(camera_id="front_door", recorded_at=T0))
    name = fact.path.rpartition("/")[2]
    await house.store.append(ThumbnailSaved(path=f"{folder}/{name}"), event_id=own.event_id)
    await house.store.caught_up(await house.store.reader.last_position())
    known = await house.known()
    visits = await house.store.reader.run(known_visits)
    now_us = max(one.saved_at_us for one in known.pictures) + 100 * DAY_US
    chosen = plan(known.pictures, visits, Rule(age_us=90 * DAY_US), now_us)
    assert fact.path not in {one.path for one, _ in chosen}
    assert len([one for one in known.pictures if name in one.path]) == 1


@pytest.mark.anyio
async def test_a_fact_that_lies_about_its_size_makes_no_picture_go(house: House) -> None:
    """Room is counted by the files: a feed that says 8 TB would have all others deleted."""
    liar = ThumbnailSaved(path="t/none.jpg", size_bytes=8 * 10**12)
    await house.store.append(liar, event_id=1)
    await house.store.caught_up(await house.store.reader.last_position())
    found = await house.store.reader.run(
        lambda c: retention.look(c, Rule(bytes_max=10**9), house.folder, trust_clock=True)
    )
    assert found.chosen == []


class Refusing:
    """A store whose disk is full after some facts."""

    def __init__(self, store: EventStore, room: int) -> None:
        self.store = store
        self.room = room

    async def append(
        self, *facts: Fact, event_id: int | None = None, key: str | None = None
    ) -> Receipt:
        """Append, while there is room."""
        self.room -= 1
        if self.room < 0:
            raise DiskFull("no room")
        return await self.store.append(*facts, event_id=event_id, key=key)


@pytest.mark.anyio
@pytest.mark.parametrize("room", range(3))
async def test_no_file_goes_whose_removal_is_not_stored(house: House, room: int) -> None:
    """The disk is full in the middle of a batch: the files of the batch stay."""
    known = await house.known()
    chosen: list[tuple[Picture, retention.Reason]] = [(one, "age") for one in known.pictures]
    with pytest.raises(DiskFull):
        await expire(Refusing(house.store, room), house.folder, known, chosen)
    assert house.files() == {"0.jpg", "1.jpg", "2.jpg"}
    left = await house.known()
    assert len(left.removed) == room
    await expire(house.store, house.folder, left, [(one, "age") for one in left.pictures])
    assert house.files() == set()
    assert house.findings() == []


@pytest.mark.anyio
async def test_many_pictures_go_in_batches(house: House) -> None:
    """More than two batches, all deleted, each recorded once."""
    count = 2 * BATCH + 10
    await house.store.append(*(save(house.folder, 10 + n) for n in range(count)), event_id=1)
    known = await house.known()
    done: list[tuple[int, int]] = []
    chosen: list[tuple[Picture, retention.Reason]] = [(one, "bytes") for one in known.pictures]
    await expire(
        house.store, house.folder, known, chosen, progress=lambda n, total: done.append((n, total))
    )
    assert house.files() == set()
    assert len((await house.known()).removed) == count + 3


# ── clocks ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.anyio
async def test_an_unset_clock_makes_a_picture_younger_and_never_older(house: House) -> None:
    """All that was appended up to a time in the past is taken for as old as that time at most."""
    known = await house.known(now_us=1)  # every record is in this clock's future
    assert {one.saved_at_us for one in known.pictures} == {1}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("wall", "boot", "doubt"),
    [
        (lambda at, _: at + HOUR_US, b"other", None),
        (lambda at, _: at + SILENT_US + HOUR_US, b"other", "30 days"),
        (lambda at, _: at - HOUR_US, b"other", "later than the wall clock"),
        (lambda at, since: at + since, None, None),
        (lambda at, since: at + since + 2 * HOUR_US, None, "was set"),
        (lambda at, since: at + since - 2 * HOUR_US, None, "was set"),
    ],
)
async def test_ages_are_not_told_by_a_clock_that_the_journal_speaks_against(
    house: House, wall: Callable[[int, int], int], boot: bytes | None, doubt: str | None
) -> None:
    """In this boot, the time since the boot counts; in another, only what is later."""

    def ask(connection: Any) -> str | None:
        from eventlog import codecs  # noqa: PLC0415 - only this test reads a meta

        at, meta = connection.execute(
            "SELECT appended_at, meta FROM journal WHERE meta IS NOT NULL ORDER BY position DESC"
        ).fetchone()
        known = codecs.decode_meta(meta)
        since_us = 5 * HOUR_US
        return doubt_about_clock(
            connection,
            now_us=wall(at, since_us),
            boot=known["boot"] if boot is None else boot,
            clock_ns=known["clock_ns"] + since_us * 1000,
        )

    answer = await house.store.reader.run(ask)
    assert (answer is None) is (doubt is None)
    assert doubt is None or doubt in (answer or "")


def test_an_append_is_what_a_store_is_needed_for() -> None:
    """EventStore fits the protocol."""
    append: Callable[..., Awaitable[Receipt]] = EventStore.append
    assert append is not None
