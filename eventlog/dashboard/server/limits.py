"""Limits on what is open at once: streams, bytes of bodies, requests of one address.

Knows no request.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from eventlog.errors import EventLogError

STREAMS: Final = 64
STREAMS_EACH: Final = 12

FORM_BYTES: Final = 64 * 1024
FACTS_BYTES: Final = 4 * 1024 * 1024
PICTURE_BYTES: Final = 8 * 1024 * 1024
BODY_S: Final = 10.0  # a body that is not complete by then is refused


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
        """Reserve a place for a stream. Raises TooMany if there is none."""
        if self.count >= STREAMS or self._open[whose] >= STREAMS_EACH:
            raise TooMany("too many open streams", 10)
        self._open[whose] += 1
        try:
            yield
        finally:
            self._open[whose] -= 1
            if not self._open[whose]:
                del self._open[whose]
