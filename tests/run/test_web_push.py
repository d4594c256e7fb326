"""Web push from the button on the page to the device, with a push service on loopback."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

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
