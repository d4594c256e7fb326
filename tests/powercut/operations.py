"""What a program can do to a folder, as the power cuts see it: one value for each kind of call.

Paths are relative to the folder. Knows nothing of how it was recorded.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias


class Opened(NamedTuple):
    """A file was opened for writing, and made where it was missing."""

    path: str
    truncate: bool


class Wrote(NamedTuple):
    """Bytes at an offset; None is the place where the last write of that file ended."""

    path: str
    offset: int | None
    data: bytes


class Appended(NamedTuple):
    """Bytes behind all that the file holds."""

    path: str
    data: bytes


class Sought(NamedTuple):
    """The place for the next write."""

    path: str
    offset: int


class Truncated(NamedTuple):
    """A file got a length."""

    path: str
    size: int


class Allocated(NamedTuple):
    """A file is at least so long; what was beyond its end is zero."""

    path: str
    size: int


class Synced(NamedTuple):
    """What had been done to a file or a folder before operation `since` is on the disk now."""

    path: str
    since: int


class SyncFailed(NamedTuple):
    """What had been done to a file before operation `since` could not be put on the disk.

    The kernel holds it for clean from now on: no later sync tries it again.
    """

    path: str
    since: int


class MadeFolder(NamedTuple):
    """A folder was made."""

    path: str


class Renamed(NamedTuple):
    """A name took another's place."""

    source: str
    target: str


class Linked(NamedTuple):
    """A file has one more name."""

    source: str
    target: str


class Removed(NamedTuple):
    """A name was removed."""

    path: str


class Acknowledged(NamedTuple):
    """The program promised something, in its own words."""

    text: str


Operation: TypeAlias = (
    Opened
    | Wrote
    | Appended
    | Sought
    | Truncated
    | Allocated
    | Synced
    | SyncFailed
    | MadeFolder
    | Renamed
    | Linked
    | Removed
    | Acknowledged
)
