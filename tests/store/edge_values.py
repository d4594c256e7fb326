"""Values that break programs: what any argument of a public function may be handed.

Plain values only, as a caller's variables or a foreign message may hold them; objects with
methods of their own that raise are programs, and nobody's guard.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import reduce
from struct import unpack
from typing import Any, Final
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from eventlog import EventFilter, Motion
from eventlog.projections.unlock_actions import UnlockFilter


class _Text(str):
    __slots__ = ()


class _Int(int):
    __slots__ = ()


class _NoOffset(tzinfo):
    """A zone that does not know its offset, which tzinfo allows."""

    def utcoffset(self, _: datetime | None) -> None:
        return None

    dst = tzname = utcoffset


BERLIN: Final = ZoneInfo("Europe/Berlin")
NO_OFFSET: Final = datetime(2026, 2, 25, 10, 30, tzinfo=_NoOffset())
BEFORE_TIME: Final = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
AFTER_TIME: Final = datetime(9999, 12, 31, 23, tzinfo=timezone(timedelta(hours=-14)))
TEN_MB: Final = "x" * 10_000_000
DEEP: Final[list[Any]] = reduce(lambda inner, _: [inner], range(100_000), [])
T: Final = "2026-02-25T10:30:00"

NUMBERS: Final[list[Any]] = [
    *(0, 1, -1, 2**31, 2**31 + 1, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64),
    *(10**5000, math.nan, math.inf, -math.inf, -0.0, 0.5, 3.0, 1e308, 5e-324),
    *(True, False, _Int(5), 1j, Decimal("0.5"), Decimal("NaN")),
]
TEXTS: Final[list[Any]] = [
    *(
        "",
        "x",
        "\0",
        "a\0b",
        "\n",
        "\ud800",
        "a\udfffb",
        "\u202eabc",
        "e\u0301",
        "\ufeffx",
        "🙂" * 65,
    ),
    *(TEN_MB, _Text("x"), "' OR 1=1 --", "motion", "granted", "none", "NaN", "null"),
    *("..", "../../x", "/etc/passwd", "thumbnails/../x", "file:x?mode=memory", ":memory:"),
    *(b"x", bytearray(b"x"), memoryview(b"x")),
]
TIMES: Final[list[Any]] = [
    *(datetime(2026, 2, 25), datetime.min, datetime.max, BEFORE_TIME, AFTER_TIME, NO_OFFSET),  # noqa: DTZ001, DTZ901 - naive ones are the point
    *(datetime(2026, 3, 29, 2, 30, tzinfo=BERLIN), date(2026, 2, 25), timedelta(1), T),
    *("2016-12-31T23:59:60Z", "10000-01-01", "0001-01-01T00:00:00+14:00"),
]
OTHERS: Final[list[Any]] = [
    *(None, [], {}, (), set(), [None], ["x"], {"label": "x"}, object(), int, print, DEEP),
    *((T, 1), (T, 2**63), (T, -1), (T, "x"), (T, None), (T, 1.5), (T, True), (T, 1, 2), (None, 1)),
    *(("\ud800", 1), ("x", 1), ("0001-01-01T00:00:00+14:00", 1), [T, 1], (1, T)),
    *(Motion(camera_id="x", recorded_at=datetime(2026, 1, 1, tzinfo=UTC)), Exception("x")),
    *(EventFilter(), UnlockFilter(), EventFilter(person="x"), StopIteration()),
]
EDGES: Final[list[Any]] = [*NUMBERS, *TEXTS, *TIMES, *OTHERS]


def anything() -> SearchStrategy[Any]:
    """An edge, or any plain value."""
    plain = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats()
        | st.text(st.characters(categories=["L", "Cs", "Cc", "Cf", "So"]))
        | st.binary()
        | st.datetimes(timezones=st.none() | st.timezones())
        | st.sampled_from(EDGES)
    )
    return plain | st.lists(plain, max_size=3) | st.tuples(plain, plain)


def _text(rng: random.Random) -> str:
    points = rng.choices([range(1, 128), range(0x20AC, 0xE000)], [9, 1], k=rng.randrange(1, 80))
    return "".join(chr(rng.choice(some)) for some in points)


def _moment(rng: random.Random) -> datetime:
    zone = timezone(timedelta(minutes=rng.randrange(-1439, 1440)))
    return datetime.min.replace(tzinfo=zone) + timedelta(days=rng.uniform(0, 3_652_058))


_MAKERS: Final[list[Callable[[random.Random], Any]]] = [
    lambda rng: rng.choice(EDGES),
    lambda rng: rng.getrandbits(rng.randrange(1, 80)) * rng.choice([1, -1]),
    lambda rng: unpack("d", rng.randbytes(8))[0],
    lambda rng: rng.uniform(-0.5, 1.5),
    lambda rng: rng.randbytes(rng.choice([0, 31, 32, 32, 33])),
    lambda rng: rng.choice([None, True, False, "none", "unlocked", "pixels", 1]),
    _text,
    _moment,
]


def random_value(rng: random.Random) -> Any:
    """A plain value of any sort, drawn as quickly as thousands of them ask for."""
    return rng.choice(_MAKERS)(rng)


def shown(value: object) -> str:
    """A value in a failure's message."""
    # Neither has a repr.
    endless = value is DEEP or (isinstance(value, int) and value.bit_length() > 10_000)
    return f"{type(value).__name__} {'…' if endless else ascii(value)[:60]}"
