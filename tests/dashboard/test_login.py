"""Signing in and out: sessions start again, end when they should, and survive a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventlog.dashboard.accounts import sessions
from tests.dashboard.house import OWNER, PASSWORD, House, hidden_fields, open_house, type_password

pytestmark = pytest.mark.anyio


async def test_the_right_password_opens_the_page_that_was_asked_for(house: House) -> None:
    """A sign-in leads back to where one was sent away, and never to another site."""
    await house.user(password=PASSWORD)
    async with house.client() as client:
        away = await client.get("/events/1?x=1")
        assert away.headers["location"] == "/login?next=/events/1%3Fx%3D1"
        answer = await type_password(client, OWNER, PASSWORD, next="/unlocks")
        assert (answer.status_code, answer.headers["location"]) == (303, "/unlocks")
        assert (await client.get("/unlocks")).status_code == 200
    for elsewhere in ("//evil.example", "https://evil.example", "/\\evil.example", "/\nx", ""):
        async with house.client() as client:
            answer = await type_password(client, OWNER, PASSWORD, next=elsewhere)
            assert answer.headers["location"] == "/"


async def test_a_wrong_password_and_an_unknown_name_look_alike(house: House) -> None:
    """Both are refused with the same words, and no session begins."""
    await house.user(password=PASSWORD)
    async with house.client() as client:
        wrong = await type_password(client, OWNER, "wrong horse battery")
        unknown = await type_password(client, "nobody", PASSWORD)
        assert wrong.status_code == unknown.status_code == 403
        assert "That is not the name and its password." in wrong.text
        assert "That is not the name and its password." in unknown.text
        assert house.site.cookies.session not in client.cookies


async def test_cookies_are_kept_from_scripts_and_from_other_sites(house: House) -> None:
    """HttpOnly and SameSite on each."""
    await house.user(password=PASSWORD)
    async with house.client() as client:
        answer = await type_password(client, OWNER, PASSWORD)
    for cookie in answer.headers.get_list("set-cookie"):
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie


async def test_a_session_begins_anew_at_sign_in(house: House) -> None:
    """A cookie planted before the sign-in is worth nothing after it, and an old session is over."""
    await house.user(password=PASSWORD)
    async with house.client() as client:
        client.cookies.set(house.site.cookies.session, "planted")
        await type_password(client, OWNER, PASSWORD)
        first = client.cookies.get(house.site.cookies.session, domain="127.0.0.1")
        assert first not in {None, "planted"}
    async with house.client() as client:
        client.cookies.set(house.site.cookies.session, "planted")
        assert (await client.get("/")).status_code == 303


async def test_the_logins_form_needs_its_token_too(house: House) -> None:
    """A form on another page signs no user in."""
    await house.user(password=PASSWORD)
    async with house.client() as client:
        page = await client.get("/login")
        form = {**hidden_fields(page.text), "name": OWNER, "password": PASSWORD}
        assert (await client.post("/login", data={**form, "csrf_token": "0"})).status_code == 403
        client.cookies.clear()
        assert (await client.post("/login", data=form)).status_code == 403


async def test_a_session_is_dead_after_sign_out(house: House) -> None:
    """The cookie that was kept opens nothing any more."""
    async with await house.signed_in() as client, await house.signed_in() as other:
        kept = f"{house.site.cookies.session}={client.cookies[house.site.cookies.session]}"
        assert (await client.get("/", headers={"cookie": kept})).status_code == 200
        assert (await client.post("/sign-out")).status_code == 303
        assert (await client.get("/", headers={"cookie": kept})).status_code == 303
        assert (await other.get("/")).status_code == 200


async def test_sign_out_everywhere_ends_every_session_of_the_user(house: House) -> None:
    """All sessions of this user end, and no other."""
    async with (
        await house.signed_in() as client,
        await house.signed_in() as phone,
        await house.signed_in("guest") as guest,
    ):
        secret = client.cookies[house.site.cookies.session]
        assert (await client.post("/sign-out-everywhere")).status_code == 303
        assert (await phone.get("/")).status_code == 303
        assert (await guest.get("/")).status_code == 200
        assert (
            await client.get("/", headers={"cookie": f"{house.site.cookies.session}={secret}"})
        ).status_code == 303


async def test_a_session_survives_a_restart(tmp_path: Path) -> None:
    """It is in a file, not in memory."""
    async with open_house(tmp_path) as house, await house.signed_in() as client:
        secret = client.cookies[house.site.cookies.session]
    async with open_house(tmp_path) as house, house.client() as client:
        client.cookies.set(house.site.cookies.session, secret)
        assert (await client.get("/")).status_code == 200


async def test_a_session_ends_when_idle_and_at_its_longest(house: House) -> None:
    """Half an hour after the last request; twelve hours after the sign-in whatever comes."""
    began = house.site.now_s
    house.site.clock = lambda: float(began)
    async with await house.signed_in() as client:
        at = began
        while at < began + sessions.LONGEST_S - 1500:
            at += 1500
            house.site.clock = lambda at=at: float(at)  # type: ignore[misc]  # mypy can't infer a lambda with a default
            assert (await client.get("/")).status_code == 200
        house.site.clock = lambda: float(began + sessions.LONGEST_S)
        assert (await client.get("/")).status_code == 303
    house.site.clock = lambda: float(began)
    async with await house.signed_in() as client:
        house.site.clock = lambda: float(began + sessions.IDLE_S)
        assert (await client.get("/")).status_code == 303


async def test_an_open_page_alone_keeps_no_session_alive(house: House) -> None:
    """What a page asks for by itself is not a sign of its reader."""
    began = house.site.now_s
    house.site.clock = lambda: float(began)
    async with await house.signed_in() as client:
        house.site.clock = lambda: float(began + 1000)
        assert (await client.get("/timeline/live?ids=1")).status_code == 200
        house.site.clock = lambda: float(began + sessions.IDLE_S)
        assert (await client.get("/")).status_code == 303


async def test_a_session_from_the_future_is_none(house: House) -> None:
    """A clock that was set back makes no session live longer."""
    async with await house.signed_in() as client:
        back = house.site.now_s - 3600
        house.site.clock = lambda: float(back)
        assert (await client.get("/")).status_code == 303


async def test_a_link_signs_in_once_and_within_an_hour(house: House) -> None:
    """The code is used up by its first use, and by time."""
    user_id = await house.user()
    now = house.site.now_s
    code = await house.site.accounts.run(lambda c: sessions.make_link(c, user_id, now))
    late = await house.site.accounts.run(lambda c: sessions.make_link(c, user_id, now))
    for given, expected in ((code, 303), (code, 403), ("nothing", 403)):
        async with house.client() as client:
            page = await client.get("/sign-in")
            form = {**hidden_fields(page.text), "code": given}
            assert (await client.post("/sign-in", data=form)).status_code == expected
            assert (await client.get("/")).status_code == (200 if expected == 303 else 303)
    house.site.clock = lambda: float(now + sessions.LINK_S)
    async with house.client() as client:
        form = {**hidden_fields((await client.get("/sign-in")).text), "code": late}
        assert (await client.post("/sign-in", data=form)).status_code == 403


async def test_a_new_password_ends_the_sessions(house: House) -> None:
    """All sessions that were opened with the old password end."""
    async with await house.signed_in() as client:
        await house.user(password=PASSWORD)
        assert (await client.get("/")).status_code == 303
