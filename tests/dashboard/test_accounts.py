"""Accounts: roles, single sessions, a new password, two-step sign-in, and the security log."""

from __future__ import annotations

import asyncio
import base64
import re
import sqlite3
from contextlib import closing
from itertools import product
from typing import Any, Final

import httpx
import pytest

from eventlog.dashboard.accounts import (
    database,
    passwords,
    security_log,
    sessions,
    tokens,
    totp,
    users,
)
from eventlog.dashboard.accounts.roles import may
from eventlog.dashboard.accounts.secrets import hash_of
from eventlog.dashboard.accounts.visitor import Visitor
from eventlog.dashboard.addresses import is_plain
from eventlog.dashboard.api.endpoints import may_continue
from eventlog.errors import BadArgument
from tests.dashboard.house import (
    OWNER,
    PASSWORD,
    VISIT,
    House,
    begin_two_step,
    type_password,
)
from tests.dashboard.test_security import POSTS, filled

pytestmark = pytest.mark.anyio

# What a viewer may send about the own account.
OWN: Final = ("password", "sessions", "two-step", "push")
NEW: Final = "a brand new horse battery"


async def statuses(client: httpx.AsyncClient, *paths: str) -> list[int]:
    """What each of these pages answers."""
    return [(await client.get(path)).status_code for path in paths]


# ── roles ──────────────────────────────────────────────────────────────────────────────────


async def test_a_viewer_looks_and_rules_over_nothing(house: House) -> None:
    """No name is given, no token made, no fact appended; the own account is its own."""
    await house.append(*VISIT)
    await house.user()
    async with await house.signed_in("guest", role="viewer") as guest:
        assert (
            await statuses(guest, "/", "/events/1", "/people", "/unlocks", "/account") == [200] * 5
        )
        for path in sorted(POSTS, key=lambda path: path.startswith("/sign-")):  # signed in for all
            answer = await guest.post(filled(path), data={"name": "ada"})
            own = path.startswith(tuple(f"/account/{one}" for one in OWN))
            if own or path.startswith(("/sign-", "/seen", "/login")):
                continue
            assert answer.status_code == 403, path
        assert "Name to show" not in (await guest.get("/people")).text
        page = (await guest.get("/account")).text
        assert "Tokens for programs" not in page
        assert "Security log" not in page
    assert await house.site.accounts.run(tokens.listed) == []


async def test_a_kiosk_shows_and_manages_nothing(house: House) -> None:
    """Not even its own account; it may sign out, and stays signed in for ninety days."""
    await house.append(*VISIT)
    await house.user()
    began = house.site.now_s
    async with await house.signed_in("hall", role="kiosk") as hall:
        house.site.clock = lambda: float(began + 80 * 24 * 3600)
        assert await statuses(hall, "/", "/events/1", "/people") == [200] * 3
        assert await statuses(hall, "/account", "/status", "/unlocks.csv") == [403] * 3
        assert 'href="/account"' not in (await hall.get("/")).text
        for path in POSTS:
            if not path.startswith(("/sign-", "/login")):
                assert (await hall.post(filled(path))).status_code == 403, path
        house.site.clock = lambda: float(began + 91 * 24 * 3600)
        assert (await hall.get("/")).status_code == 303


def test_a_role_that_is_not_known_may_the_least() -> None:
    """As from a file of a later program."""
    for role, path in product(("", "admin", "OWNER"), ("/people/name", "/account/tokens")):
        assert not may(role, "POST", path)
    assert may("admin", "GET", "/")


async def test_a_new_role_ends_the_sessions_and_the_last_owner_stays_one(house: House) -> None:
    """A viewer of today has no owner's session of yesterday."""
    async with await house.signed_in() as owner, await house.signed_in("bela") as bela:
        now = house.site.now_s
        await house.site.accounts.run(lambda c: users.change_role(c, "bela", "viewer", now))
        assert (await bela.get("/")).status_code == 303
        assert (await owner.get("/")).status_code == 200
        for change in (
            lambda c: users.change_role(c, OWNER, "viewer", now),
            lambda c: users.remove(c, OWNER, now),
        ):
            with pytest.raises(BadArgument, match="only owner"):
                await house.site.accounts.run(change)


async def test_a_removed_user_is_signed_out(house: House) -> None:
    """Sessions and tokens go with the account; its name may be given to somebody else."""
    await house.user()
    now = house.site.now_s
    async with await house.signed_in("bela") as bela:
        bela_id = await house.user("bela")
        await house.site.accounts.run(
            lambda c: tokens.add(c, "belas", {"read"}, now, owner_id=bela_id)
        )
        await house.site.accounts.run(lambda c: users.remove(c, "bela", now))
        assert (await bela.get("/")).status_code == 303
    assert await house.site.accounts.run(tokens.listed) == []
    assert await house.user("bela") > bela_id


# ── signed out means at once ───────────────────────────────────────────────────────────────


async def stream_of(house: House, client: httpx.AsyncClient) -> Any:
    """An open stream of a client's session or token, after its first frame."""
    site = house.site
    bearer = client.headers.get("authorization", "").removeprefix("Bearer ")
    if bearer:
        visitor = Visitor(address="here", token=await site.signed_in.token(bearer, site.now_s))
    else:
        secret = client.cookies[site.cookies.session]
        session = await site.signed_in.find(hash_of(secret), site.now_s, touch=False)
        visitor = Visitor(address="here", session=session)
    listening = site.broadcast.listen(
        None, may_continue=lambda: may_continue(site, visitor), heartbeat_s=3600
    )
    assert await anext(listening) == b"retry: 2000\n\n"
    waiting = asyncio.ensure_future(anext(listening))
    await asyncio.sleep(0)
    return waiting


async def test_streams_are_counted_by_the_owner(house: House) -> None:
    """All tokens of a user share the user's places, so that no number of tokens brings more."""
    owner_id = await house.user()
    now = house.site.now_s
    labels = set()
    for number in range(3):
        secret = await house.site.accounts.run(
            lambda c, number=number: tokens.add(c, f"t{number}", {"read"}, now, owner_id=owner_id)  # type: ignore[misc]  # mypy can't infer a lambda with a default
        )
        token = await house.site.signed_in.token(secret, now)
        labels.add(Visitor(address="here", token=token).label)
    assert labels == {f"user {owner_id}"}


@pytest.mark.parametrize("way", ["sign-out", "everywhere", "one session", "token", "outside"])
async def test_signed_out_means_at_once(house: House, way: str) -> None:
    """An open stream ends with the session or the token, not at its next heartbeat."""
    async with await house.signed_in() as owner, await house.signed_in() as other:
        if way == "token":
            async with await house.program("read") as program:
                waiting = await stream_of(house, program)
            (token,) = await house.site.accounts.run(tokens.listed)
            assert (await owner.post(f"/account/tokens/{token.id}/revoke")).status_code == 303
        elif way == "one session":
            waiting = await stream_of(house, other)
            page = (await owner.get("/account")).text
            (number,) = re.findall(r"/account/sessions/([0-9a-f]{16})/end", page)
            assert (await owner.post(f"/account/sessions/{number}/end")).status_code == 303
            assert (await other.get("/")).status_code == 303
            assert (await owner.get("/")).status_code == 200
        elif way == "outside":  # by the command line, in another process
            waiting = await stream_of(house, other)
            await asyncio.sleep(0)
            file = database.accounts_path(house.site.settings.db_path)
            with closing(database.connect(file)) as connection:
                sessions.end_everybodys(connection)
        else:
            waiting = await stream_of(house, owner)
            other_tab = await stream_of(house, owner)
            path = "/sign-out-everywhere" if way == "everywhere" else "/sign-out"
            assert (await owner.post(path)).status_code == 303
            assert await asyncio.wait_for(other_tab, 10) == b"event: signed-out\ndata: {}\n\n"
        assert await asyncio.wait_for(waiting, 10) == b"event: signed-out\ndata: {}\n\n"


async def test_a_user_ends_no_session_of_another(house: House) -> None:
    """The number of another's session ends nothing."""
    await house.user()
    guest_client = await house.signed_in("guest", role="viewer")
    async with guest_client as guest, await house.signed_in() as owner:
        (live,) = await house.site.accounts.run(lambda c: sessions.of_user(c, 1, house.site.now_s))
        await guest.post(f"/account/sessions/{live.number}/end")
        assert (await owner.get("/")).status_code == 200


# ── the password ───────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "password",
    [
        *("password", "Password", "iloveyou", "12345678", "qwertyuiop", "short", "x" * 257),
        *("owner2024", "OWNER!!!", "doorbell1", "eventlog"),
    ],
)
def test_a_common_password_is_refused(password: str) -> None:
    """By the list that zxcvbn brings; the account's own name and this program's are none either."""
    with pytest.raises(BadArgument):
        passwords.require_password(password, OWNER)
    passwords.require_password(PASSWORD, OWNER)


def test_a_password_has_eight_characters_at_least() -> None:
    """Seven that nobody would guess are too few; a word more of them is enough."""
    with pytest.raises(BadArgument, match="8 to"):
        passwords.require_password("zq7#Kxv", OWNER)
    passwords.require_password("zq7#Kxv9", OWNER)


async def test_a_password_is_changed_in_the_browser_with_the_old_one(house: House) -> None:
    """Every other session ends, tokens that are not kept too; this browser stays signed in."""
    owner_id = await house.user(password=PASSWORD)
    now = house.site.now_s
    await house.site.accounts.run(lambda c: tokens.add(c, "mine", {"read"}, now, owner_id=owner_id))
    async with await house.signed_in() as owner, await house.signed_in() as other:
        form = {"old": "wrong", "new": NEW, "again": NEW}
        for wrong in (form, {**form, "old": PASSWORD, "again": "x"}, {**form, "new": "password"}):
            assert (await owner.post("/account/password", data=wrong)).status_code == 400
        assert (await other.get("/")).status_code == 200
        before = owner.cookies[house.site.cookies.session]
        changed = await owner.post("/account/password", data={**form, "old": PASSWORD})
        assert changed.status_code == 303
        assert (await other.get("/")).status_code == 303
        fresh = owner.cookies.get(house.site.cookies.session, domain="127.0.0.1")
        assert fresh not in {None, before}
        async with house.client() as kept:
            kept.cookies.set(house.site.cookies.session, fresh or "")
            assert (await kept.get("/")).status_code == 200
    assert await house.site.accounts.run(tokens.listed) == []
    async with house.client() as client:
        assert (await type_password(client, OWNER, PASSWORD)).status_code == 403
        assert (await type_password(client, OWNER, NEW)).status_code == 303


async def test_a_new_password_is_one_transaction(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where its end fails, the old password, the sessions and the tokens are all as they were."""
    owner_id = await house.user(password=PASSWORD)
    now = house.site.now_s
    await house.site.accounts.run(lambda c: tokens.add(c, "mine", {"read"}, now, owner_id=owner_id))

    def fails(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    async with await house.signed_in() as owner:
        with monkeypatch.context() as patch:
            patch.setattr(security_log, "note", fails)
            form = {"old": PASSWORD, "new": NEW, "again": NEW}
            assert (await owner.post("/account/password", data=form)).status_code >= 500
        assert (await owner.get("/")).status_code == 200
    assert len(await house.site.accounts.run(tokens.listed)) == 1
    user = await house.site.accounts.run(lambda c: users.find(c, OWNER))
    assert users.is_password(user, PASSWORD)


# ── two-step sign-in ───────────────────────────────────────────────────────────────────────


def test_the_codes_are_those_of_rfc_6238() -> None:
    """By the example values of its appendix B, of which six digits are taken."""
    secret = b"12345678901234567890"
    for at, code in ((59, "287082"), (1111111109, "081804"), (20000000000, "353130")):
        assert totp.code_at(secret, at // totp.STEP_S) == code
        assert totp.step_of(secret, code, at) == at // totp.STEP_S
        assert totp.step_of(secret, code, at + 3 * totp.STEP_S) is None
        assert totp.step_of(secret, code, at, after=at // totp.STEP_S) is None


async def test_two_step_sign_in_asks_for_a_code_each_once(house: House) -> None:
    """Password and code, or password and a recovery code; neither is taken twice."""
    await house.user(password=PASSWORD)
    at = house.site.now_s
    house.site.clock = lambda: float(at)
    async with await house.signed_in() as owner:
        typed = await begin_two_step(owner)
        secret = base64.b32decode(typed)
        form = {"secret": typed, "old": PASSWORD}
        wrong = {**form, "code": "000000", "old": "x"}
        assert (await owner.post("/account/two-step", data=wrong)).status_code == 400
        code = totp.code_at(secret, at // totp.STEP_S)
        on = await owner.post("/account/two-step", data={**form, "code": code})
        spare = re.findall(r"<code>([a-z2-9]{5}(?:-[a-z2-9]{5}){3})</code>", on.text)
        assert len(spare) == totp.RECOVERY_CODES

    async def tried(code: str) -> int:
        async with house.client(f"10.0.0.{len(code)}") as client:
            return (await type_password(client, OWNER, PASSWORD, code=code)).status_code

    assert await tried("") == 403
    assert await tried(code) == 403  # it was used to turn it on
    house.site.clock = lambda: float(at + totp.STEP_S)
    fresh = totp.code_at(secret, at // totp.STEP_S + 1)
    assert [await tried(fresh), await tried(fresh)] == [303, 403]
    assert [await tried(spare[0]), await tried(spare[0])] == [303, 403]
    written = database.accounts_path(house.site.settings.db_path).read_bytes()
    assert spare[1].replace("-", "").encode() not in written


# ── the security log ───────────────────────────────────────────────────────────────────────


async def test_the_security_log_tells_the_owner_who_came_and_who_tried(house: House) -> None:
    """Sign-ins, wrong guesses, tokens and roles, with where from; a removed account by its id."""
    await house.user(password=PASSWORD)
    guest_id = await house.user("guest", role="viewer")
    now = house.site.now_s
    async with house.client("203.0.113.9") as robber:
        await type_password(robber, OWNER, "a wrong password")
    await house.site.accounts.run(lambda c: tokens.add(c, "feed", {"append"}, now))
    await house.site.accounts.run(lambda c: users.change_role(c, "guest", "kiosk", now))
    await house.site.accounts.run(lambda c: users.remove(c, "guest", now))
    async with house.client("192.0.2.7") as owner:
        await type_password(owner, OWNER, PASSWORD)
        page = (await owner.get("/account")).text
    for told in (
        "Wrong password",
        "203.0.113.9",
        "Signed in",
        "192.0.2.7",
        "Token made",
        "token feed",
        "Role changed: viewer to kiosk",
        f"removed account {guest_id}",
    ):
        assert told in page, told
    assert "guest" not in page


def test_a_flood_of_guesses_pushes_nothing_else_out_of_the_log() -> None:
    """Guesses have a limit of their own, and the file stays bounded."""
    with closing(database.in_memory()) as connection:
        security_log.note(connection, "role changed", 1)
        for number in range(security_log.GUESSES_MAX + 500):
            security_log.note(connection, "wrong password", number)
        found = security_log.newest(connection, 100_000)
    assert len(found) == security_log.GUESSES_MAX + 1
    assert found[-1].kind == "role changed"


@pytest.mark.parametrize("path", ["//status", "//account", "//unlocks.csv", "//metrics"])
async def test_no_second_spelling_of_an_address_gets_past_a_role(house: House, path: str) -> None:
    """The router passes over empty parts; what a role may see is decided before it."""
    await house.user()
    for role in ("owner", "kiosk"):
        async with await house.signed_in(f"some-{role}", role=role) as client:
            address = f"{str(client.base_url).rstrip('/')}{path}"
            assert (await client.get(address)).status_code == 404


def test_an_address_has_one_spelling() -> None:
    """Empty parts and dots alone are no address; an end in a slash is the same one."""
    for path in ("/", "/status", "/status/", "/events/1", "/static/a..b.css"):
        assert is_plain(path)
    for path in ("//", "//status", "/events//1", "/./status", "/static/../status", "/status//"):
        assert not is_plain(path)
