"""Reads a file, a pipe or standard input in pieces, as they arrive.

A pipe is waited for by the event loop, so that Ctrl-C ends the wait. Knows nothing of what the
bytes mean.
"""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

import anyio
import anyio.lowlevel
import anyio.to_thread

from eventlog.cli.options import STANDARD
from eventlog.cli.streams import standard_input
from eventlog.errors import BadArgument

_PIECE: Final = 1 << 16


def is_live(file: Path) -> bool:
    """Whether messages arrive while they are read: from a pipe, a terminal or a socket."""
    try:
        standard = file == STANDARD
        mode = os.fstat(standard_input().fileno()).st_mode if standard else file.stat().st_mode
    except (OSError, ValueError):  # a standard input that is not a file of the system's
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)


async def pieces(file: Path) -> AsyncGenerator[bytes, None]:
    """The bytes of a file, up to its end. Raises BadArgument if it can't be read."""
    try:
        if file == STANDARD:
            async for piece in _standard_input():
                yield piece
            return
        descriptor = await anyio.to_thread.run_sync(os.open, file, os.O_RDONLY)
        try:
            async for piece in _of_descriptor(descriptor):
                yield piece
        finally:
            os.close(descriptor)
    except OSError as error:
        raise BadArgument(f"{file} can't be read: {error.strerror}") from error


async def _standard_input() -> AsyncGenerator[bytes, None]:
    try:
        descriptor = standard_input().fileno()
    except (ValueError, io.UnsupportedOperation):  # replaced by what has no descriptor
        while piece := sys.stdin.buffer.read(_PIECE):
            yield piece
        return
    async for piece in _of_descriptor(descriptor):
        yield piece


async def _of_descriptor(descriptor: int) -> AsyncGenerator[bytes, None]:
    mode = os.fstat(descriptor).st_mode
    waits = stat.S_ISFIFO(mode) or stat.S_ISCHR(mode) or stat.S_ISSOCK(mode)
    while True:
        if waits:
            await _wait_for(descriptor)
            piece = os.read(descriptor, _PIECE)
        else:
            piece = await anyio.to_thread.run_sync(os.read, descriptor, _PIECE)
        if not piece:
            return
        yield piece


async def _wait_for(descriptor: int) -> None:
    try:
        await anyio.wait_readable(descriptor)
    except PermissionError:  # /dev/null and similar files are always readable
        await anyio.lowlevel.checkpoint()  # so that Ctrl-C can end the reading
