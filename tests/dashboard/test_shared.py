"""A link that shares one event: for a day, by its secret alone, and naming nobody."""

from __future__ import annotations

import html
import re

import httpx
import pytest

from eventlog.dashboard.accounts import shared_links
from eventlog.facts import Detection, Ding, FaceResult, UnlockAction
from eventlog.sources.simulator.drawings import Scene, draw
from tests.dashboard.house import AT, House, hidden_fields

pytestmark = pytest.mark.anyio

ENDED = "This link has ended"


async def visit(house: House) -> None:
    """Event 1, with a picture and names in every place that holds one."""
    frame = draw(Scene(12, ("person",), 7))
    saved = await house.site.thumbnails.save_async(frame, AT.isoformat())
    assert saved is not None
    await house.append(
        Ding(camera_id="adas_camera", recorded_at=AT),
        saved,
        Detection(label="person", confidence=0.9, sub_label="ada", plate="ADA 1"),
        FaceResult(name="ada", distance=0.3, tolerance=0.6),
        UnlockAction(granted=True, door_action="unlocked", person="ada", rule="ada by day"),
    )
    await house.append(Ding(camera_id="adas_camera", recorded_at=AT))


async def made(owner: httpx.AsyncClient, event_id: int = 1) -> str:
    """The secret of a new link."""
    page = (await owner.post(f"/events/{event_id}/share")).text
    found = re.search(r"http://127\.0\.0\.1:8000/shared#([\w-]{43})<", page)
    assert found is not None
    return found[1]


async def opened(house: House, secret: str, address: str = "192.0.2.7") -> httpx.Response:
    """What somebody without an account sees who sends a secret, as the page's script does."""
    async with house.client(address) as client:
        fields = hidden_fields((await client.get("/shared")).text)
        return await client.post("/shared", data={**fields, "secret": secret})


async def test_a_link_shows_one_event_and_its_picture(house: House) -> None:
    """The time, what was seen, and the picture inside the answer."""
    await visit(house)
    async with await house.signed_in() as owner:
        answer = await opened(house, await made(owner))
    assert answer.status_code == 200
    assert "Somebody rang" in answer.text
    assert "25 Feb 2026, 10:30:00 UTC" in answer.text
    assert 'src="data:image/jpeg;base64,/9j/' in answer.text
    assert "img-src 'self' data:" in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


async def test_a_link_names_nobody(house: House) -> None:
    """No person, camera, plate or rule; nothing of another event, and no way further in."""
    await visit(house)
    async with await house.signed_in() as owner:
        text = html.unescape((await opened(house, await made(owner))).text).lower()
    shown = re.sub(r"data:image/jpeg;base64,[\w+/=]*", "", text)
    assert "ada" not in shown.replace("data-", "")
    assert "/events/" not in shown


async def test_a_link_opens_nothing_else(house: House) -> None:
    """Who has opened it is still a stranger to every other page."""
    await visit(house)
    async with await house.signed_in() as owner:
        secret = await made(owner)
    async with house.client() as client:
        fields = hidden_fields((await client.get("/shared")).text)
        await client.post("/shared", data={**fields, "secret": secret})
        for path in ("/", "/events/1", "/events/1/picture", f"/events/1/picture?secret={secret}"):
            assert (await client.get(path)).status_code == 303


async def test_a_link_ends_after_a_day_and_when_it_is_revoked(house: House) -> None:
    """And does not come back with a clock that is set back."""
    await visit(house)
    async with await house.signed_in() as owner:
        first, second = await made(owner), await made(owner)
        now = house.site.clock()
        page = (await owner.get("/events/1/share")).text
        path = re.findall(r'action="(/events/1/share/\d+/revoke)"', page)[0]
        assert (await owner.post(path)).status_code == 303
        assert ENDED in (await opened(house, first)).text
        for moved, lives in ((0, True), (-60, False), (24 * 3600 - 2, True), (24 * 3600, False)):
            house.site.clock = lambda at=now + moved: at  # type: ignore[misc]  # a default binds it now
            assert (ENDED not in (await opened(house, second)).text) == lives, moved


async def test_only_owners_share_and_only_events_that_are_there(house: House) -> None:
    """Not viewers, not kiosks, not programs."""
    await visit(house)
    for client in (
        await house.signed_in("viewer", role="viewer"),
        await house.signed_in("wall", role="kiosk"),
        await house.program("read", "append"),
    ):
        async with client:
            assert (await client.get("/events/1/share")).status_code in {401, 403, 404}
            assert (await client.post("/events/1/share")).status_code in {401, 403, 404}
            assert (await client.post("/events/1/share/1/revoke")).status_code in {401, 403, 404}
    async with await house.signed_in() as owner:
        assert (await owner.post("/events/99/share")).status_code == 404


@pytest.mark.parametrize("secret", ["", "x", "A" * 43, "A" * 5000, "\u0000", "\ud7ff"])
async def test_a_wrong_secret_shows_nothing(house: House, secret: str) -> None:
    """The same sentence for one that has ended and one that never was."""
    await visit(house)
    answer = await opened(house, secret)
    assert answer.status_code == 404
    assert ENDED in answer.text


async def test_each_opening_is_in_the_security_log(house: House) -> None:
    """With the address, and without the secret, of which the file has the hash alone."""
    await visit(house)
    async with await house.signed_in() as owner:
        secret = await made(owner)
        await opened(house, secret, "192.0.2.7")
        await opened(house, secret, "192.0.2.8")
        log = (await owner.get("/account/security")).text
        assert "opened 2 times" in (await owner.get("/events/1/share")).text
    assert re.findall(r"Shared event opened: event 1</td><td>owner</td><td>([\d.]+)", log) == [
        "192.0.2.8",
        "192.0.2.7",
    ]
    assert "Event shared: event 1" in log
    dump = await house.site.accounts.run(lambda c: "\n".join(c.iterdump()))
    assert secret not in dump


async def test_a_link_can_not_flood_the_security_log(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It ends after a number of openings; so do links that nobody opens, by their number."""
    await visit(house)
    async with await house.signed_in() as owner:
        secret = await made(owner)
        user_id, now = await house.user(), house.site.now_s

        def often(connection: object) -> list[bool]:
            return [
                shared_links.open_link(connection, secret, now, address="") is not None  # type: ignore[arg-type]  # a connection, as `run` gives it
                for _ in range(shared_links.OPENED_MAX + 2)
            ]

        answers = await house.site.accounts.run(often)
        assert answers.count(True) == shared_links.OPENED_MAX
        monkeypatch.setattr(shared_links, "LIVE_MAX", 1)
        await made(owner)
        assert (await owner.post("/events/1/share")).status_code == 400
    assert user_id


async def test_a_preview_of_the_link_changes_and_shows_nothing(house: House) -> None:
    """A messenger asks for the address without what follows the '#'."""
    await visit(house)
    async with await house.signed_in() as owner:
        await made(owner)
        async with house.client() as messenger:
            page = await messenger.get("/shared")
        assert page.status_code == 200
        assert "data:image" not in page.text
        assert "opened 0 times" in (await owner.get("/events/1/share")).text
