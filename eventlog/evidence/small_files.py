"""Reads the small files in a folder of keys: no link is followed, and no read is without a bound.

Also bounds the read of a file that the deployment names, which may be a link or a pipe. Does not
know what the files are for.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Final

from eventlog.storage.error_translation import translated
from eventlog.storage.side_files import NotOurs, open_side_file, read_side_file

SMALL_MAX: Final = 1 << 20


def read_small(path: Path, *, size_max: int = SMALL_MAX) -> bytes | None:
    """The content of a file of ours; None if there is none.

    Raises:
        UnsafeFile: It is not a plain file of ours with one name, or has more bytes than `size_max`.
        DatabaseError: The disk refused.
    """
    with translated(path):
        try:
            content = read_side_file(path, size_max + 1)
        except FileNotFoundError:
            return None
        if len(content) > size_max:
            raise NotOurs(0, f"it has more than {size_max} bytes; move it away", str(path))
        return content


def touch_small(path: Path) -> None:
    """Make an empty file where there is none. Raises as `read_small` does."""
    with translated(path):
        os.close(open_side_file(path, os.O_WRONLY, make=True))


def read_given(path: Path, *, size_max: int = SMALL_MAX) -> bytes:
    """The content of a file that the deployment names. Raises OSError, also if it is larger."""
    with path.open("rb") as file:
        content = file.read(size_max + 1)
    if len(content) > size_max:
        raise OSError(errno.EFBIG, f"it has more than {size_max} bytes", str(path))
    return content
