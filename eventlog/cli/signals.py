"""Handles SIGTERM and SIGHUP like Ctrl-C: what is open is closed, half-made files are removed.

A terminal that is closed sends SIGHUP, a service manager SIGTERM. By themselves both would kill the
process, and the next start would find an unclean stop. Knows no command.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final

_SIGNALS: Final = (signal.SIGTERM, signal.SIGHUP)
# As shells count a program that a signal has ended.
BY_SIGNAL: Final = 128


class Interruption:
    """Which signal has ended the command; SIGINT is Ctrl-C."""

    def __init__(self) -> None:
        self.by: signal.Signals = signal.SIGINT

    @property
    def code(self) -> int:
        """The exit code of a command that was ended so."""
        return BY_SIGNAL + self.by

    def _take(self, number: int, _frame: FrameType | None) -> None:
        self.by = signal.Signals(number)
        signal.raise_signal(signal.SIGINT)


@contextmanager
def as_interruptions() -> Iterator[Interruption]:
    """Within the block SIGTERM and SIGHUP arrive as SIGINT.

    One that is ignored stays so, as under `nohup`. Outside the main thread nothing is changed.
    """
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    taken = [number for number in _SIGNALS if before[number] is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, interruption._take)  # noqa: SLF001 - of this file
    try:
        yield interruption
    finally:
        for number in taken:
            signal.signal(number, before[number])
