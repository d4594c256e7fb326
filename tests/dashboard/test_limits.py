"""Open streams are counted for each address."""

from __future__ import annotations

import pytest

from eventlog.dashboard.server.limits import STREAMS, STREAMS_EACH, Streams, TooMany, source_of


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
