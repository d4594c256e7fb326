"""The alerts' own rules over web push: once ever, over kills, with late names and erased ones."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eventlog.facts import AlertIntended, AlertSent, Ding, FaceResult, Fact, Motion
from eventlog.reactors.alerts.rules import Rule
from tests.reactors.alerts.house import House, Killed
from tests.run.pushing import Pushing, pushing
from tests.support.push_service import Browser

pytestmark = pytest.mark.anyio

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
        async with await self.door.house.signed_in(name) as client:
            answer = await client.post("/account/push", data=browser.fields)
        assert answer.status_code == 200
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
