"""How often and how much: guesses of a password, open streams, bytes of a body.

In memory, by a monotonic clock that tests replace. Knows no request.
"""

from __future__ import annotations

import ipaddress
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from eventlog.errors import EventLogError

T = TypeVar("T")

MINUTE_S: Final = 60.0
HOUR_S: Final = 3600.0
PER_SOURCE: Final = 10  # guesses checked in a minute from one address
PER_ACCOUNT: Final = 100  # guesses checked in an hour for one account, from addresses unknown to it
RESERVED: Final = 20  # of those, kept for addresses that have not guessed wrong within the hour
REMEMBERED: Final = 10_000  # addresses and accounts that are counted at once

STREAMS: Final = 64
STREAMS_EACH: Final = 12

FORM_BYTES: Final = 64 * 1024
FACTS_BYTES: Final = 4 * 1024 * 1024
PICTURE_BYTES: Final = 8 * 1024 * 1024
BODY_S: Final = 15.0  # a body that is not whole by then is refused


class TooMany(EventLogError):
    """Too many at once, or too often; `wait_s` is when it may work again."""

    def __init__(self, what: str, wait_s: float) -> None:
        self.wait_s = wait_s
        super().__init__(what)


def source_of(address: str) -> str:
    """What counts as one source: an IPv4 address, or the /64 of an IPv6 one."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if parsed.version == 4:  # noqa: PLR2004 - IPv4
        return str(parsed)
    if parsed.ipv4_mapped is not None:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))


class Attempts:
    """Guesses of passwords, counted by address and by account.

    An address may guess ten times a minute. An account is guessed at a hundred times an hour,
    twenty of which only addresses may use that have not guessed wrong in that hour. An address
    from which the account signed in before is bound by the first rule only, so that its owner
    gets in whatever others do.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sources: OrderedDict[str, deque[float]] = OrderedDict()
        self._accounts: OrderedDict[str, deque[tuple[float, str]]] = OrderedDict()

    def admit(self, account: str, source: str, *, known: bool) -> None:
        """Count a guess that is about to be checked. Raises TooMany where it may not be."""
        now = self._clock()
        tries = _kept(self._sources, source)
        while tries and tries[0] <= now - MINUTE_S:
            tries.popleft()
        if len(tries) >= PER_SOURCE:
            raise TooMany("too many attempts from this address", tries[0] + MINUTE_S - now)
        if not known:
            self._admit_to_account(account, source, now)
        tries.append(now)

    def forgive(self, account: str, source: str) -> None:
        """Take back the last guess of a source: it was right."""
        tries = self._sources.get(source)
        if tries:
            tries.pop()
        guesses = self._accounts.get(account)
        if guesses and guesses[-1][1] == source:
            guesses.pop()

    def _admit_to_account(self, account: str, source: str, now: float) -> None:
        guesses = _kept(self._accounts, account)
        while guesses and guesses[0][0] <= now - HOUR_S:
            guesses.popleft()
        fresh = all(guesser != source for _, guesser in guesses)
        room = PER_ACCOUNT if fresh else PER_ACCOUNT - RESERVED
        if len(guesses) >= room:
            raise TooMany("too many attempts on this account", guesses[0][0] + HOUR_S - now)
        guesses.append((now, source))


def _kept(counted: OrderedDict[str, deque[T]], key: str) -> deque[T]:
    found = counted.get(key)
    if found is None:
        found = counted[key] = deque()
        if len(counted) > REMEMBERED:
            counted.popitem(last=False)
    counted.move_to_end(key)
    return found


class Streams:
    """How many live streams are open, in all and for each of those who look."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    @property
    def count(self) -> int:
        """How many are open."""
        return self._open.total()

    @contextmanager
    def one_more(self, whose: str) -> Iterator[None]:
        """Hold a place for a stream. Raises TooMany where there is none."""
        if self.count >= STREAMS or self._open[whose] >= STREAMS_EACH:
            raise TooMany("too many open streams", 10)
        self._open[whose] += 1
        try:
            yield
        finally:
            self._open[whose] -= 1
            if not self._open[whose]:
                del self._open[whose]
