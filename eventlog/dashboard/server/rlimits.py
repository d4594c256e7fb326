"""What the process that serves is made ready with: room for many connections, and no core file.

Knows no connection and no page.
"""

from __future__ import annotations

import math
import resource
from typing import Final

DESCRIPTORS: Final = 4096  # asked of the system, whose default of 1,024 is soon used up
SPARE: Final = 256  # for the log, its readers, pictures and what else is no connection


def forbid_core_files() -> None:
    """Let no crash write this process's memory, with passwords in it, to a file."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def room_for_connections(most: int) -> int:
    """How many connections may be open at once, `most` at the most."""
    soft, hard = (_number(limit) for limit in resource.getrlimit(resource.RLIMIT_NOFILE))
    if soft < min(DESCRIPTORS, hard):
        soft = min(DESCRIPTORS, hard)
        _, unchanged = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (int(soft), unchanged))
    return int(max(1, min(most, soft - SPARE)))


def _number(limit: int) -> float:
    return math.inf if limit == resource.RLIM_INFINITY else limit
