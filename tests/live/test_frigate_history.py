"""Frigate's history fills the gaps of its messages: paged, once, with pictures."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from PIL import Image

from eventlog.errors import BadPayload
from eventlog.facts import SourceBack, SourceSilent
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.reactors.alerts.channels import Answer
from eventlog.run import recorded
from eventlog.run.health import Board
from eventlog.sources import SOURCES
from eventlog.sources.adapter import Settings
from eventlog.sources.live.frigate_history import PAGE, FrigateHistory
from eventlog.sources.live.reconcile import Reconciler
from eventlog.store.event_store import EventStore

pytestmark = pytest.mark.anyio

T0 = 1_772_015_400


class Frigate:
    """Frigate's API as far as it is asked: events newest first, and snapshots."""

    def __init__(self, events: int) -> None:
        self.events = [event(number) for number in range(events)]
        self.asked: list[str] = []
        self.status = 200

    async def get(self, url: str, _headers: Mapping[str, str]) -> Answer:
        """Answer a GET."""
        self.asked.append(url)
        parts = urlsplit(url)
        if parts.path.endswith("snapshot.jpg"):
            picture = io.BytesIO()
            Image.new("RGB", (32, 32)).save(picture, "JPEG")
            return Answer(200, picture.getvalue())
        query = {name: float(values[0]) for name, values in parse_qs(parts.query).items()}
        found = [
            one
            for one in reversed(self.events)
            if query["after"] < one["start_time"] < query.get("before", float("inf"))
        ]
        return Answer(self.status, json.dumps(found[: int(query["limit"])]).encode())


def event(number: int, **more: Any) -> dict[str, Any]:
    """An event of the API."""
    start = T0 + number * 60.0
    return {
        "id": f"{start:.6f}-abc{number}",
        "camera": "front_door",
        "label": "person",
        "start_time": start,
        "end_time": start + 10,
        "has_snapshot": number % 10 == 0,
        "data": {"type": "object", "score": 0.8, "top_score": 0.8},
        **more,
    }


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EventStore]:
    """An open log."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "thumbnails")) as opened:
        yield opened


def history(store: EventStore, frigate: Frigate) -> FrigateHistory:
    """The history over a log."""
    return FrigateHistory(
        "http://frigate:5000/",
        frigate.get,
        adapter=SOURCES["frigate"],
        settings=Settings(),
        store=store,
        pictures=Thumbnails(store.thumbnails_dir),
    )


async def count(store: EventStore, kind: str) -> int:
    """How many records of a kind there are."""
    found: int = await store.reader.run(
        lambda c: c.execute("SELECT count(*) FROM journal WHERE kind = ?", (kind,)).fetchone()[0]
    )
    return found


async def test_every_page_is_read_and_nothing_is_stored_twice(store: EventStore) -> None:
    """More than one page, asked for twice; each picture is fetched once."""
    frigate = Frigate(2 * PAGE + 50)
    tally = await history(store, frigate).ask(T0 - 1)
    asked = len(frigate.asked)
    again = await history(store, frigate).ask(T0 - 1)
    assert (tally.events, again.events, again.facts) == (2 * PAGE + 50, 0, 0)
    assert await count(store, "motion") == 2 * PAGE + 50
    assert await count(store, "thumbnail_saved") == (2 * PAGE + 50) // 10
    assert sum("snapshot" in url for url in frigate.asked[asked:]) == 0


async def test_an_event_that_is_not_over_is_left_to_its_messages(store: EventStore) -> None:
    """Its score is not its last one yet."""
    frigate = Frigate(0)
    frigate.events = [event(1, end_time=None), event(2)]
    assert (await history(store, frigate).ask(T0)).events == 1


async def test_an_api_that_fails_is_named(store: EventStore) -> None:
    """By its status; nothing is stored."""
    frigate = Frigate(3)
    frigate.status = 500
    with pytest.raises(BadPayload, match="the events API answers 500"):
        await history(store, frigate).ask(T0)


async def reconciler(
    store: EventStore, frigate: Frigate, *, history_s: float, wall: float
) -> Reconciler:
    """A reconciler as a start makes it."""
    known = await store.reader.run(lambda c: recorded.known_of(c, "frigate", "frigate:"))
    return Reconciler(
        "frigate",
        history(store, frigate).ask,
        store,
        Board(),
        known,
        every_s=600,
        history_s=history_s,
        wall=lambda: wall,
    )


async def test_a_first_start_reaches_back_as_far_as_its_owner_says(store: EventStore) -> None:
    """Two records enclose the history, so that it gives no alert; a second start reads nothing."""
    frigate, now = Frigate(100), T0 + 100 * 60.0
    await (await reconciler(store, frigate, history_s=600, wall=now)).once()
    assert await count(store, "motion") == 9
    marks = await store.reader.run(lambda c: recorded.of_kinds(c, ("source_silent", "source_back")))
    assert [type(one.fact) for one in marks] == [SourceSilent, SourceBack]
    await (await reconciler(store, frigate, history_s=600, wall=now)).once()
    assert len(await store.reader.run(lambda c: recorded.of_kinds(c, ("source_silent",)))) == 1


async def test_without_a_history_only_what_comes_is_taken(store: EventStore) -> None:
    """Nothing from before the first start, not by the overlap and not by a later start either."""
    frigate, now = Frigate(100), T0 + 90 * 60.0 - 1
    one = await reconciler(store, frigate, history_s=0, wall=now)
    await one.once()
    await one.once()
    assert await count(store, "motion") == 10
    later = await reconciler(store, frigate, history_s=0, wall=now + 1200)
    await later.once()
    await later.once()
    assert await count(store, "motion") == 10
    marks = await store.reader.run(lambda c: recorded.of_kinds(c, ("source_silent",)))
    assert len(marks) == 1


async def test_a_first_start_that_was_cut_short_is_done_again(store: EventStore) -> None:
    """It reaches back from when it began, and its mark is not written twice."""
    frigate, now = Frigate(100), T0 + 100 * 60.0
    frigate.status = 503
    one = await reconciler(store, frigate, history_s=600, wall=now)
    with pytest.raises(BadPayload):
        await one.once()
    frigate.status = 200
    await (await reconciler(store, frigate, history_s=600, wall=now + 300)).once()
    assert await count(store, "motion") == 9
    assert await count(store, "source_silent") == 1
    assert await count(store, "source_back") == 1


async def test_what_was_lost_while_the_broker_was_away_is_found(store: EventStore) -> None:
    """At the next start, from a little before the newest record on."""
    frigate = Frigate(5)
    await history(store, frigate).ask(T0 - 1)
    known = await store.reader.run(lambda c: recorded.known_of(c, "frigate", "frigate:"))
    assert known.last_good is not None
    lost = known.last_good - 60
    frigate.events.append(event(0, id="1.5-lost", start_time=lost, end_time=lost + 1))
    await (await reconciler(store, frigate, history_s=0, wall=known.last_good + 60)).once()
    assert await count(store, "motion") == 6
