"""The pages Users and Security log: who may see them, and what each change does and asks for."""

from __future__ import annotations

import re

import httpx
import pytest

from eventlog.dashboard.accounts import security_log, sessions, users
from eventlog.dashboard.accounts.roles import Role
from eventlog.dashboard.accounts.secrets import form_token
from tests.dashboard.house import OWNER, PASSWORD, House

pytestmark = pytest.mark.anyio

NEW = "a long enough phrase"


async def owner(house: House) -> httpx.AsyncClient:
    """An owner who has a password."""
    await house.user(OWNER, password=PASSWORD)
    return await house.signed_in(OWNER)


async def added(client: httpx.AsyncClient, name: str, role: str, **more: str) -> httpx.Response:
    """Send the form that adds a user."""
    form = {"name": name, "role": role, "new": NEW, "old": PASSWORD, **more}
    return await client.post("/account/users", data=form)


async def role_of(house: House, name: str) -> Role | None:
    """The role of an account, None where there is none."""
    user = await house.site.accounts.run(lambda c: users.find(c, name))
    return None if user is None else user.role


async def test_only_owners_see_and_change_accounts(house: House) -> None:
    """Not a viewer, not a kiosk, not a token."""
    user_id = await house.user("somebody", role="viewer")
    changes = [
        "/account/users",
        f"/account/users/{user_id}/role",
        f"/account/users/{user_id}/remove",
        f"/account/users/{user_id}/sessions/abc/end",
    ]
    for client in (
        await house.signed_in("viewer", role="viewer"),
        await house.signed_in("wall", role="kiosk"),
        await house.program("read", "append"),
    ):
        async with client:
            for path in ("/account/users", "/account/security"):
                assert (await client.get(path)).status_code in {401, 403, 404}
            for path in changes:
                answer = await client.post(path, data={"old": PASSWORD, "role": "owner"})
                assert answer.status_code in {401, 403, 404}
    assert await role_of(house, "somebody") == "viewer"


async def test_an_owner_adds_a_user_who_can_sign_in(house: House) -> None:
    """With the role that was chosen, and with a line in the security log."""
    async with await owner(house) as client:
        answer = await added(client, "grandma", "viewer")
        assert answer.status_code == 200
        assert "grandma was added, as viewer." in answer.text
        assert "User added: viewer" in (await client.get("/account/security")).text
    user = await house.site.accounts.run(lambda c: users.find(c, "grandma"))
    assert users.is_password(user, NEW)
    assert await role_of(house, "grandma") == "viewer"


@pytest.mark.parametrize(
    "wrong",
    [
        {"old": "not the password"},
        {"name": OWNER},
        {"name": "two words"},
        {"new": "short"},
        {"new": "password123"},
        {"role": "king"},
    ],
    ids=["old password", "taken", "name", "short", "common", "role"],
)
async def test_a_wrong_form_adds_nobody_and_says_why(house: House, wrong: dict[str, str]) -> None:
    """The page is there again, with a sentence."""
    async with await owner(house) as client:
        form = {"name": "grandma", "role": "viewer", **wrong}
        answer = await added(client, form.pop("name"), form.pop("role"), **form)
        assert answer.status_code == 400
        assert 'role="alert"' in answer.text
    assert await role_of(house, "grandma") is None


async def test_another_role_ends_the_users_sessions(house: House) -> None:
    """A former owner has to sign in again."""
    async with await owner(house) as client, await house.signed_in("son") as son:
        user_id = await house.user("son")
        form = {"role": "viewer", "old": PASSWORD}
        answer = await client.post(f"/account/users/{user_id}/role", data=form)
        assert "son is now viewer" in answer.text
        assert (await son.get("/")).status_code == 303
    assert await role_of(house, "son") == "viewer"


async def test_the_last_owner_stays(house: House) -> None:
    """Neither removed nor made a viewer."""
    async with await owner(house) as client:
        user_id = await house.user(OWNER)
        for path, form in (("role", {"role": "viewer"}), ("remove", {})):
            answer = await client.post(
                f"/account/users/{user_id}/{path}", data={"old": PASSWORD, **form}
            )
            assert answer.status_code == 400
            assert "is the only owner" in answer.text
    assert await role_of(house, OWNER) == "owner"


async def test_a_removed_user_is_gone_with_sessions(house: House) -> None:
    """With a wrong password, no user is removed."""
    async with await owner(house) as client, await house.signed_in("guest", role="viewer") as guest:
        user_id = await house.user("guest", role="viewer")
        path = f"/account/users/{user_id}/remove"
        assert (await client.post(path, data={"old": "wrong"})).status_code == 400
        assert (await guest.get("/")).status_code == 200
        assert "guest was removed." in (await client.post(path, data={"old": PASSWORD})).text
        assert (await guest.get("/")).status_code == 303
        assert (await client.post(path, data={"old": PASSWORD})).status_code == 404


async def test_an_owner_ends_one_session_of_somebody(house: House) -> None:
    """The other session of that user stays."""
    async with await owner(house) as client, await house.signed_in("son") as one:
        user_id = await house.user("son")
        now = house.site.now_s
        secret = await house.site.accounts.run(lambda c: sessions.begin(c, user_id, "there", now))
        async with house.client() as two:
            two.cookies.set(house.site.cookies.session, secret)
            two.headers["x-csrf-token"] = form_token(secret)
            assert (await two.get("/")).status_code == 200
            page = (await client.get("/account/users")).text
            found = re.search(rf'"(/account/users/{user_id}/sessions/\w+/end)".*?there', page)
            assert found is not None
            wanted = [
                path
                for path, address in re.findall(
                    rf'(/account/users/{user_id}/sessions/\w+/end)".*?from (\w+)', page
                )
                if address == "there"
            ]
            assert (await client.post(wanted[0])).status_code == 200
            assert (await two.get("/")).status_code == 303
        assert (await one.get("/")).status_code == 200


async def test_the_security_log_has_pages(house: House) -> None:
    """Going on from page to page shows each entry once."""

    def fill(connection: object) -> None:
        for number in range(250):
            security_log.note(connection, "signed out", number, detail=f"<{number}>")  # type: ignore[arg-type]  # a connection, as `run` gives it

    await house.site.accounts.run(fill)
    async with await house.signed_in() as client:
        shown: list[str] = []
        path = "/account/security"
        while True:
            page = (await client.get(path)).text
            shown += re.findall(r"Signed out: &lt;(\d+)&gt;", page)
            older = re.search(r'href="([^"]*before=\d+)"', page)
            if older is None:
                break
            path = older[1]
        assert shown == [str(n) for n in range(249, -1, -1)]
        assert (await client.get("/account/security?before=x")).status_code == 400
