"""Guesses of a password: slow for whoever guesses, never a lock before the owner's own door.

By a clock that the tests move; the last ones sign in for real.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random

import pytest

from eventlog.dashboard.accounts import database as accounts
from eventlog.dashboard.accounts import passwords, throttle, users
from eventlog.dashboard.accounts.throttle import (
    HOUR_S,
    MINUTE_S,
    PER_ACCOUNT,
    PER_SOURCE,
    PER_SOURCE_HOUR,
    TYPOS,
)
from eventlog.dashboard.manage import add_user, make_link
from eventlog.dashboard.server.limits import TooMany
from tests.dashboard.house import (
    OWNER,
    PASSWORD,
    House,
    hidden_fields,
    open_house,
    type_password,
)

GUESSES = 10_000
START = 1_750_000_000.0
ROBBER = "203.0.113.9"
ACCOUNT = throttle.account_of(OWNER)


@pytest.fixture
def file(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    """The accounts, open; what is written need not outlive the machine."""
    with closing(accounts.connect(tmp_path / "events.db.users")) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        yield connection


def checked(
    file: sqlite3.Connection,
    source: str,
    now: float,
    *,
    known: bool = False,
    account: bytes = ACCOUNT,
) -> bool:
    """Whether a wrong guess is checked."""
    try:
        throttle.admit(file, source, account, now, known=known)
    except TooMany:
        return False
    return True


def gets_in(file: sqlite3.Connection, source: str, now: float, *, known: bool = False) -> bool:
    """Whether the right password would be checked, and so get in."""
    try:
        throttle.forgive(file, throttle.admit(file, source, ACCOUNT, now, known=known))
    except TooMany:
        return False
    return True


def most_within(times: list[float], seconds: float) -> int:
    """The highest number of times within a span of seconds."""
    return max(sum(at <= one < at + seconds for one in times) for at in times)


def test_ten_thousand_guesses_from_one_address_are_slow(file: sqlite3.Connection) -> None:
    """Ten a minute and forty an hour at most; another address gets in at every moment."""
    times = []
    for number in range(GUESSES):
        now = START + number
        if checked(file, ROBBER, now):
            times.append(now)
        if number % 500 == 0:
            assert gets_in(file, "198.51.100.7", now)
            assert gets_in(file, "anywhere", now, known=True)
    assert most_within(times, MINUTE_S) == PER_SOURCE
    assert most_within(times, HOUR_S) <= PER_SOURCE_HOUR


@pytest.mark.parametrize("addresses", [27, 500, GUESSES])
def test_ten_thousand_guesses_from_many_addresses_are_slow(
    file: sqlite3.Connection, addresses: int
) -> None:
    """A hundred an hour for one account; the owner's own browser gets in at every moment."""
    random = Random(addresses)
    times: list[float] = []
    each: dict[str, list[float]] = {}
    for number in range(GUESSES):
        now = START + number
        source = f"10.{random.randrange(addresses)}"
        if checked(file, source, now):
            times.append(now)
            each.setdefault(source, []).append(now)
        if number % 3_700 == 0:
            for _ in range(TYPOS):
                assert checked(file, "anywhere", now, known=True)
            assert gets_in(file, "anywhere", now, known=True)
    assert most_within(times, HOUR_S) <= PER_ACCOUNT
    assert all(most_within(one, MINUTE_S) <= PER_SOURCE for one in each.values())


def test_a_guest_locks_no_owner_out(file: sqlite3.Connection) -> None:
    """Neither cookies of the guest's own account nor addresses nor guesses at another account do.

    34 browsers that signed in as the guest, three guesses each, and 27 addresses once used up all
    attempts for the owner's account.
    """
    guest = throttle.account_of("guest")
    for number in range(34):
        for _ in range(3):
            checked(file, f"10.0.1.{number}", START, known=True, account=guest)
            checked(file, f"10.0.1.{number}", START)
    for number in range(27):
        for _ in range(PER_SOURCE):
            checked(file, f"10.0.2.{number}", START)
    assert gets_in(file, "10.0.1.1", START, known=True)
    # And the guesses for one account are none for another, whatever address they come from.
    assert checked(file, "10.0.3.1", START, account=throttle.account_of("bela"))


def test_all_known_browsers_of_an_account_share_one_allowance(file: sqlite3.Connection) -> None:
    """One that was stolen is slow, and so are as many as an account's guesses can bring."""
    times = []
    for number in range(GUESSES):
        now = START + number / 3
        if checked(file, f"10.{number}", now, known=True):
            times.append(now)
    assert most_within(times, MINUTE_S) <= PER_SOURCE
    assert most_within(times, HOUR_S) <= PER_SOURCE_HOUR


def test_no_account_is_told_from_one_that_there_is_not(file: sqlite3.Connection) -> None:
    """An unknown name is slowed down in the same way, and is not stored as it was typed."""
    counts = []
    for name in ("owner", "my password, typed into the wrong field"):
        account = throttle.account_of(name)
        counts.append(
            sum(checked(file, f"10.{n}.{len(name)}", START, account=account) for n in range(300))
        )
    assert counts == [PER_ACCOUNT, PER_ACCOUNT]
    kept = b"".join(row[0] for row in file.execute("SELECT account FROM guesses"))
    assert b"password" not in kept


def test_a_right_password_costs_nothing(file: sqlite3.Connection) -> None:
    """A user who signs in and out all day, however quickly, is not locked out."""
    assert all(gets_in(file, "192.168.1.2", START + number) for number in range(1_000))


def test_a_guess_is_forgotten_after_an_hour(file: sqlite3.Connection) -> None:
    """And the file holds none that no longer counts."""
    while checked(file, ROBBER, START):
        pass
    with pytest.raises(TooMany) as refused:
        throttle.admit(file, ROBBER, ACCOUNT, START, known=False)
    assert refused.value.wait_s == MINUTE_S
    assert checked(file, ROBBER, START + HOUR_S)
    assert file.execute("SELECT count(*) FROM guesses").fetchone() == (1,)


def test_a_clock_that_is_set_back_locks_nobody_out_for_long(file: sqlite3.Connection) -> None:
    """Guesses out of the future count as made now: an hour later they are forgotten."""
    ahead = START + 10 * 365 * 24 * HOUR_S
    for minute in range(10):
        for _ in range(PER_SOURCE):
            checked(file, f"10.{minute}", ahead)
    assert not checked(file, "10.1", START)
    assert checked(file, "10.1", START + HOUR_S)


def test_an_older_file_gets_the_tables_that_it_lacks(tmp_path: Path) -> None:
    """Users and their passwords stay."""
    path = tmp_path / "events.db.users"
    with closing(accounts.connect(path)) as connection:
        users.add(connection, OWNER, None, 1)
        connection.execute("DROP TABLE guesses")
        connection.execute("DROP TABLE devices")
        connection.execute("PRAGMA user_version = 0")
    with closing(accounts.connect(path)) as connection:
        assert users.find(connection, OWNER) is not None
        assert checked(connection, ROBBER, START)


# ── at the door itself ─────────────────────────────────────────────────────────────────────


@pytest.mark.anyio
async def test_guesses_are_remembered_over_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who has guessed ten times waits, though the dashboard was restarted meanwhile."""
    monkeypatch.setattr(users, "is_password", lambda _user, password: password == PASSWORD)
    async with open_house(tmp_path) as house, house.client(ROBBER) as robber:
        await house.user(password=PASSWORD)
        for number in range(PER_SOURCE):
            answer = await type_password(robber, OWNER, f"guess number {number}")
            assert answer.status_code == 403
    async with open_house(tmp_path) as house:
        async with house.client(ROBBER) as robber:
            refused = await type_password(robber, OWNER, PASSWORD)
            assert refused.status_code == 429
            assert 0 < int(refused.headers["retry-after"]) <= MINUTE_S
        async with house.client("198.51.100.2") as owner:
            assert (await type_password(owner, OWNER, PASSWORD)).status_code == 303


@pytest.mark.anyio
async def test_a_browser_that_signed_in_before_gets_in_during_an_attack(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From wherever it comes; a cookie that somebody planted does not help, and is replaced."""
    monkeypatch.setattr(users, "is_password", lambda _user, password: password == PASSWORD)
    await house.user(password=PASSWORD)
    async with house.client("192.0.2.1") as owner, house.client("192.0.2.2") as other:
        owner.cookies.set(house.site.cookies.device, "planted")
        assert (await type_password(owner, OWNER, PASSWORD)).status_code == 303
        await owner.post("/sign-out", headers={"x-csrf-token": "0"})
        device = owner.cookies.get(house.site.cookies.device, domain="127.0.0.1")
        assert device not in {None, "planted"}
        now = house.site.clock()
        for number in range(PER_ACCOUNT):
            await house.site.accounts.run(
                lambda c, number=number: checked(c, f"10.{number}", now)  # type: ignore[misc]  # mypy can't infer a lambda with a default
            )
        assert (await type_password(other, OWNER, PASSWORD)).status_code == 429
        other.cookies.set(house.site.cookies.device, "planted")
        assert (await type_password(other, OWNER, PASSWORD)).status_code == 429
        async with house.client("192.0.2.3") as roaming:
            roaming.cookies.set(house.site.cookies.device, device or "")
            assert (await type_password(roaming, OWNER, PASSWORD)).status_code == 303
        # Who has the machine itself is not kept waiting by what others did.
        add_user(str(house.site.settings.db_path), OWNER, PASSWORD)
        assert (await type_password(other, OWNER, PASSWORD)).status_code == 303


def test_a_new_browser_waits_an_hour_at_most(file: sqlite3.Connection) -> None:
    """For as long as strangers of very many addresses guess, and as long as it was told at most."""
    random = Random(1)
    for number in range(GUESSES):
        checked(file, f"10.{random.randrange(GUESSES)}", START + number)
    stopped = START + GUESSES
    with pytest.raises(TooMany) as refused:
        throttle.admit(file, "198.51.100.7", ACCOUNT, stopped, known=False)
    assert 0 < refused.value.wait_s <= HOUR_S
    assert gets_in(file, "198.51.100.7", stopped + refused.value.wait_s)


@pytest.mark.anyio
async def test_a_new_browser_of_the_owner_is_told_what_does_not_wait(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A code that is made on the machine lets it in while the guesses go on, and it is known then.

    A name that there is not gets the same words.
    """
    monkeypatch.setattr(users, "is_password", lambda _user, password: password == PASSWORD)
    await house.user(password=PASSWORD)
    now = house.site.clock()

    def guess(connection: sqlite3.Connection) -> None:
        for name in (OWNER, "nobody"):
            for number in range(PER_ACCOUNT + 1):
                checked(connection, f"10.{number}", now, account=throttle.account_of(name))

    async with house.client("198.51.100.7") as new:
        await house.site.accounts.run(guess)
        told = []
        for name in (OWNER, "nobody"):
            refused = await type_password(new, name, PASSWORD)
            assert refused.status_code == 429
            assert int(refused.headers["retry-after"]) <= HOUR_S
            told += re.findall(r"Too many attempts, [^<]*user link NAME", refused.text)
        assert len(set(told)) == 1
        assert len(told) == 2
        code = make_link(str(house.site.settings.db_path), OWNER)
        fields = hidden_fields((await new.get("/sign-in")).text)
        assert (await new.post("/sign-in", data={**fields, "code": code})).status_code == 303
        await new.post("/sign-out")
        new.cookies.delete(house.site.cookies.session)
        assert (await type_password(new, OWNER, PASSWORD)).status_code == 303


def test_every_guess_takes_one_whole_comparison(monkeypatch: pytest.MonkeyPatch) -> None:
    """A guess takes one argon2 comparison, also for an unknown name: the time reveals no name."""
    hashed = passwords.hash_password(PASSWORD)
    compared: list[str] = []
    verify = passwords._hasher().verify

    class Noted:
        def verify(self, stored: str, password: bytes) -> bool:
            compared.append(stored)
            return verify(stored, password)

    passwords._nobodys_hash()
    monkeypatch.setattr(passwords, "_hasher", Noted)
    for user, password, right in (
        (users.User(1, OWNER, hashed), PASSWORD, True),
        (users.User(1, OWNER, hashed), PASSWORD[:-1], False),
        (users.User(2, "demo", None), PASSWORD, False),
        (None, PASSWORD, False),
        (None, "nobody's password", False),
    ):
        compared.clear()
        assert users.is_password(user, password) is right
        assert len(compared) == 1
        assert compared[0].startswith("$argon2id$v=19$m=65536,t=3,p=4$")
