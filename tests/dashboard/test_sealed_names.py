"""A dashboard over a sealed log: pages show names, and no address, stream or metric has one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eventlog import EventStore
from eventlog.dashboard.live_stream import frame
from eventlog.facts import FaceResult, Fact, Motion, PersonNamed, UnlockAction
from eventlog.journal import table as journal
from eventlog.maintenance.forgetting.erasing import erase, find_person
from tests.dashboard.house import AT, House, open_house

pytestmark = pytest.mark.anyio

NAME, SHOWN, OTHER = "canary-ada", "Canary Lovelace", "bo-the-other"
PAGES = ("/", "/events/1", "/people", "/unlocks", "/status", "/api/events", "/unlocks.csv")


def visit(name: str) -> list[Fact]:
    """A visit of somebody who is let in."""
    return [
        Motion(camera_id="front_door", recorded_at=AT),
        FaceResult(name=name, distance=0.3, tolerance=0.6),
        UnlockAction(granted=True, door_action="unlocked", person=name, actor="face"),
    ]


@pytest.fixture
async def sealed(tmp_path: Path) -> AsyncIterator[House]:
    """A dashboard of a sealed log of two persons' visits."""
    (tmp_path / "log").mkdir()
    keys = tmp_path / "keys"
    async with EventStore(str(tmp_path / "log" / "events.db"), keys_dir=str(keys)) as store:
        await store.append(PersonNamed(name=NAME, display_name=SHOWN))
        await store.append(*visit(NAME))
        await store.append(*visit(OTHER))
    async with open_house(tmp_path / "log", keys_dir=keys) as house:
        yield house


async def test_pages_show_names_and_the_stream_shows_seals(sealed: House) -> None:
    """A stream is kept by proxies and browsers: it has no name of a sealed log in it."""
    async with await sealed.signed_in() as client:
        for path in PAGES[:4]:
            assert SHOWN in (await client.get(path)).text, path
        assert NAME in (await client.get("/api/events")).text
        assert NAME in (await client.get("/unlocks.csv")).text
        metrics = await client.get("/metrics")
    assert "anary" not in metrics.text
    stored = await sealed.site.pages.run(lambda c: list(journal.read_all(c)))
    assert not [row.position for row in stored if b"anary" in frame(row)]


async def test_after_an_erasure_no_page_shows_the_name(sealed: House) -> None:
    """In the process that knew it, too; the other person stays."""
    store = sealed.site.store
    person = await find_person(store, NAME)
    assert person is not None
    done = await erase(store, person.seals, reason="asked", requested_at=datetime.now(UTC))
    await store.caught_up(done.positions[-1])
    async with await sealed.signed_in() as client:
        for path in PAGES:
            page = (await client.get(path)).text
            assert "anary" not in page, path
        assert "erased person" in (await client.get("/events/1")).text
        found = (await client.get("/api/events?person=erased")).json()["events"]
        assert [event["id"] for event in found] == ["1"]
        assert (await client.get("/?person=erased")).status_code == 200
        assert OTHER in (await client.get("/events/2")).text


@pytest.mark.parametrize(
    "path", ["/?person={}&type=ding", "/people?after={}", "/unlocks?person={}"]
)
async def test_no_redirect_repeats_a_name_from_an_older_address(sealed: House, path: str) -> None:
    """Neither to the address by id, nor to the login of who is not signed in."""
    async with await sealed.signed_in() as client, sealed.client() as stranger:
        for one, status in ((client, 307), (stranger, 303)):
            answer = await one.get(path.format(NAME))
            assert answer.status_code == status
            assert "anary" not in answer.headers["location"]
            assert ("type" in answer.headers["location"]) == ("type" in path)
        kept = await stranger.get("/?person=17&day=2026-02-25")
    assert kept.headers["location"] == "/login?next=/%3Fperson%3D17%26day%3D2026-02-25"
