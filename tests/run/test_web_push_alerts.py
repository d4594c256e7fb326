"""The alerts' own rules over web push: once ever, over kills, with late names and erased ones."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog.errors import DatabaseError
from eventlog.facts import AlertIntended, AlertSent, Ding, FaceResult, Fact, Motion
from eventlog.maintenance.forgetting.erasing import erase, find_person
from eventlog.reactors.alerts.rules import Rule
from eventlog.reactors.alerts.wording import Message
from eventlog.run import alerts
from tests.reactors.alerts.house import House, Killed
from tests.run.house import until
from tests.run.pushing import Pushing, pushing
from tests.support.push_service import Browser

pytestmark = pytest.mark.anyio

NAME: Final = "canary-ada"
RULES = (
    Rule(name="bell", when="ring", channels=("phone",)),
    Rule(name="stranger", when="stranger", channels=("phone",)),
)


class Told:
    """A door with subscribed browsers, and the alerts of its log."""

    def __init__(self, door: Pushing) -> None:
        self.door = door
        self.service = door.service
        self.alerts = House(door.house.site.store, RULES, phone=door.push)

    async def subscribe(self, name: str = "one") -> Browser:
        """Subscribe a browser, of a user of its own."""
        browser = Browser(self.service, name)
        await self.door.subscribe(browser)
        return browser

    async def restart(self) -> None:
        """What a kill leaves: another process over the same journal and the same accounts."""
        self.alerts.phones = {"phone": await self.door.restart()}
        self.alerts.restart()

    async def ring(self) -> int:
        """Somebody rings."""
        receipt = await self.alerts.store.append(
            Ding(camera_id="front_door", recorded_at=self.alerts.now)
        )
        assert receipt.event_id is not None
        return receipt.event_id

    async def outcomes(self) -> list[str | None]:
        """What became of each intent, in order."""
        return [fact.outcome for fact in await self.facts(AlertSent) if isinstance(fact, AlertSent)]

    async def facts(self, kind: type[Fact]) -> list[Fact]:
        """All facts of a kind in the journal."""
        found, last = [], await self.alerts.store.reader.last_position()
        async for record in self.alerts.store.subscribe():
            if isinstance(record.fact, kind):
                found.append(record.fact)
            if record.position == last:
                break
        return found


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[Told]:
    """A door whose rules are armed."""
    async with pushing(tmp_path) as door:
        made = Told(door)
        await made.alerts.tell()
        yield made


@pytest.fixture
async def sealed(tmp_path: Path) -> AsyncIterator[Told]:
    """The same over a sealed log."""
    async with pushing(tmp_path, sealed=True) as door:
        made = Told(door)
        await made.alerts.tell()
        yield made


async def test_a_ring_reaches_every_device_once(told: Told) -> None:
    """Its title and text as on every channel, and the event's number to open."""
    one, other = await told.subscribe("one"), await told.subscribe("other")
    event = await told.ring()
    await told.alerts.tell()
    await told.alerts.tell()
    (got,) = one.got
    assert other.got == one.got
    assert (got["title"], got["event"]) == ("Somebody rang at front", event)
    assert got["body"].startswith(f"{told.alerts.now:%Y}")
    assert await told.outcomes() == ["sent"]


async def test_without_a_device_an_alert_is_refused_and_does_not_wait(told: Told) -> None:
    """A device that comes later is told nothing of before."""
    await told.ring()
    await told.alerts.tell()
    assert await told.outcomes() == ["refused"]
    browser = await told.subscribe()
    told.alerts.pass_time(60)
    await told.alerts.tell()
    assert browser.got == []
    await told.ring()
    await told.alerts.tell()
    assert len(browser.got) == 1


async def test_a_late_name_takes_the_place_of_the_first_message(told: Told) -> None:
    """Under one topic for the service, and one tag for the browser."""
    browser = await told.subscribe()
    receipt = await told.alerts.store.append(
        Motion(camera_id="front_door", recorded_at=told.alerts.now),
        FaceResult(name=None, distance=0.9, recorded_at=told.alerts.now),
    )
    await told.alerts.tell()
    named = FaceResult(name="ada", distance=0.3, recorded_at=told.alerts.now)
    await told.alerts.store.append(named, event_id=receipt.event_id)
    await told.alerts.tell()
    first, second = browser.got
    assert (first["title"], second["title"]) == ("A stranger at front", "At front: ada")
    assert first["tag"] == second["tag"]
    assert len({one.headers["topic"] for one in told.service.taken}) == 1


async def test_killed_after_the_device_was_told_it_is_not_told_again(told: Told) -> None:
    """Between the service's answer and the outcome in the journal."""
    browser = await told.subscribe()
    await told.ring()
    told.alerts.kill_at_append = AlertSent
    with pytest.raises(Killed):
        await told.alerts.tell()
    told.alerts.kill_at_append = None
    await told.restart()
    await told.alerts.tell()
    assert len(told.service.requests) == len(browser.got) == 1
    assert await told.outcomes() == ["sent"]


async def test_killed_before_it_was_noted_it_comes_with_a_remark(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes the place of the first one, should that have come."""
    browser = await told.subscribe()
    await told.ring()

    async def killed(*_: Any) -> None:
        raise Killed

    monkeypatch.setattr(told.door.push.devices, "delivered", killed)
    with pytest.raises(Killed):
        await told.alerts.tell()
    await told.restart()
    await told.alerts.tell()
    first, second = browser.got
    assert second["title"] == f"{first['title']} (perhaps a second time)"
    assert first["tag"] == second["tag"]
    assert await told.outcomes() == ["sent"]


async def test_killed_between_two_devices_only_the_other_one_is_told(told: Told) -> None:
    """Each device remembers its last message."""
    one = await told.subscribe("one")
    await told.ring()
    told.alerts.kill_at_append = AlertSent
    with pytest.raises(Killed):
        await told.alerts.tell()
    told.alerts.kill_at_append = None
    other = await told.subscribe("other")
    await told.restart()
    await told.alerts.tell()
    assert (len(one.got), len(other.got)) == (1, 1)


async def test_a_service_that_is_down_is_tried_again_in_the_alerts_way(told: Told) -> None:
    """After 1 s, 2 s and longer; as long as it asks for; with one intent and one outcome."""
    browser = await told.subscribe()
    told.service.answers[browser.path] = [(500, {}), (429, {"retry-after": "300"})]
    await told.ring()
    for wait_s in (0, 1, 298, 2):
        told.alerts.pass_time(wait_s)
        told.door.now += wait_s
        await told.alerts.tell()
    assert (len(told.service.requests), len(browser.got)) == (3, 1)
    assert len(await told.facts(AlertIntended)) == 1
    assert await told.outcomes() == ["sent"]


async def test_a_service_that_is_down_for_a_day_is_given_up(told: Told) -> None:
    """As every channel is."""
    browser = await told.subscribe()
    told.service.answers[browser.path] = [(503, {})] * 300
    await told.ring()
    await told.alerts.tell()
    told.alerts.pass_time(timedelta(hours=24).total_seconds())
    await told.alerts.tell()
    assert await told.outcomes() == ["gave_up"]
    assert browser.got == []


async def test_a_storm_is_one_digest_that_opens_the_timeline(told: Told) -> None:
    """More than five at once; the message names no single event."""
    browser = await told.subscribe()
    for number in range(8):
        at = told.alerts.now + timedelta(seconds=20 * number)
        await told.alerts.store.append(Ding(camera_id=f"door {number}", recorded_at=at))
    await told.alerts.tell()
    (got,) = browser.got
    assert got["title"] == "Many things at once: 8"
    assert got["event"] is None
    assert told.service.taken[0].headers["urgency"] == "normal"


# ── persons who are erased ─────────────────────────────────────────────────────────────────


async def named_visit(told: Told) -> int:
    """A stranger, whom the model names a little later: an alert with the name is due."""
    receipt = await told.alerts.store.append(
        Motion(camera_id="front_door", recorded_at=told.alerts.now),
        FaceResult(name=None, distance=0.9, recorded_at=told.alerts.now),
    )
    await told.alerts.tell()
    named = FaceResult(name=NAME, distance=0.3, recorded_at=told.alerts.now)
    await told.alerts.store.append(named, event_id=receipt.event_id)
    assert receipt.event_id is not None
    return receipt.event_id


async def erased(told: Told) -> None:
    """The person is erased, and the alerts hear of it."""
    store = told.alerts.store
    person = await find_person(store, NAME)
    assert person is not None
    await erase(store, person.seals, reason="asked", requested_at=datetime.now(UTC))
    await told.alerts.reactor.run_to_end()


async def test_an_erased_name_is_in_no_alert_that_waits(sealed: Told) -> None:
    """It waited for a push service that was down; it comes without the name."""
    browser = await sealed.subscribe()
    sealed.service.answers[browser.path] = [(201, {}), (503, {})]
    await named_visit(sealed)
    await sealed.alerts.tell()
    assert len(sealed.service.requests) == 2
    await erased(sealed)
    sealed.alerts.pass_time(10)
    await sealed.alerts.tell()
    first, second = browser.got
    assert first["tag"] == second["tag"]
    assert NAME not in str(browser.got)


async def test_an_erased_name_waits_for_no_single_device(sealed: Told) -> None:
    """One device has the message with the name; the other, which was down, never gets it."""
    well, down = await sealed.subscribe("well"), await sealed.subscribe("down")
    sealed.service.answers[down.path] = [(201, {}), (503, {})]
    await named_visit(sealed)
    await sealed.alerts.tell()
    assert [len(well.got), len(down.got)] == [2, 1]
    assert NAME in str(well.got)
    await erased(sealed)
    sealed.door.now += 3600
    await sealed.door.push.retry_due()
    assert NAME not in str(down.got)
    assert len(down.got) == 1


async def test_the_accounts_and_the_journal_keep_no_text_of_what_was_sent(sealed: Told) -> None:
    """So that there is nothing in them to erase."""
    await sealed.subscribe()
    await named_visit(sealed)
    await sealed.alerts.tell()
    path = Path(sealed.alerts.store.db_path)
    for file in path.parent.glob(f"{path.name}*"):
        if file.is_file() and file.suffix not in {".db", ".db-wal"}:
            assert NAME.encode() not in file.read_bytes(), file
    rows = [fact for kind in (AlertIntended, AlertSent) for fact in await sealed.facts(kind)]
    assert len(rows) == 4
    assert NAME not in str(rows)


# ── as the running door runs it ────────────────────────────────────────────────────────────


async def test_the_running_part_sends_and_tries_single_devices_again(told: Told) -> None:
    """The reactor, the channel and the second tries run side by side, and end together."""
    well, down = await told.subscribe("well"), await told.subscribe("down")
    told.service.answers[down.path] = [(503, {})]
    door = told.door
    part = asyncio.create_task(alerts.run(door.config, door.house.site.store, door.teller))
    try:
        await told.ring()
        await until(lambda: len(door.push._owed) == 1)
        door.now += 60
        door.push._more.give()  # it looks once a second by itself
        await until(lambda: len(down.got) == 1)
    finally:
        part.cancel()
        await asyncio.wait([part])
    assert (len(well.got), len(told.service.requests)) == (1, 3)
    assert part.cancelled()


async def test_an_accounts_file_that_takes_no_write_sends_nothing_twice(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was delivered is remembered in this process; the log says what is wrong."""
    browser = await told.subscribe()

    async def full(*_: Any) -> None:
        raise DatabaseError("the disk is full")

    monkeypatch.setattr(told.door.push.devices, "delivered", full)
    message = Message(id="alert:1:bell:phone", revision=0, rule="bell", title="t", body="b")
    await told.door.push.send(message)
    await told.door.push.send(message)
    assert len(browser.got) == 1
