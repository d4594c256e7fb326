"""`DB_PATH.heads`: all heads that were signed, one note after the other; a copy for convenience.

Who may write the log may write this file too, so it proves nothing by itself: the heads that
count are kept elsewhere. Each note is one write at the end; what a power cut tears is passed over.
A rewrite keeps one head an hour of what is older than a week.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final

from eventlog.errors import BadNote
from eventlog.evidence.note import Note
from eventlog.evidence.signed_heads import SignedHead, parse_head, split_heads
from eventlog.storage.durable_files import replace
from eventlog.storage.error_translation import translated
from eventlog.storage.side_files import open_side_file

# Several times the longest head of ours.
_TAIL: Final = 16 * 1024
# Many years of heads. What is longer is read from its end.
READ_MAX: Final = 64 * 1024 * 1024
_HOUR_US: Final = 3_600_000_000
KEPT_ALL_US: Final = 7 * 24 * _HOUR_US


def append_head(path: Path, note: Note, *, outside: bool = False) -> None:
    """Write a head at the end of a file of heads. Raises DatabaseError.

    A file `outside` may be a link or another user's, and the head is on its disk when the call
    returns; one next to the log is a plain file of its owner.
    """
    with translated(path):
        flags = os.O_RDWR | os.O_APPEND
        if outside:
            fd = os.open(path, flags | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC, 0o600)
        else:
            fd = open_side_file(path, flags, make=True)
        try:
            end = os.fstat(fd).st_size
            torn = end > 0 and os.pread(fd, 1, end - 1) != b"\n"
            os.write(fd, (b"\n" if torn else b"") + note.encode())
            if outside:
                os.fsync(fd)
        finally:
            os.close(fd)


def read_heads(path: Path, *, outside: bool = False) -> list[SignedHead]:
    """The heads of a file, in its order; what is not one is left out. Raises DatabaseError.

    Bounded: of a file beyond 64 MB the end. `outside` as in `append_head`.
    """
    return list(heads_in(_end_of(path, READ_MAX, outside=outside)))


def last_head(path: Path) -> SignedHead | None:
    """The last head of a file, from its end alone; None if there is none.

    Raises DatabaseError.
    """
    heads = list(heads_in(_end_of(path, _TAIL, outside=False)))
    return heads[-1] if heads else None


def _end_of(path: Path, size_max: int, *, outside: bool) -> bytes:
    """The last bytes of a file; none where it is missing."""
    with translated(path):
        try:
            if outside:
                fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            else:
                fd = open_side_file(path)
        except FileNotFoundError:
            return b""
        with os.fdopen(fd, "rb") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - size_max))
            return file.read(size_max)


def heads_in(data: bytes) -> Iterator[SignedHead]:
    """The heads among these bytes; what is not one is left out."""
    for piece in split_heads(data):
        try:
            yield parse_head(piece)
        except BadNote:
            continue  # torn by a power cut, or not ours


def thin(path: Path, now_us: int, appended_at_us: Callable[[int], int | None]) -> int:
    """Keep the last head of each hour of those older than a week; answers how many went.

    `appended_at_us` says when the record at a position came, which is as old as its head.
    Raises DatabaseError.
    """
    heads = read_heads(path)
    kept = list(_kept(heads, now_us, appended_at_us))
    if len(kept) < len(heads):
        with translated(path):
            replace(path, b"".join(head.note.encode() for head in kept))
    return len(heads) - len(kept)


def _kept(
    heads: Iterable[SignedHead], now_us: int, appended_at_us: Callable[[int], int | None]
) -> Iterator[SignedHead]:
    last: tuple[str, int] | None = None
    waiting: SignedHead | None = None
    for head in heads:
        at = appended_at_us(head.size)
        old = at is not None and now_us - at > KEPT_ALL_US
        hour = (head.origin, at // _HOUR_US) if at is not None and old else None
        if waiting is not None and (hour is None or hour != last):
            yield waiting
        waiting, last = (head, hour) if hour is not None else (None, None)
        if hour is None:
            yield head
    if waiting is not None:
        yield waiting
