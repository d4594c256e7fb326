"""Runs a program that takes a signed head on its standard input, within bounds of time and memory.

Only the beginning of what it prints is kept; the rest is read and dropped, so that no program can
fill the memory of the process at the door. Knows no head and no place.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import IO, Final, cast

_CHUNK: Final = 65_536
# How often to look whether a program has ended whose output another process holds open.
_LOOK_S: Final = 0.1


def run_program(
    program: Path, given: bytes, *, kept_max: int, timeout_s: float
) -> tuple[int, bytes]:
    """Run a program; return its code and the first bytes of what it printed.

    Args:
        program: The executable file; it gets no arguments.
        given: What it reads on its standard input.
        kept_max: How many bytes of its standard output are kept; its errors are dropped.
        timeout_s: Seconds after which it is killed, with what it has started.

    Returns:
        The code, negative for a signal, and the output.

    Raises:
        OSError: It can't be started.
        TimeoutError: It did not end in time.
    """
    ends_at = time.monotonic() + timeout_s
    with subprocess.Popen(  # noqa: S603 - the deployment names the program
        [program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        bufsize=0,
    ) as process:
        try:
            printed = _exchange(process, given, kept_max, ends_at)
            code = process.wait(max(0.0, ends_at - time.monotonic()))
        except (TimeoutError, subprocess.TimeoutExpired) as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise TimeoutError(f"{program} did not end within {timeout_s:g} s") from error
    return code, printed


def _exchange(
    process: subprocess.Popen[bytes], given: bytes, kept_max: int, ends_at: float
) -> bytes:
    """Write what is given and read what comes, until the program has ended or closed its output."""
    stdin, stdout = cast("IO[bytes]", process.stdin), cast("IO[bytes]", process.stdout)
    kept = bytearray()
    with selectors.DefaultSelector() as ready:
        for pipe, what in ((stdin, selectors.EVENT_WRITE), (stdout, selectors.EVENT_READ)):
            os.set_blocking(pipe.fileno(), False)
            ready.register(pipe, what)
        while True:
            left_s = ends_at - time.monotonic()
            if left_s <= 0:
                raise TimeoutError
            events = ready.select(min(left_s, _LOOK_S))
            if not events and process.poll() is not None:
                return bytes(kept)
            for key, _ in events:
                if key.fileobj is stdin:
                    given = _write(stdin, given)
                    if not given:
                        ready.unregister(stdin)
                        stdin.close()
                    continue
                read = os.read(stdout.fileno(), _CHUNK)
                if not read:
                    return bytes(kept)
                kept += read[: kept_max - len(kept)]


def _write(stdin: IO[bytes], given: bytes) -> bytes:
    """What is left to write; nothing, where the program does not read."""
    try:
        return given[os.write(stdin.fileno(), given) :]
    except BrokenPipeError:
        return b""
