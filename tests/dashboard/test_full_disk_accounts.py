"""Accounts while their file can't be written, and what ends with an account's password or role."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable

import pytest

from eventlog.dashboard.accounts import shared_links, tokens, totp, users
from eventlog.dashboard.accounts.tokens import Limits
from eventlog.errors import DatabaseError, DiskFull
from tests.dashboard.house import (
    OWNER,
    PASSWORD,
    VISIT,
    House,
    begin_two_step,
    type_password,
)

pytestmark = pytest.mark.anyio

SECRET = b"12345678901234567890"
Change = Callable[[House], Awaitable[object]]


class FullDisk:
    """Makes the accounts file refuse every write, and take them again."""

    def __init__(self, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
        self._run = house.site.accounts.run
        self.is_full = False
        monkeypatch.setattr(house.site.accounts, "run", self._guarded)
        monkeypatch.setattr(
            "eventlog.dashboard.accounts.users.is_password",
            lambda _user, password: password == PASSWORD,
        )

    async def _guarded(self, function):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - any function of a connection
        def reading(connection):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202 - likewise
            connection.execute("PRAGMA query_only = ON")
            try:
                return function(connection)
            finally:
                connection.execute("PRAGMA query_only = OFF")

        if not self.is_full:
            return await self._run(function)
        try:
            return await self._run(reading)
        except DatabaseError as error:
            raise DiskFull("events.db.users: database or disk is full") from error


@pytest.fixture
def disk(house: House, monkeypatch: pytest.MonkeyPatch) -> FullDisk:
    """The disk under the accounts."""
    return FullDisk(house, monkeypatch)


async def removed(house: House) -> object:
    """The account is removed, by the command line in another process."""
    return await house.site.accounts.run(lambda c: users.remove(c, OWNER, house.site.now_s))


async def made_a_viewer(house: House) -> object:
    """The account gets another role."""
    now = house.site.now_s
    return await house.site.accounts.run(lambda c: users.change_role(c, OWNER, "viewer", now))


async def given_a_password(house: House) -> object:
    """The account gets another password."""
    now = house.site.now_s
    return await house.site.accounts.run(lambda c: users.set_password(c, 1, "new hash", now))


@pytest.mark.parametrize("change", [removed, made_a_viewer, given_a_password])
async def test_a_session_that_began_on_a_full_disk_ends_with_its_account(
    house: House, disk: FullDisk, change: Change
) -> None:
    """It is in memory alone, and outlives neither the account nor its role nor its password."""
    await house.user(password=PASSWORD)
    await house.user("bela")
    disk.is_full = True
    async with house.client() as client:
        assert (await type_password(client, OWNER, PASSWORD)).status_code == 303
        assert (await client.get("/")).status_code == 200
        disk.is_full = False
        await change(house)
        assert (await client.get("/")).status_code == 303


async def test_signing_out_everywhere_works_on_a_full_disk(house: House, disk: FullDisk) -> None:
    """The other browser's session is over at once, and stays so when the disk has room again."""
    async with await house.signed_in() as client, await house.signed_in() as stolen:
        disk.is_full = True
        assert (await client.post("/sign-out-everywhere")).status_code == 303
        assert (await stolen.get("/")).status_code == 303
        disk.is_full = False
        assert (await stolen.get("/")).status_code == 303


async def test_two_steps_sign_in_on_a_full_disk_and_no_code_is_taken_twice(
    house: House, disk: FullDisk
) -> None:
    """Neither while the disk is full nor after it; a recovery code has to wait for room."""
    await house.user(password=PASSWORD)
    at = house.site.now_s
    spare = await house.site.accounts.run(
        lambda c: totp.turn_on(c, 1, SECRET, at, used_step=at // totp.STEP_S)
    )
    house.site.clock = lambda: float(at + 2 * totp.STEP_S)
    code = totp.code_at(SECRET, at // totp.STEP_S + 2)

    async def tried(typed: str, address: str) -> int:
        async with house.client(address) as client:
            return (await type_password(client, OWNER, PASSWORD, code=typed)).status_code

    disk.is_full = True
    assert await tried(code, "192.0.2.1") == 303
    assert await tried(code, "192.0.2.2") == 403
    assert await tried(spare[0], "192.0.2.3") == 403
    disk.is_full = False
    assert await tried(code, "192.0.2.4") == 403
    assert [await tried(spare[0], "192.0.2.5"), await tried(spare[0], "192.0.2.6")] == [303, 403]


async def test_the_code_of_a_phone_that_is_ahead_turns_two_steps_on_once(house: House) -> None:
    """A code of the next half minute is used up by that, and signs nobody in afterwards."""
    await house.user(password=PASSWORD)
    at = house.site.now_s
    house.site.clock = lambda: float(at)
    async with await house.signed_in() as owner:
        typed = await begin_two_step(owner)
        code = totp.code_at(base64.b32decode(typed), at // totp.STEP_S + 1)
        form = {"secret": typed, "old": PASSWORD, "code": code}
        assert (await owner.post("/account/two-step", data=form)).status_code == 200
    async with house.client() as thief:
        assert (await type_password(thief, OWNER, PASSWORD, code=code)).status_code == 403


async def test_an_owner_who_becomes_a_viewer_keeps_nothing_that_owners_hand_out(
    house: House,
) -> None:
    """Neither a token, unless it is kept by name, nor a link that shares an event."""
    await house.append(*VISIT)
    await house.user()
    bela = await house.user("bela")
    now = house.site.now_s
    run = house.site.accounts.run
    await run(lambda c: tokens.add(c, "feed", {"append"}, now, owner_id=bela))
    await run(
        lambda c: tokens.add(c, "kept", {"append"}, now, owner_id=bela, limits=Limits(kept=True))
    )
    await run(lambda c: shared_links.make(c, bela, 1, now))
    await run(lambda c: users.change_role(c, "bela", "viewer", now))
    assert [token.name for token in await run(tokens.listed)] == ["kept"]
    assert await run(lambda c: c.execute("SELECT * FROM shared_links").fetchall()) == []
