"""`DB_PATH.outside`: what the notary last knew of the places that keep heads, for status pages.

Written by the notary whenever something changes, and read by other processes. It proves nothing: a
program that may write the log may write it too. The proof is in the places themselves.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from eventlog.storage.paths import outside_path
from eventlog.storage.side_files import make_side_file, read_side_file

# A place that fails for so long is a fault, and no longer a short cut of the network.
FAULT_AFTER_S: Final = 300.0
_SIZE_MAX: Final = 256 * 1024


class Place(Struct, frozen=True, kw_only=True):
    """One place that heads go to. Times are microseconds since 1970, None for never.

    `size` is how many records the newest head there covers, `at_us` when it came there.
    """

    name: str
    kind: str
    size: int = 0
    at_us: int | None = None
    failing_since_us: int | None = None
    error: str | None = None

    def is_faulty(self, now_us: int) -> bool:
        """Whether the place has failed for long."""
        since = self.failing_since_us
        return since is not None and now_us - since > FAULT_AFTER_S * 1e6


class Outside(Struct, frozen=True, kw_only=True):
    """What the notary knows: how far it has signed, what keeps it, and its places.

    `name` is what its heads are signed under: the log's, in its era.
    """

    name: str = ""
    signed: int = 0
    signed_at_us: int | None = None
    trouble: str | None = None
    places: tuple[Place, ...] = ()

    @property
    def kept(self) -> int:
        """How many records the newest outside head covers."""
        return max((place.size for place in self.places), default=0)

    @property
    def witnessed(self) -> int:
        """How many records the newest head that a witness has cosigned covers."""
        return max((place.size for place in self.places if place.kind == "witness"), default=0)

    def fault(self, now_us: int) -> str | None:
        """What is wrong, as a sentence; None if all is well."""
        if self.trouble is not None:
            return self.trouble
        faulty = next((place for place in self.places if place.is_faulty(now_us)), None)
        return None if faulty is None else f"{faulty.name} takes no head: {faulty.error}"

    def age_s(self, now_us: int) -> float | None:
        """How old the newest outside head is, in seconds; None if there is none."""
        times = [place.at_us for place in self.places if place.at_us is not None]
        return max(0.0, (now_us - max(times)) / 1e6) if times else None

    def kept_of(self, position: int) -> list[Place]:
        """The places that have a head which covers a record."""
        return [place for place in self.places if place.size >= position]


def anchored(known: Outside | None, first: int, last: int, at: Callable[[int], str]) -> str | None:
    """Where records are anchored, as a sentence for people; None if heads are not signed.

    `at` shows a time in microseconds since 1970.
    """
    if known is None:
        return None
    places = known.kept_of(last)
    times = [place.at_us for place in places if place.at_us is not None]
    if places:
        names = ", ".join(place.name for place in places)
        when = f" of {at(max(times))}" if times else ""
        return f"in a signed head{when}, kept at: {names}"
    if any(place.size >= first for place in known.places):
        return "only its first records are in an outside head yet"
    if known.signed >= last:
        return "in a signed head of this machine, not in an outside head yet"
    return "not in an outside head yet"


def read(db_path: Path) -> Outside | None:
    """What the notary knew; None if there was none, or its file can't be read."""
    try:
        return _decoder.decode(read_side_file(outside_path(db_path), _SIZE_MAX))
    except (OSError, msgspec.MsgspecError, ValueError):
        return None  # it is a hint: the places themselves know


def write(db_path: Path, known: Outside) -> None:
    """Leave what the notary knows, in the place of what it knew. Raises OSError."""
    path = outside_path(db_path)
    spare = path.with_name(f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}.new")
    fd = make_side_file(spare)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(msgspec.json.encode(known))
        spare.replace(path)
    except BaseException:
        with suppress(OSError):
            spare.unlink()
        raise


_decoder: Final[msgspec.json.Decoder[Outside]] = msgspec.json.Decoder(Outside)
