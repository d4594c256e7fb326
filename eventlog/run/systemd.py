"""Reports to systemd by datagrams: ready, reloading, alive.

No library is needed. Without systemd nothing is sent.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from typing import Final

log = logging.getLogger("eventlog")

SOCKET: Final = "NOTIFY_SOCKET"
WATCHDOG: Final = "WATCHDOG_USEC"
WATCHDOG_PID: Final = "WATCHDOG_PID"


def notify(*states: str) -> bool:
    """Send states ("READY=1"). Returns whether there was somebody to send them to."""
    address = os.environ.get(SOCKET, "")
    if not address:
        return False
    # A name that begins with @ is in the abstract namespace, which the kernel writes with NUL.
    name = "\0" + address[1:] if address.startswith("@") else address
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
            sender.connect(name)
            sender.sendall("\n".join(states).encode())
    except OSError as error:
        log.warning("systemd can't be notified of %s: %s", states[0], error.strerror)
        return False
    return True


def reloading() -> bool:
    """Say that the config is being read again."""
    return notify("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")


def watchdog_s() -> float | None:
    """How often to send WATCHDOG=1: half of what the unit asks for; None if it asks nothing."""
    usec, pid = os.environ.get(WATCHDOG, ""), os.environ.get(WATCHDOG_PID, "")
    if not usec.isdigit() or not int(usec) or (pid and pid != str(os.getpid())):
        return None
    return int(usec) / 2_000_000
