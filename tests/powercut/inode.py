"""One file on the disk: what of it is there for sure, and which of its unsynced writes survive.

A choice of survivors is a function from a file to the changes that came to the disk. Knows
nothing of names.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final, NamedTuple, TypeAlias

SECTOR: Final = 512


class Change(NamedTuple):
    """An unsynced write, or a new length where `data` is None.

    `given_up` says that a sync of it failed, so that no later one tries it again.
    """

    at: int
    offset: int
    data: bytes | None
    given_up: bool = False

    @property
    def end(self) -> int:
        """Where the write ends."""
        return self.offset + len(self.data or b"")


@dataclass
class Inode:
    """A file or a folder, whatever its names are."""

    number: int
    synced: bytes = b""
    pending: list[Change] = field(default_factory=list)
    next_write: int = 0
    is_folder: bool = False


Pick: TypeAlias = Callable[[Inode], list[Change]]


def with_changes(synced: bytes, changes: Sequence[Change]) -> bytes:
    """A file's bytes after these changes; unwritten bytes are zero."""
    if not changes:
        return synced
    content = bytearray(synced)
    for _, offset, data, _ in changes:
        if data is None:
            content = content[:offset].ljust(offset, b"\0")
        else:
            if len(content) < offset:
                content.extend(bytes(offset - len(content)))
            content[offset : offset + len(data)] = data
    return bytes(content)


def outside(old: Change, new: Change) -> list[Change]:
    """What a newer write leaves of an older one."""
    if old.data is None or new.data is None or new.end <= old.offset or old.end <= new.offset:
        return [old]
    before = old.data[: max(0, new.offset - old.offset)]
    after = old.data[new.end - old.offset :] if new.end < old.end else b""
    parts = [old._replace(data=before), old._replace(offset=new.end, data=after)]
    return [part for part in parts if part.data]


def everything(inode: Inode) -> list[Change]:
    """All unsynced writes are there."""
    return inode.pending


def nothing(_: Inode) -> list[Change]:
    """None of the changes reached the disk."""
    return []


def lengths(inode: Inode) -> list[Change]:
    """The file's new length came to the disk, its new bytes did not."""
    return [Change(0, len(with_changes(inode.synced, inode.pending)), None)]


def _sectors(change: Change) -> list[Change]:
    """A write as the sectors that it touches, each of which may be there by itself."""
    at, offset, data, given_up = change
    if data is None:
        return [change]
    first = SECTOR - offset % SECTOR
    edges = [0, *range(first, len(data), SECTOR), len(data)]
    return [
        Change(at, offset + start, data[start:end], given_up)
        for start, end in itertools.pairwise(edges)
        if end > start
    ]


def all_but(left_out: Change) -> Pick:
    """Everything is there but one write."""

    def pick(inode: Inode) -> list[Change]:
        return [change for change in inode.pending if change is not left_out]

    return pick


def torn(newest: Inode, *, first_half: bool, alone: bool) -> Pick:
    """The newest write is there by half; of what came before, all or nothing."""
    sectors = _sectors(newest.pending[-1])
    middle = len(sectors) // 2
    half = sectors[:middle] if first_half else sectors[middle:]

    def pick(inode: Inode) -> list[Change]:
        before = [] if alone else inode.pending
        return [*(before[:-1] if inode is newest else before), *(half if inode is newest else [])]

    return pick


def noisy(in_flight: Change, *, alone: bool) -> Pick:
    """A write was in flight and reads as noise; of the other writes, all are there or none.

    Bytes outside the range of the write stay as they were: nothing less can be built on.
    """
    noise = as_noise(in_flight)

    def pick(inode: Inode) -> list[Change]:
        if alone:
            return [noise] if any(change is in_flight for change in inode.pending) else []
        return [noise if change is in_flight else change for change in inode.pending]

    return pick


def as_noise(change: Change) -> Change:
    """A write whose bytes read back as others, the same each time.

    A new length has no bytes, and a write that was given up is no longer in flight.
    """
    if change.data is None or change.given_up:
        return change
    random = Random(change.at)
    return change._replace(data=random.randbytes(len(change.data)))


def drawn(random: Random, keep: float) -> Pick:
    """Each write is there with this likelihood, by some of its sectors, or as noise."""

    def pick(inode: Inode) -> list[Change]:
        kept: list[Change] = []
        for change in inode.pending:
            if random.random() < keep:
                kept.append(change)
            elif random.random() < 0.5:
                sectors = [sector for sector in _sectors(change) if random.random() < 0.5]
                kept += [s if random.random() < 0.5 else as_noise(s) for s in sectors]
        return kept

    return pick
