"""What time it is, and how a wall time can be judged later.

A Raspberry Pi has no clock of its own: after a start its wall time may be years off until the
network sets it. So each append keeps the id of the boot and the time since that boot beside the
wall time. Both are left out where the system does not tell them.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path
from uuid import UUID

from eventlog import codecs

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def now_us() -> int:
    """The wall time, in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def meta_now() -> bytes | None:
    """The meta of an append that is made now: `boot` and `clock_ns`."""
    boot = boot_id()
    if boot is None:
        return None
    return codecs.encode_meta({"boot": boot, "clock_ns": _boot_clock_ns()})


@cache
def boot_id() -> bytes | None:
    """The 16 bytes of this boot's id, where the system has one."""
    try:
        return UUID(_BOOT_ID.read_text().strip()).bytes
    except (OSError, ValueError):
        return None


def _boot_clock_ns() -> int:
    # CLOCK_BOOTTIME goes on while the machine sleeps; where it is missing so is the boot id.
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
