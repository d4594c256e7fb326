"""What time it is, and how a wall time can be judged later.

A Raspberry Pi has no clock of its own: after a start its wall time may be years off until the
network sets it. So each append keeps the id of the boot and the time since that boot with the
wall time. Both are left out where the system does not have them. The meta also says who appended.
"""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path
from uuid import UUID

from msgspec.structs import replace

from eventlog import codecs
from eventlog.record import Author

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def now_us() -> int:
    """The wall time, in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def meta_now(clock_ns: int | None, author: Author) -> bytes:
    """The meta of an append that is made now: `boot`, `clock_ns` and `writer`.

    `clock_ns` is what `boot_clock_ns` answers; `author` is completed by this process's user.
    """
    writer = {"writer": replace(author, uid=os.getuid())}
    if clock_ns is None:
        return codecs.encode_meta(writer)
    return codecs.encode_meta({"boot": boot_id(), "clock_ns": clock_ns, **writer})


@cache
def boot_id() -> bytes | None:
    """The 16 bytes of this boot's id, where the system has one."""
    try:
        return UUID(_BOOT_ID.read_text().strip()).bytes
    except (OSError, ValueError):
        return None


def boot_clock_ns() -> int | None:
    """Nanoseconds since this boot, time asleep included; None where the system has no boot id."""
    if boot_id() is None:
        return None
    # CLOCK_BOOTTIME goes on while the machine sleeps; where it is missing so is the boot id.
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
