"""A disk as a power cut finds it: what is on it for certain, and what may or may not be.

A file's unsynced writes may each be there, not there, there in some of their 512-byte sectors,
or read back as noise (a write that was in flight when the power went), in any combination; what
is outside the range of a write stays. This holds for every file. A name may be there or not
until its folder was synced. Knows operations on paths, and nothing of who made them.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from random import Random
from typing import Final, Literal, NamedTuple, TypeAlias

from tests.powercut.inode import (
    Change,
    Inode,
    Pick,
    all_but,
    drawn,
    everything,
    lengths,
    noisy,
    nothing,
    outside,
    torn,
    with_changes,
)
from tests.powercut.operations import (
    Acknowledged,
    Allocated,
    Appended,
    Linked,
    MadeFolder,
    Opened,
    Operation,
    Removed,
    Renamed,
    Sought,
    Synced,
    SyncFailed,
    Truncated,
    Wrote,
)
from tests.powercut.trace import TraceError

# "strict": a name needs a sync of its folder, and names survive in any combination (POSIX).
# "ordered": names survive in the order they were made, and a file's sync saves its own (ext4).
Rules: TypeAlias = Literal["strict", "ordered"]
RULES: Final[tuple[Rules, ...]] = ("strict", "ordered")

# A file that is never synced would keep every write that it ever got; the kernel writes the
# oldest back in time.
PENDING_MAX: Final = 40

Files: TypeAlias = dict[str, bytes]


class NameChange(NamedTuple):
    """An unsynced name: `path` is that of `inode` from now on; `without` is a path that ends."""

    at: int
    path: str | None
    inode: int
    without: str | None

    @property
    def folder(self) -> str:
        """The folder whose sync saves it."""
        return (self.path or self.without or "").rpartition("/")[0]


class Disk:
    """Takes operations one by one; `cuts` answers what a power cut could leave at this point."""

    def __init__(self, files: Files | None = None) -> None:
        """Begin with these files, all of them on the disk."""
        self._numbers = itertools.count()
        self._done = 0
        self._inodes: dict[int, Inode] = {}
        self._names: dict[str, int] = {}
        for path, data in (files or {}).items():
            for folder in _folders(path):
                if folder not in self._names:
                    self._names[folder] = self._new(is_folder=True).number
            inode = self._new()
            inode.synced = data
            self._names[path] = inode.number
        self._names_synced: dict[Rules, dict[str, int]] = {r: dict(self._names) for r in RULES}
        self._names_pending: dict[Rules, list[NameChange]] = {rules: [] for rules in RULES}
        self._removed: dict[str, int] = {}

    def apply(self, operation: Operation) -> None:
        """Do to the disk what the operation says. Raises TraceError if it can't be."""
        match operation:
            case MadeFolder() | Renamed() | Linked() | Removed() | Opened():
                self._apply_to_names(operation)
            case Wrote() | Appended() | Sought() | Truncated() | Allocated():
                self._apply_to_bytes(operation)
            case Synced(path, since):
                self._sync(path, since)
            case SyncFailed(path, since):
                self._give_up(path, since)
            case Acknowledged():
                pass
        self._done += 1

    def files(self) -> Files:
        """What a reader sees while the power is on."""
        return {
            path: with_changes(inode.synced, inode.pending)
            for path, number in self._names.items()
            if not (inode := self._inodes[number]).is_folder
        }

    def cuts(self, random: Random, some: int) -> Iterator[Files]:
        """What a power cut now could leave: the plain cases, and `some` drawn at random."""
        yield from self._systematic()
        for _ in range(some):
            rules = random.choice(RULES)
            keep = random.choice((0.1, 0.5, 0.9))
            names = self._names_pending[rules]
            if rules == "strict":
                kept = [change for change in names if random.random() < keep]
            else:
                kept = names[: random.randint(0, len(names))]
            yield self._left(rules, kept, drawn(random, keep))

    def _systematic(self) -> Iterator[Files]:
        changed = [inode for inode in self._inodes.values() if inode.pending]
        newest = max(changed, key=lambda inode: inode.pending[-1].at, default=None)
        for rules in RULES:
            names = self._names_pending[rules]
            for kept in (names, []):
                yield self._left(rules, kept, everything)
                yield self._left(rules, kept, nothing)
                yield self._left(rules, kept, lengths)
            if rules == "strict":
                for left_out in names[-4:]:
                    others = [change for change in names if change is not left_out]
                    yield self._left(rules, others, everything)
                    yield self._left(rules, [left_out], everything)
            if newest is not None:
                for first_half, alone in itertools.product((True, False), repeat=2):
                    half = torn(newest, first_half=first_half, alone=alone)
                    yield self._left(rules, names, half)
            for inode in changed:
                for change in inode.pending[-2:]:
                    yield self._left(rules, names, all_but(change))
        for inode, alone in itertools.product(changed, (False, True)):
            in_flight = noisy(inode.pending[-1], alone=alone)
            yield self._left("ordered", self._names_pending["ordered"], in_flight)

    def _left(self, rules: Rules, kept: list[NameChange], pick: Pick) -> Files:
        names = dict(self._names_synced[rules])
        for change in kept:
            if change.without is not None and names.get(change.without) == change.inode:
                del names[change.without]
            if change.path is not None:
                names[change.path] = change.inode
        left: Files = {}
        for path, number in names.items():
            inode = self._inodes[number]
            if not inode.is_folder and all(folder in names for folder in _folders(path)):
                left[path] = (
                    with_changes(inode.synced, pick(inode)) if inode.pending else inode.synced
                )
        return left

    # ── what the operations do ─────────────────────────────────────────────────────────────

    def _apply_to_names(self, operation: MadeFolder | Renamed | Linked | Removed | Opened) -> None:
        match operation:
            case MadeFolder(path):
                self._link(path, self._new(is_folder=True))
            case Renamed(source, target):
                number = self._names.pop(source)
                self._names[target] = number
                self._name_change(NameChange(self._done, target, number, source))
            case Linked(source, target):
                self._link(target, self._inode(source))
            case Removed(path):
                number = self._names.pop(path)
                self._removed[path] = number
                self._name_change(NameChange(self._done, None, number, path))
            case Opened(path, truncate):
                if path not in self._names:
                    self._link(path, self._new())
                inode = self._inode(path)
                inode.next_write = 0
                if truncate:
                    self._change(inode, 0, None)

    def _apply_to_bytes(self, operation: Wrote | Appended | Sought | Truncated | Allocated) -> None:
        inode = self._inode(operation.path)
        match operation:
            case Wrote(_, None, data):
                self._change(inode, inode.next_write, data)
                inode.next_write += len(data)
            case Wrote(_, int(offset), data):
                self._change(inode, offset, data)
            case Appended(_, data):
                self._change(inode, len(with_changes(inode.synced, inode.pending)), data)
            case Sought(_, offset):
                inode.next_write = offset
            case Truncated(_, size):
                self._change(inode, size, None)
            case Allocated(_, size):
                self._change(inode, max(size, len(with_changes(inode.synced, inode.pending))), None)

    def _new(self, *, is_folder: bool = False) -> Inode:
        inode = Inode(next(self._numbers), is_folder=is_folder)
        self._inodes[inode.number] = inode
        return inode

    def _inode(self, path: str) -> Inode:
        number = self._names.get(path, self._removed.get(path))
        if number is None:
            raise TraceError(f"there is no {path!r}")
        return self._inodes[number]

    def _link(self, path: str, inode: Inode) -> None:
        self._names[path] = inode.number
        self._name_change(NameChange(self._done, path, inode.number, None))

    def _name_change(self, change: NameChange) -> None:
        for names in self._names_pending.values():
            names.append(change)

    def _change(self, inode: Inode, offset: int, data: bytes | None) -> None:
        inode.pending.append(Change(self._done, offset, data))
        if len(inode.pending) > PENDING_MAX and not inode.pending[0].given_up:
            inode.synced = with_changes(inode.synced, inode.pending[:1])
            del inode.pending[0]

    def _sync(self, path: str, since: int) -> None:
        if path == "" or self._inode(path).is_folder:
            for rules in RULES:
                names = self._names_pending[rules]
                saved = [n for n in names if n.at < since and n.folder == path]
                if rules == "ordered" and saved:
                    saved = names[: names.index(saved[-1]) + 1]
                self._save_names(rules, saved)
            return
        inode = self._inode(path)
        covered = [c for c in inode.pending if c.at < since and not c.given_up]
        inode.synced = with_changes(inode.synced, covered)
        given_up = [c for c in inode.pending if c.given_up]
        for change in covered:
            given_up = [part for old in given_up for part in outside(old, change)]
        inode.pending = given_up + [c for c in inode.pending if c.at >= since and not c.given_up]
        own = [n for n in self._names_pending["ordered"] if n.at < since]
        while own and own[-1].inode != inode.number:
            own.pop()
        self._save_names("ordered", own)

    def _give_up(self, path: str, since: int) -> None:
        if path == "" or self._inode(path).is_folder:
            return  # names are tried again: the journal of a file system holds them
        inode = self._inode(path)
        inode.pending = [c._replace(given_up=c.given_up or c.at < since) for c in inode.pending]

    def _save_names(self, rules: Rules, saved: list[NameChange]) -> None:
        names = self._names_synced[rules]
        for change in saved:
            if change.without is not None and names.get(change.without) == change.inode:
                del names[change.without]
            if change.path is not None:
                names[change.path] = change.inode
        gone = {id(change) for change in saved}
        pending = self._names_pending[rules]
        self._names_pending[rules] = [n for n in pending if id(n) not in gone]


def _folders(path: str) -> list[str]:
    """The folders that a file is in, but for the root."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def identity(files: Files) -> bytes:
    """The same bytes for the same names and contents, and for no others."""
    whole = blake2b(digest_size=16)
    for path in sorted(files):
        whole.update(path.encode() + b"\0" + _digest(files[path]))
    return whole.digest()


@lru_cache(maxsize=64)
def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=16).digest()
