"""ID.copies in the folder of keys: which copies of names were made, where and when.

A person who is erased here is still in those copies, so `forget` has to name them. Lines of JSON,
one a copy; a copy that is renewed in its place keeps its line. Knows no seal and no journal.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final, Literal

import msgspec
from msgspec import Struct

from eventlog.evidence.small_files import read_small
from eventlog.storage.durable_files import replace
from eventlog.storage.error_translation import translated

log = logging.getLogger("eventlog")


COPIES_MAX: Final = 1 << 26


class Copy(Struct, frozen=True, kw_only=True):
    """A copy of names: a backup of the keys, a proof with a name in it, an export, another log.

    `at_us` is when it was made or renewed, in microseconds since 1970; `seals` are those whose
    names are in it, empty for all of them.
    """

    what: Literal["keys", "proof", "export", "replay"]
    path: str
    at_us: int
    seals: tuple[bytes, ...] = ()


_DECODER: Final[msgspec.json.Decoder[Copy]] = msgspec.json.Decoder(Copy)


def read(path: Path) -> list[Copy]:
    """The copies that a file names; none where there is no file. Raises DatabaseError."""
    content = read_small(path, size_max=COPIES_MAX) or b""
    found = []
    for number, line in enumerate(content.splitlines(), start=1):
        try:
            found.append(_DECODER.decode(line))
        except msgspec.DecodeError as error:
            log.warning("line %d of %s is not a copy: %s", number, path, error)
    return found


def note(path: Path, copy: Copy) -> None:
    """Note a copy, in place of what was noted of the same one. Raises DatabaseError."""
    others = [one for one in read(path) if (one.what, one.path) != (copy.what, copy.path)]
    lines = b"".join(msgspec.json.encode(one) + b"\n" for one in (*others, copy))
    with translated(path):
        replace(path, lines)


def newest_of_keys(path: Path) -> Copy | None:
    """The newest backup of the keys; None if none was made. Raises DatabaseError."""
    keys = [copy for copy in read(path) if copy.what == "keys"]
    return max(keys, key=lambda copy: copy.at_us, default=None)
