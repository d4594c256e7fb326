"""Closes, in a forked process, the inherited descriptors of locks, marks and files.

A flock belongs to an open file, and a fork shares that file: the lock and the mark of a parent that
died would stay held while a child of it lives. So a child closes its copies at once, which does not
affect the parent's. SQLite's own files are not closed: their locks are not inherited.

Does not know what the descriptors are for.
"""

from __future__ import annotations

import os
from typing import Final, Protocol
from weakref import WeakSet


class Inherited(Protocol):
    """Something that holds descriptors."""

    def forget(self) -> None:
        """Close the descriptors in this process. Never raises."""


_all: Final[WeakSet[Inherited]] = WeakSet()


def forget_in_children(holder: Inherited) -> None:
    """Call `holder.forget` in each forked process, for as long as `holder` exists."""
    _all.add(holder)


def _after_fork() -> None:
    for holder in list(_all):
        holder.forget()


os.register_at_fork(after_in_child=_after_fork)
