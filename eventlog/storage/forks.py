"""What a forked process inherits and must not keep: the descriptors of locks, marks and files.

A flock belongs to an open file, and a fork shares it: the lock and the mark of a parent that died
would stay held for as long as a child of it lives. So a child closes its copies at once. The
parent's are not touched, and SQLite's own files are left alone: their locks are not inherited.

Knows nothing of what the descriptors are for.
"""

from __future__ import annotations

import os
from typing import Final, Protocol
from weakref import WeakSet


class Inherited(Protocol):
    """Something that holds descriptors."""

    def forget(self) -> None:
        """Close the descriptors of this process, without a word to others. Never raises."""


_all: Final[WeakSet[Inherited]] = WeakSet()


def forget_in_children(holder: Inherited) -> None:
    """Have a forked process close what `holder` holds, for as long as `holder` lives."""
    _all.add(holder)


def _after_fork() -> None:
    for holder in list(_all):
        holder.forget()


os.register_at_fork(after_in_child=_after_fork)
