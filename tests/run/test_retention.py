"""The part `retain`: when it deletes, what it leaves, and that without a rule it is not there."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from eventlog import EventStore, codecs
from eventlog.errors import BadArgument
from eventlog.facts import Ding, Motion, PictureRemoved, ThumbnailSaved
from eventlog.journal import table as journal
from eventlog.maintenance import retention
from eventlog.maintenance.retention_rule import DAY_US, Rule, in_words
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.run.author import Signed
from eventlog.run.config_file import parse
from eventlog.run.retain_config import kept
from eventlog.run.retention import LOOK_S, RETAIN, Retention
from tests.pictures.hostile_frames import jpeg

pytestmark = pytest.mark.anyio

LOG = 'log = { db = "/x/events.db", thumbnails = "/x/thumbnails" }\n'
FULL = (
    'retain = { age = "90d", bytes = "8GB", keep_unlocks = "2y", unseen = "3y",'
    ' per = { stranger = "365d", label.car = "7d" } }'
)


class Ended(Exception):
    """The test's clock has run out."""


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EventStore]:
    """An open store without records."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "thumbnails")) as opened:
        yield opened


async def pictures(store: EventStore, count: int, *, ring: bool = False) -> int:
    """Append visits with a picture each, of now; how many bytes they take."""
    folder, size = Thumbnails(store.thumbnails_dir), 0
    opens = Ding if ring else Motion
    for number in range(count):
        at = datetime.now(UTC) + timedelta(seconds=number)
        saved = await folder.save_async(jpeg(), at.isoformat())
        assert saved is not None
        size += saved.size_bytes or 0
        receipt = await store.append(opens(camera_id="door", recorded_at=at), saved)
        await store.caught_up(receipt.positions[-1])
    return size


def files(store: EventStore) -> int:
    """How many pictures are in the folder."""
    return len(list(store.thumbnails_dir.glob("*.jpg")))


def part(store: EventStore, rule: Rule, times: list[datetime]) -> Retention:
    """The part, with a clock that shows these times one after the other and then ends."""
    left = iter(times)

    def now() -> datetime:
        try:
            return next(left)
        except StopIteration:
            raise Ended from None

    async def sleep(seconds: float) -> None:
        assert seconds == LOOK_S

    return Retention(
        Path(store.db_path),
        Signed(store, RETAIN),
        Thumbnails(store.thumbnails_dir),
        rule,
        ZoneInfo("Europe/Berlin"),
        now=now,
        sleep=sleep,
    )


async def test_the_rule_is_applied_at_half_past_three_by_the_doors_clock(
    store: EventStore,
) -> None:
    """Not before, and once a night."""
    await pictures(store, 3)
    night = datetime(2026, 11, 28, 1, 0, tzinfo=UTC)  # 02:00 in Berlin
    before = part(store, Rule(age_us=0), [night, night + timedelta(hours=1)])
    with pytest.raises(Ended):
        await before.run()
    assert files(store) == 3
    times = [night + timedelta(hours=1), night + timedelta(hours=2)]
    with pytest.raises(Ended):
        await part(store, Rule(age_us=0), times).run()
    assert files(store) == 0
    await pictures(store, 1)
    later = [night + timedelta(hours=hours) for hours in (2, 3, 20)]
    with pytest.raises(Ended):
        await part(store, Rule(age_us=0), later).run()
    assert files(store) == 1


async def test_room_is_made_before_the_limit_is_passed(store: EventStore) -> None:
    """At 95 % of the limit the oldest go, at once at the start; age is not asked for that."""
    size = await pictures(store, 20)
    noon = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    with pytest.raises(Ended):
        await part(store, Rule(bytes_max=size, age_us=10 * DAY_US), [noon]).run()
    assert files(store) == 19
    assert sum(p.stat().st_size for p in store.thumbnails_dir.glob("*.jpg")) <= 0.95 * size


async def test_pictures_of_rings_are_held_back(store: EventStore) -> None:
    """Though all together they take more than they may."""
    await pictures(store, 4, ring=True)
    assert await part(store, Rule(), []).apply(Rule(bytes_max=1)) == 0
    assert files(store) == 4


async def test_a_clock_in_doubt_deletes_nothing(
    store: EventStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said, and the next night tries again."""
    await pictures(store, 2)
    monkeypatch.setattr(retention, "doubt_about_clock", lambda *_, **__: "the clock was set")
    assert await part(store, Rule(age_us=0), []).apply(Rule(age_us=0)) == 0
    assert files(store) == 2
    assert "the clock was set" in caplog.text


async def test_every_deletion_says_which_part_made_it(store: EventStore) -> None:
    """A fact with its rule comes first, signed by the part."""
    await pictures(store, 2)
    with closing(sqlite3.connect(store.db_path)) as connection:
        facts = [codecs.decode_record(row).fact for row in journal.read_all(connection)]
    saved = [(f.path, f.sha256, f.size_bytes) for f in facts if isinstance(f, ThumbnailSaved)]
    assert await part(store, Rule(), []).apply(Rule(age_us=0)) == 2
    with closing(sqlite3.connect(store.db_path)) as connection:
        gone = [row for row in journal.read_all(connection) if row.kind == "picture_removed"]
    assert [codecs.decode_record(row).fact for row in gone] == [
        PictureRemoved(path=path, sha256=sha256, size_bytes=size, reason="age")
        for path, sha256, size in saved
    ]
    assert [codecs.decode_meta(row.meta)["writer"]["name"] for row in gone] == ["retain"] * 2


def test_without_the_table_nothing_is_deleted() -> None:
    """And the sentence says so."""
    config = parse(LOG)
    assert config.retain is None
    assert kept(config.retain) == ["Nothing is deleted automatically."]


def test_the_table_is_a_rule() -> None:
    """Every key of it, and what it means in words."""
    retain = parse(LOG + FULL).retain
    assert retain is not None
    assert retain.rule() == Rule(
        age_us=90 * DAY_US,
        bytes_max=8 * 10**9,
        keep_unlocks_us=730 * DAY_US,
        strangers_us=365 * DAY_US,
        labels={"car": 7 * DAY_US},
    )
    assert retain.unseen_us() == 3 * 365 * DAY_US
    assert kept(retain) == [
        "Pictures are deleted after 90 days.",
        "Those of strangers are deleted after 1 year.",
        "Those with the label car are deleted after 7 days.",
        "Where they take more than 8 GB the oldest are deleted.",
        "Those of openings, refused tries and rings are kept for at least 2 years.",
        "Persons who have not been seen for 3 years are forgotten.",
        "Records are never deleted.",
    ]
    assert in_words(Rule(age_us=DAY_US))[0] == "Pictures are deleted after 1 day."


@pytest.mark.parametrize(
    "table", ['age = "90"', 'bytes = "8 apples"', 'per = { dog = "7d" }', 'aged = "7d"']
)
def test_a_value_that_cannot_be_is_refused_by_its_path(table: str) -> None:
    """A typing error deletes nothing."""
    with pytest.raises(BadArgument, match="retain"):
        parse(f"{LOG}retain = {{ {table} }}")
