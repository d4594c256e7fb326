"""The clocks of an append: the wall time, the boot id and the time since that boot.

A Raspberry Pi has no clock of its own: after a start its wall time may be years off until the
network sets it. So each append keeps the id of the boot and the time since that boot with the
wall time. Both are left out where the system does not have them. The meta also says who appended.

`Machine` is all that a log asks of the machine it runs on. What is appended in one order on two
machines that answer alike has the same hashes, whatever the folder, user, zone or process.
"""

from __future__ import annotations

import os
import time
from functools import cache
from pathlib import Path
from typing import Final
from uuid import UUID

from msgspec.structs import replace

from eventlog import codecs
from eventlog.record import Author


class Machine:
    """What a log asks of the machine it runs on; a simulation passes one of its own."""

    def now_us(self) -> int:
        """The wall time, in microseconds since 1970, UTC."""
        return now_us()

    def boot_id(self) -> bytes | None:
        """The 16 bytes of this boot's id, None if the system has none."""
        return boot_id()

    def boot_clock_ns(self) -> int | None:
        """Nanoseconds since this boot, time asleep included; None if there is no boot id."""
        return boot_clock_ns()

    def user_id(self) -> int:
        """The number of the system's user whose process appends."""
        return os.getuid()

    def random_bytes(self, count: int) -> bytes:
        """Unpredictable bytes, for the id of a new log and the names of marks."""
        return os.urandom(count)


MACHINE: Final = Machine()
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def now_us() -> int:
    """The wall time, in microseconds since 1970, UTC."""
    return time.time_ns() // 1000


def meta_now(clock_ns: int | None, author: Author, machine: Machine = MACHINE) -> bytes:
    """The meta of an append that is made now: `boot`, `clock_ns` and `writer`.

    `clock_ns` is what `boot_clock_ns` answers; `author` is completed by the machine's user.
    """
    writer = {"writer": replace(author, uid=machine.user_id())}
    if clock_ns is None:
        return codecs.encode_meta(writer)
    return codecs.encode_meta({"boot": machine.boot_id(), "clock_ns": clock_ns, **writer})


@cache
def boot_id() -> bytes | None:
    """The 16 bytes of this boot's id, where the system has one."""
    try:
        return UUID(_BOOT_ID.read_text().strip()).bytes
    except (OSError, ValueError):
        return None


def boot_clock_ns() -> int | None:
    """Nanoseconds since this boot, time asleep included; None if the system has no boot id."""
    if boot_id() is None:
        return None
    # CLOCK_BOOTTIME goes on while the machine sleeps; where it is missing so is the boot id.
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
