"""Prepares the serving process: many open files allowed, no core file.

Knows no connection and no page.
"""

from __future__ import annotations

import math
import resource
from pathlib import Path
from typing import Final

DESCRIPTORS: Final = 4096  # asked of the system, whose default of 1,024 is soon used up
SPARE: Final = 256  # for the log, its readers, pictures and what else is not a connection
SPARE_AT_LEAST: Final = 12  # the same in addition to what is open already, if the limit is low


def forbid_core_files() -> None:
    """Let no crash write this process's memory, with passwords in it, to a file."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def room_for_connections(most: int) -> int:
    """How many connections may be open at once.

    Args:
        most: No more than this, however high the system's limit is.

    Returns:
        What the limit leaves after the log and other open files; 1 at least.
    """
    soft, hard = (_number(limit) for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    if soft < min(DESCRIPTORS, hard):
        soft = min(DESCRIPTORS, hard)
        _, unchanged = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(soft), unchanged))
    return int(max(1, min(most, soft - min(SPARE, _open_now() + SPARE_AT_LEAST))))


def _open_now() -> int:
    """How many descriptors this process has open; SPARE where the system does not say."""
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        return SPARE


def _number(limit: int) -> float:
    return math.inf if limit == resource.RLIM_INFINITY else limit
