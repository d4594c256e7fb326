"""Web push from the button on the page to the device, with a push service on loopback."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from eventlog.dashboard.accounts import security_log
from eventlog.evidence import keys_backup
from eventlog.evidence.keys import KeysDir
from eventlog.reactors.alerts.channels import NotSent, Refused, Unsure
from eventlog.reactors.alerts.push_endpoint import Endpoint
from eventlog.reactors.alerts.push_service import PushAnswer
from eventlog.reactors.alerts.wording import Message
from tests.run.pushing import PUBLIC_URL, Pushing, pushing
from tests.support.push_service import HOST, Browser, claims

pytestmark = pytest.mark.anyio


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Pushing]:
    """A house with web push."""
    async with pushing(tmp_path) as made:
        yield made


async def test_a_device_that_subscribed_can_read_what_the_door_sends(door: Pushing) -> None:
    """Subscribed on the page, sent by the channel, decrypted by the browser's own keys."""
    browser = Browser(door.service)
    async with await door.house.signed_in() as client:
        assert (await client.post("/account/push", data=browser.fields)).status_code == 200
        assert await door.teller.test("phone") is None
        page = (await client.get("/account")).text
    assert [one["title"] for one in browser.got] == ["A test of this channel"]
    assert "last notified" in page
    (pushed,) = door.service.taken
    assert pushed.headers["content-encoding"] == "aes128gcm"
    assert pushed.headers["ttl"] == "86400"
    assert pushed.headers["urgency"] == "high"
    assert len(pushed.headers["topic"]) == 32
    assert b"test of this channel" not in pushed.body


async def test_who_sends_is_signed(door: Pushing) -> None:
    """For the push service's origin, with an address of ours, by the key that was subscribed to."""
    browser = Browser(door.service)
    async with await door.house.signed_in() as client:
        await client.post("/account/push", data=browser.fields)
        await door.teller.test("phone")
    key, said = claims(door.service.taken[0].headers["authorization"])
    assert key == door.push.public_key
    assert said["aud"] == f"https://{HOST}:{door.service.port}"
    assert said["sub"] == PUBLIC_URL
    assert 0 < said["exp"] - door.now <= 24 * 3600


async def test_the_key_is_made_once_and_survives_a_restart(door: Pushing) -> None:
    """In the folder of keys, for its owner alone."""
    before = door.push.public_key
    assert (await door.restart()).public_key == before
    path = door.keys.file("push")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.stat().st_size == 32


async def test_the_key_is_part_of_a_backup_of_the_keys(door: Pushing, tmp_path: Path) -> None:
    """Restored on another machine, every device stays subscribed."""
    made = keys_backup.write(door.keys, tmp_path / "second", 1)
    assert len(made.files["push"]) == 32
    door.keys.file("push").unlink()
    keys_backup.restore(tmp_path / "second", tmp_path / "new" / "keys", tmp_path / "log" / "x.db")
    restored = KeysDir(tmp_path / "new" / "keys", door.keys.log_id).push_key()
    assert restored == made.files["push"]


async def test_a_lost_key_asks_for_each_device_again(door: Pushing) -> None:
    """A device of the old key is sent nothing; the page says what to do."""
    browser = Browser(door.service)
    async with await door.house.signed_in() as client:
        await client.post("/account/push", data=browser.fields)
        door.keys.file("push").unlink()
        await door.restart()
        assert await door.teller.test("phone") == "no device is subscribed"
        assert "the door's key has changed" in (await client.get("/account")).text
        assert door.service.requests == []
        await client.post("/account/push", data=browser.fields)
        assert await door.teller.test("phone") is None
    assert len(browser.got) == 1
    assert len(await door.devices()) == 1


async def test_health_says_that_an_alert_found_no_device(door: Pushing) -> None:
    """As where the only device was dropped; until one is there again."""
    browser, sentence = Browser(door.service), "The last alert by web push found no device"
    async with await door.house.signed_in() as client:
        assert sentence not in (await client.get("/status")).text
        await door.teller.test("phone")
        assert sentence in (await client.get("/status")).text
        await client.post("/account/push", data=browser.fields)
        await door.teller.test("phone")
        assert sentence not in (await client.get("/status")).text


# ── what push services answer ──────────────────────────────────────────────────────────────


def told(number: int = 1, revision: int = 0, **more: Any) -> Message:
    """An alert."""
    fields = {"rule": "bell", "title": f"ring {number}", "body": "at noon", **more}
    return Message(id=f"alert:{number}:bell:phone", revision=revision, **fields)


async def noted(door: Pushing) -> list[str]:
    """The security log, the oldest first."""
    found = await door.house.site.accounts.run(security_log.newest)
    return [entry.kind for entry in reversed(found) if "notif" in entry.kind]


async def test_a_device_that_its_service_does_not_know_is_dropped(door: Pushing) -> None:
    """At once, and noted; without another device nobody was told."""
    for status in (404, 410):
        browser = Browser(door.service, str(status))
        await door.subscribe(browser)
        door.service.answers[browser.path] = [(status, {})]
        with pytest.raises(Refused, match="no device is subscribed"):
            await door.push.send(told(status))
        assert await door.devices() == []
    assert await noted(door) == ["notifications on", "notifications ended"] * 2


async def test_what_a_service_does_not_take_was_not_sent(door: Pushing) -> None:
    """The device stays; the page says why; the next try reaches it."""
    browser = Browser(door.service)
    await door.subscribe(browser)
    elsewhere = {"location": f"https://{HOST}:{door.service.port}/push/other"}
    for status in (301, 302, 307, 308, 400, 401, 403, 429, 500, 502, 503):
        door.service.answers[browser.path] = [(status, elsewhere)]
        with pytest.raises(NotSent):
            await door.push.send(told(status))
        assert [one.failure for one in await door.devices()] == [f"HTTP {status}"]
        await door.push.send(told(status))
        assert [one.failure for one in await door.devices()] == [""]
        assert browser.got[-1]["title"] == f"ring {status}"
    assert len(browser.got) == 11
    assert {one.path for one in door.service.requests} == {browser.path}


async def test_a_service_that_asks_to_wait_is_not_asked_before(door: Pushing) -> None:
    """Neither for this message nor for the next one; the channel says how long."""
    browser = Browser(door.service)
    await door.subscribe(browser)
    door.service.answers[browser.path] = [(429, {"retry-after": "120"})]
    with pytest.raises(NotSent) as first:
        await door.push.send(told())
    door.now += 60
    with pytest.raises(NotSent) as second:
        await door.push.send(told(2))
    assert first.value.retry_after_s == 120
    assert second.value.retry_after_s == 60
    assert len(door.service.requests) == 1
    door.now += 60
    await door.push.send(told())
    assert len(browser.got) == 1


async def test_a_message_that_is_too_large_is_sent_shorter(door: Pushing) -> None:
    """A push service may take less than the 4,096 bytes of the standard."""
    browser = Browser(door.service)
    await door.subscribe(browser)
    door.service.answers[browser.path] = [(413, {})]
    await door.push.send(told(body="a long text " * 1000))
    large, small = door.service.requests
    assert (len(large.body), len(small.body) < 1200) == (4096, True)
    (got,) = browser.got
    assert got["body"].startswith("a long text a long")


async def test_a_device_that_is_down_holds_nobody_back(door: Pushing) -> None:
    """The others have it at once; it is tried again for that one alone, at growing intervals."""
    well, down = Browser(door.service, "well"), Browser(door.service, "down")
    await door.subscribe(well, down)
    door.service.answers[down.path] = [(503, {}), (503, {"retry-after": "30"})]
    await door.push.send(told())
    await door.push.retry_due()
    assert len(door.service.requests) == 2
    door.now += 1
    await door.push.retry_due()
    door.now += 29
    await door.push.retry_due()
    assert (len(well.got), len(down.got), len(door.service.requests)) == (1, 0, 3)
    door.now += 1
    await door.push.retry_due()
    await door.push.retry_due()
    assert (len(well.got), len(down.got), len(door.service.requests)) == (1, 1, 4)
    assert [one.failure for one in await door.devices()] == ["", ""]


async def test_a_service_that_hangs_is_waited_for_once(
    door: Pushing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next messages do not wait for it: it rests for ten times as long as it took."""
    well, hangs = Browser(door.service, "well"), Browser(door.service, "hangs")
    await door.subscribe(well, hangs)
    tried: list[str] = []
    post = door.push._post

    async def slow(where: Endpoint, headers: Mapping[str, str], body: bytes) -> PushAnswer:
        tried.append(where.target)
        if where.target == hangs.path:
            door.now += 20
            raise Unsure
        return await post(where, headers, body)

    monkeypatch.setattr(door.push, "_post", slow)
    for number in range(3):
        await door.push.send(told(number))
    assert tried.count(hangs.path) == 1
    assert len(well.got) == 3
    door.now += 200
    await door.push.send(told(3))
    assert tried.count(hangs.path) == 2


async def test_only_the_latest_revision_waits_for_a_device(door: Pushing) -> None:
    """A text without the name comes to nobody after the one with it."""
    well, down = Browser(door.service, "well"), Browser(door.service, "down")
    await door.subscribe(well, down)
    door.service.answers[down.path] = [(500, {}), (500, {})]
    await door.push.send(told())
    await door.push.send(told(revision=1, title="ada rang"))
    door.now += 10
    await door.push.retry_due()
    assert [one["title"] for one in well.got] == ["ring 1", "ada rang"]
    assert [one["title"] for one in down.got] == ["ada rang"]


async def test_a_device_that_is_down_is_given_up_after_a_day(door: Pushing) -> None:
    """The page still says that its last message failed."""
    well, down = Browser(door.service, "well"), Browser(door.service, "down")
    await door.subscribe(well, down)
    door.service.answers[down.path] = [(500, {})] * 1000
    await door.push.send(told())
    for _ in range(300):
        door.now += 600
        await door.push.retry_due()
    tries = len(door.service.requests)
    assert 100 < tries < 200
    assert "HTTP 500" in [one.failure for one in await door.devices()]


async def test_a_second_try_reaches_nobody_twice(door: Pushing) -> None:
    """Each device remembers its last message, also over a restart."""
    one, other = Browser(door.service, "one"), Browser(door.service, "other")
    await door.subscribe(one, other)
    await door.push.send(told())
    await door.push.send(told())
    await door.restart()
    await door.push.send(told())
    assert (len(one.got), len(other.got)) == (1, 1)
    await door.push.send(told(revision=1))
    assert (len(one.got), len(other.got)) == (2, 2)


async def test_no_answer_is_a_doubt_until_a_device_has_it(door: Pushing) -> None:
    """The rule's `unsure` decides then; where another device has it, it is not sent again."""
    quiet, well = Browser(door.service, "quiet"), Browser(door.service, "well")
    await door.subscribe(quiet)
    door.service.answers[quiet.path] = [(0, {}), (0, {})]
    with pytest.raises(Unsure):
        await door.push.send(told())
    await door.subscribe(well)
    await door.push.send(told())
    door.now += 3600
    await door.push.retry_due()
    assert (len(door.service.requests), len(well.got)) == (3, 1)


async def test_a_subscription_that_was_tampered_with_is_dropped(door: Pushing) -> None:
    """An address that leads into the house, or no key: nothing is sent there."""
    browser = Browser(door.service)
    await door.subscribe(browser)
    await door.house.site.accounts.run(
        lambda c: c.execute("UPDATE push_subscriptions SET endpoint = 'http://127.0.0.1:1/x'")
    )
    with pytest.raises(Refused):
        await door.push.send(told())
    assert await door.devices() == []
    assert door.service.requests == []
