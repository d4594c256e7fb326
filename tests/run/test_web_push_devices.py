"""Which devices are notified: who may subscribe one, what is refused, and when it ends."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import httpx
import pytest

from eventlog.dashboard.accounts import push_devices, security_log, sessions, users
from eventlog.dashboard.accounts.roles import Role
from tests.dashboard.house import OWNER, PASSWORD, hidden_fields, type_password
from tests.run.pushing import Pushing, pushing
from tests.support.push_service import Browser, b64

pytestmark = pytest.mark.anyio

# Fields of a subscription that can't be sent to.
REFUSED: Final[list[dict[str, str]]] = [
    {"endpoint": ""},
    {"endpoint": "http://push.example.org/x"},
    {"endpoint": "https://127.0.0.1/x"},
    {"endpoint": "https://[::1]/x"},
    {"endpoint": "https://192.168.1.10/x"},
    {"endpoint": "https://169.254.169.254/x"},
    {"endpoint": "https://localhost/x"},
    {"endpoint": "https://user:word@push.example.org/x"},
    {"endpoint": f"https://push.example.org/{'x' * 2048}"},
    {"p256dh": ""},
    {"p256dh": b64(b"\x04" + bytes(64))},
    {"p256dh": "no base64 at all"},
    {"p256dh": "A" * 5000},
    {"auth": ""},
    {"auth": b64(bytes(15))},
    {"auth": b64(bytes(17))},
    {"auth": "é"},
]


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Pushing]:
    """A house with web push."""
    async with pushing(tmp_path) as made:
        yield made


async def subscribe(client: httpx.AsyncClient, browser: Browser, **other: str) -> httpx.Response:
    """Send what the page's script sends."""
    return await client.post("/account/push", data={**browser.fields, **other})


async def names(door: Pushing) -> list[str]:
    """The users of the devices that are notified."""
    named = await door.house.site.accounts.run(users.names)
    return [named[one.user_id] for one in await door.devices()]


async def typed(client: httpx.AsyncClient) -> None:
    """Sign in as the owner by the form, as a browser does."""
    answer = await type_password(client, OWNER, PASSWORD)
    assert answer.status_code == 303
    page = (await client.get("/account")).text
    client.headers["x-csrf-token"] = hidden_fields(page)["csrf_token"]


# ── who may, and what is taken ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", ["owner", "viewer"])
async def test_who_looks_at_the_log_may_be_notified(door: Pushing, role: Role) -> None:
    """The page has the button, the door's key and what it means."""
    async with await door.house.signed_in("somebody", role=role) as client:
        page = (await client.get("/account")).text
        assert "Notify this device" in page
        assert f'data-key="{b64(door.push.public_key)}"' in page
        assert "pass through the service of the browser&#39;s maker" in page or (
            "pass through the service of the browser's maker" in page
        )
        assert (await subscribe(client, Browser(door.service))).status_code == 200
    assert await names(door) == ["somebody"]


async def test_a_wall_tablet_is_not_notified(door: Pushing) -> None:
    """Nor is anybody without a session, or a form from elsewhere."""
    browser = Browser(door.service)
    async with await door.house.signed_in("tablet", role="kiosk") as client:
        assert (await subscribe(client, browser)).status_code == 403
    async with door.house.client() as client:
        assert (await subscribe(client, browser)).status_code in {303, 401, 403}
    async with await door.house.signed_in() as client:
        del client.headers["x-csrf-token"]
        assert (await subscribe(client, browser)).status_code == 403
        assert (await client.post("/account/push/1/remove")).status_code == 403
    async with await door.house.program("read", "append") as program:
        assert (await subscribe(program, browser)).status_code in {401, 403, 404}
    assert await door.devices() == []


async def test_a_door_without_the_channel_has_no_button(door: Pushing) -> None:
    """It is off by default."""
    door.house.site.running = None
    async with await door.house.signed_in() as client:
        page = (await client.get("/account")).text
        assert "Notify this device" not in page
        assert "notify.js" not in page
        assert (await subscribe(client, Browser(door.service))).status_code == 404


async def test_what_can_not_be_sent_to_is_refused(door: Pushing) -> None:
    """With a sentence; nothing is stored and nothing asked."""
    async with await door.house.signed_in() as client:
        for other in REFUSED:
            answer = await subscribe(client, Browser(door.service), **other)
            assert answer.status_code == 400, other
            assert answer.headers["content-type"].startswith("text/plain"), other
            assert answer.text.endswith("."), other
    assert await door.devices() == []
    assert door.service.requests == []


async def test_a_user_has_a_limit_of_devices(door: Pushing) -> None:
    """Another user has one of their own; a device that is known is renewed."""
    async with await door.house.signed_in() as client:
        for number in range(push_devices.DEVICES_MAX):
            answer = await subscribe(client, Browser(door.service, str(number)))
            assert answer.status_code == 200
        more = await subscribe(client, Browser(door.service, "more"))
        assert (more.status_code, "remove one first" in more.text) == (400, True)
        assert (await subscribe(client, Browser(door.service, "0"))).status_code == 200
    async with await door.house.signed_in("guest", role="viewer") as client:
        assert (await subscribe(client, Browser(door.service, "guest"))).status_code == 200
        # The same browser, now of the guest.
        assert (await subscribe(client, Browser(door.service, "1"))).status_code == 200
    assert len(await door.devices()) == push_devices.DEVICES_MAX + 1


# ── when it ends ───────────────────────────────────────────────────────────────────────────


async def test_a_device_can_be_removed_by_its_user_and_by_an_owner(door: Pushing) -> None:
    """A viewer sees and removes the own ones alone; both are in the security log."""
    async with (
        await door.house.signed_in() as owner,
        await door.house.signed_in("ada", role="viewer") as ada,
        await door.house.signed_in("bob", role="viewer") as bob,
    ):
        for client, name in ((owner, "o"), (ada, "a"), (bob, "b")):
            assert (await subscribe(client, Browser(door.service, name))).status_code == 200
        numbers = {name: one.id for name, one in zip("oab", await door.devices(), strict=True)}
        assert f"/account/push/{numbers['b']}/remove" not in (await ada.get("/account")).text
        assert "of bob" in (await owner.get("/account")).text
        other = await ada.post(f"/account/push/{numbers['b']}/remove")
        assert other.status_code == 404
        assert (await ada.post(f"/account/push/{numbers['a']}/remove")).status_code == 303
        assert (await owner.post(f"/account/push/{numbers['b']}/remove")).status_code == 303
        assert (await owner.post("/account/push/99/remove")).status_code == 404
    assert await names(door) == [OWNER]
    entries = await door.house.site.accounts.run(security_log.newest)
    kinds = [one.kind for one in entries if one.kind.startswith("notifications")]
    assert kinds == ["notifications off"] * 2 + ["notifications on"] * 3


async def test_a_browser_that_signs_out_is_not_notified(door: Pushing) -> None:
    """Also where it has signed in again since; other devices of the user are."""
    await door.house.user(OWNER, password=PASSWORD)
    async with door.house.client() as phone, await door.house.signed_in("ada") as other:
        await typed(phone)
        await subscribe(phone, Browser(door.service, "phone"))
        await subscribe(other, Browser(door.service, "other"))
        assert "here" in (await phone.get("/account")).text
        await typed(phone)  # the session is replaced
        assert len(await door.devices()) == 2
        await phone.post("/sign-out")
    assert await names(door) == ["ada"]


async def test_a_session_that_is_ended_takes_its_device_along(door: Pushing) -> None:
    """A lost phone: its session is ended on another device, however often it had signed in."""
    await door.house.user(OWNER, password=PASSWORD)
    async with door.house.client() as phone, door.house.client() as laptop:
        await typed(phone)
        await subscribe(phone, Browser(door.service, "phone"))
        await typed(phone)
        await typed(laptop)
        await subscribe(laptop, Browser(door.service, "laptop"))
        now = door.house.site.now_s
        live = await door.house.site.accounts.run(lambda c: sessions.of_user(c, 1, now))
        (lost,) = [one for one in await door.devices() if "phone" in await endpoint(door, one.id)]
        hashes = {one.secret_hash: one.number for one in live}
        number = hashes[await session_of(door, lost.id)]
        assert (await laptop.post(f"/account/sessions/{number}/end")).status_code == 303
        assert [await endpoint(door, one.id) for one in await door.devices()] == [
            Browser(door.service, "laptop").endpoint
        ]


async def endpoint(door: Pushing, device_id: int) -> str:
    """A device's address."""
    return str(await column(door, "endpoint", device_id))


async def session_of(door: Pushing, device_id: int) -> bytes:
    """The session that a device belongs to."""
    found = await column(door, "session_hash", device_id)
    assert isinstance(found, bytes)
    return found


async def column(door: Pushing, name: str, device_id: int) -> object:
    """A column of a device's row."""
    sql = f"SELECT {name} FROM push_subscriptions WHERE id = ?"
    row = await door.house.site.accounts.run(lambda c: c.execute(sql, (device_id,)).fetchone())
    return row[0]


async def test_a_session_that_ends_by_its_age_leaves_its_device(door: Pushing) -> None:
    """Half an hour without a look at the page is no reason to hear of no ring."""
    async with await door.house.signed_in() as client:
        await subscribe(client, Browser(door.service))
        later = door.house.site.clock() + 13 * 3600
        door.house.site.clock = lambda: later
        assert (await client.get("/account")).status_code == 303
    assert await names(door) == [OWNER]


async def test_what_ends_every_session_ends_every_device(door: Pushing) -> None:
    """Of that user; and those of the others stay."""
    now, run = door.house.site.now_s, door.house.site.accounts.run
    async with await door.house.signed_in() as owner:
        await subscribe(owner, Browser(door.service, "owner"))
        for what, end in (
            ("password", lambda c: users.add(c, "password", "another long one", now)),
            ("role", lambda c: users.change_role(c, "role", "kiosk", now)),
            ("removed", lambda c: users.remove(c, "removed", now)),
            ("everywhere", None),
        ):
            async with await door.house.signed_in(what, role="viewer") as viewer:
                await subscribe(viewer, Browser(door.service, what))
                assert await names(door) == [OWNER, what]
                if end is None:
                    await viewer.post("/sign-out-everywhere")
                else:
                    await run(end)
            assert await names(door) == [OWNER], what
        await run(sessions.end_everybodys)
    assert await names(door) == []


async def test_a_sign_out_on_a_full_disk_counts_later(
    door: Pushing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As soon as the accounts can be written again, the device is notified no more."""
    async with await door.house.signed_in() as phone, await door.house.signed_in("ada") as ada:
        await subscribe(phone, Browser(door.service, "phone"))
        await subscribe(ada, Browser(door.service, "ada"))

        async def full(_: object) -> bool:
            return False

        with monkeypatch.context() as full_disk:
            full_disk.setattr(door.house.site.accounts, "written", full)
            assert (await phone.post("/sign-out")).status_code == 303
        assert len(await door.devices()) == 2
        await door.house.site.save()
    assert await names(door) == ["ada"]


async def test_the_accounts_hold_no_text_of_a_message(door: Pushing) -> None:
    """What a device remembers is an alert's number and its rule."""
    async with await door.house.signed_in() as client:
        await subscribe(client, Browser(door.service))
        await door.teller.test("phone")
    (found,) = await door.house.site.accounts.run(
        lambda c: c.execute("SELECT last_message FROM push_subscriptions").fetchone()
    )
    assert found.startswith("test:")
    assert "channel" not in found
