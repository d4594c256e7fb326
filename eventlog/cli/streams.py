"""Handles standard streams that are closed, full, or no longer read.

What is written to the standard output goes through `Output`, so that a failure there is never
taken for a failure of the log. Knows no command.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, Final, TextIO

from eventlog.errors import BadArgument

_STANDARD: Final = 2  # the highest descriptor of a standard stream


class ReaderGone(Exception):
    """The program that reads the answer has ended: as with `eventlog export | head`."""


class OutputFailed(Exception):
    """The answer can't be written: the standard output is closed, or its disk is full."""


class Output:
    """A text stream whose failures are ReaderGone and OutputFailed; all else is the stream's."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text. Raises ReaderGone, OutputFailed."""
        with _failures():
            return self._stream.write(text)

    def write_bytes(self, data: bytes) -> int:
        """Write bytes as they are, behind the text so far. Raises ReaderGone, OutputFailed."""
        with _failures():
            self._stream.flush()
            return self._stream.buffer.write(data)

    def flush(self) -> None:
        """Hand on what is buffered. Raises ReaderGone, OutputFailed."""
        with _failures():
            self._stream.flush()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._stream, name)


class Remarks:
    """The standard error. A remark that can't be written is dropped: there is no other place."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write text, if that is possible."""
        try:
            written = self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            _drop(self._stream)
            return len(text)
        return written

    def flush(self) -> None:
        """Do nothing: each remark is handed on at once."""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self._stream, name)


@contextmanager
def _failures() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGone from error
    except OSError as error:
        raise OutputFailed(f"the answer can't be written: {error.strerror}") from error
    except UnicodeEncodeError:
        raise
    except ValueError as error:  # Python's error for a stream that was closed
        raise OutputFailed("the answer can't be written: the standard output is closed") from error


def prepare() -> None:
    """Make the standard streams safe to use, once, before anything is opened.

    A closed one leaves its descriptor free, and the next file to be opened, such as the log's lock,
    would get it: so /dev/null takes its place. Text that a stream's encoding can't hold is written
    with escapes.
    """
    if None in {sys.stdin, sys.stdout, sys.stderr}:
        while (fd := os.open(os.devnull, os.O_RDWR)) <= _STANDARD:
            os.set_inheritable(fd, True)  # noqa: FBT003 - the call takes no name
        os.close(fd)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115, PTH123 - for good
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def require_output() -> None:
    """Raise OutputFailed where the standard output is closed."""
    if sys.stdout is None or sys.stdout.closed:
        raise OutputFailed("the answer can't be written: the standard output is closed")


def standard_input() -> BinaryIO:
    """The standard input, for bytes. Raises BadArgument if it is closed."""
    if sys.stdin is None or sys.stdin.closed:
        raise BadArgument("the standard input is closed: name a file, or send the input by a pipe")
    return sys.stdin.buffer


def drop_output() -> None:
    """Send what Python still has to flush to nowhere, so that its exit does not fail once more."""
    if sys.stdout is not None:
        _drop(sys.stdout)


def _drop(stream: TextIO) -> None:
    with suppress(OSError, ValueError):  # a stream without a descriptor, or a closed one
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
