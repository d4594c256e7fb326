"""Guesses and streams are counted; the counts are the promise."""

from __future__ import annotations

import pytest

from eventlog.dashboard.limits import (
    PER_ACCOUNT,
    PER_SOURCE,
    STREAMS,
    STREAMS_EACH,
    Attempts,
    Streams,
    TooMany,
    source_of,
)


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def admitted(attempts: Attempts, account: str, source: str, *, known: bool = False) -> bool:
    """Whether a guess may be checked."""
    try:
        attempts.admit(account, source, known=known)
    except TooMany:
        return False
    return True


def test_one_address_is_checked_ten_times_a_minute_and_the_account_a_hundred_an_hour() -> None:
    """10,000 guesses over an hour from one address; the owner's own address gets in throughout."""
    clock = Clock()
    attempts = Attempts(clock)
    checked: list[float] = []
    for number in range(10_000):
        clock.now = 1000 + number * 0.36
        if admitted(attempts, "owner", "203.0.113.9"):
            checked.append(clock.now)
        if number % 1000 == 0:
            assert admitted(attempts, "owner", "192.168.1.2", known=True)
    for start in checked:
        assert sum(start <= at < start + 60 for at in checked) <= PER_SOURCE
    assert len(checked) <= PER_ACCOUNT
    assert admitted(attempts, "owner", "198.51.100.77")


def test_many_addresses_together_are_checked_a_hundred_times_an_hour() -> None:
    """10,000 guesses from as many addresses; one that the account knows gets in all the same."""
    clock = Clock()
    attempts = Attempts(clock)
    checked = 0
    for number in range(10_000):
        clock.now += 0.3
        checked += admitted(attempts, "owner", f"10.1.{number // 250}.{number % 250}")
    assert checked <= PER_ACCOUNT
    assert admitted(attempts, "owner", "192.168.1.2", known=True)
    clock.now += 3600
    assert admitted(attempts, "owner", "10.1.0.0")


def test_a_right_password_costs_nothing_of_the_accounts_room() -> None:
    """Whoever signs in and out all day, however quickly, is not kept out by it."""
    clock = Clock()
    attempts = Attempts(clock)
    for _ in range(1000):
        clock.now += 1
        assert admitted(attempts, "owner", "192.168.1.2")
        attempts.forgive("owner", "192.168.1.2")


def test_an_ipv6_network_is_one_source() -> None:
    """Addresses within one /64 are one household's, or one attacker's."""
    assert source_of("2001:db8::1") == source_of("2001:db8::ffff:1")
    assert source_of("2001:db8::1") != source_of("2001:db8:0:1::1")
    assert source_of("::ffff:192.0.2.1") == source_of("192.0.2.1") == "192.0.2.1"
    assert source_of("fe80::1%eth0") == "fe80::/64"
    assert source_of("not an address") == "not an address"


def test_streams_are_bounded_for_each_and_in_all() -> None:
    """One user can't take all places, and all users together no more than there are."""
    streams = Streams()
    places = []
    for number in range(STREAMS):
        place = streams.one_more(f"user {number // STREAMS_EACH}")
        place.__enter__()
        places.append(place)
        if number == STREAMS_EACH - 1:
            with pytest.raises(TooMany), streams.one_more("user 0"):
                pass
    with pytest.raises(TooMany), streams.one_more("somebody else"):
        pass
    for place in places:
        place.__exit__(None, None, None)
    assert streams.count == 0
