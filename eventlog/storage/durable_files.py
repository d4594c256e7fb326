"""Writes files so that they are complete or missing, also after a power cut.

A new file is written under a temporary name and synced. It is then renamed to a free name, and its
folder is synced: when the call returns, name and bytes are on the disk. No file is overwritten and
no symbolic link is followed. Only the user can read what is made: files have mode 0600, folders
0700. What root makes gets the owner of its folder, so that a service can use it.

Every function raises OSError as the system does. Does not know what the bytes are.
"""

from __future__ import annotations

import errno
import glob
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Final

from eventlog.storage.side_files import check_side_file, give_to_owner

_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Without O_NONBLOCK, opening a pipe would wait for its other end.
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_CHUNK: Final = 1024 * 1024


def make_folder(path: Path) -> None:
    """Make a folder and those above it that are missing, and sync the folders they were made in."""
    missing = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        try:
            folder.mkdir(mode=0o700)
            give_to_owner(folder, folder.parent.stat())
        except FileExistsError:
            if not folder.is_dir():
                raise
        sync(folder.parent)


def sync(path: Path) -> None:
    """Sync a file's content, or a folder's entries, to the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_new(path: Path, spare: str, names: Iterable[str], content: bytes) -> str:
    """Write a new file into the folder at `path`, under the first free name of `names`.

    Returns the name. `spare` is the temporary name. If the call fails, both files are removed,
    unless the disk refuses that too.
    """
    folder = os.open(path, _FOLDER)
    ours = []
    try:
        file = _create(folder, spare)
        ours.append(spare)
        _fill(file, content)
        # An empty file reserves the name, so that the rename replaces no other file. A hard link
        # would not need it, but the file systems of USB sticks have no hard links.
        name = _first_free(folder, names)
        ours.append(name)
        os.rename(spare, name, src_dir_fd=folder, dst_dir_fd=folder)
        os.fsync(folder)
    except BaseException:
        for left_over in ours:
            # The first error says more.
            with suppress(OSError):
                os.unlink(left_over, dir_fd=folder)
        raise
    else:
        return name
    finally:
        os.close(folder)


def replace(path: Path, content: bytes) -> None:
    """Replace a file, or make it: at any moment the disk has the old bytes or the new."""
    spare = f"{path.name}.{os.getpid()}-{os.urandom(4).hex()}.new"
    folder = os.open(path.parent, _FOLDER)
    try:
        try:
            _fill(_create(folder, spare), content)
            os.rename(spare, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except BaseException:
            with suppress(OSError):  # the first error says more
                os.unlink(spare, dir_fd=folder)
            raise
        os.fsync(folder)
    finally:
        os.close(folder)


def sweep_spares(path: Path) -> None:
    """Overwrite and delete what a `replace` of this file left whose process was killed.

    What is no plain file of ours with one name was left by something else, and stays. Raises
    OSError.
    """
    for spare in path.parent.glob(f"{glob.escape(path.name)}.*-*.new"):
        try:
            check_side_file(spare)
        except OSError:
            continue
        owner = spare.name.removeprefix(f"{path.name}.").partition("-")[0]
        if not (owner.isdecimal() and _is_running(int(owner[:9]))):
            overwrite(spare)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's
        return True
    return True


@contextmanager
def written_whole(path: Path) -> Iterator[IO[bytes]]:
    """A file to write in parts: it gets its name when the block ends well, complete and synced."""
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as out:
        spare = Path(out.name)
        try:
            yield out
            out.flush()
            os.fsync(out.fileno())
            spare.rename(path)
            sync(path.parent)
        except BaseException:
            spare.unlink(missing_ok=True)
            raise


def overwrite(path: Path) -> None:
    """Write zeros over a file, sync it, and delete it; nothing if there is none. OSError."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return
    try:
        size = os.fstat(fd).st_size
        for start in range(0, size, _CHUNK):
            os.pwrite(fd, bytes(min(_CHUNK, size - start)), start)
        os.fsync(fd)
    finally:
        os.close(fd)
    path.unlink()


def is_plain(path: Path) -> bool:
    """Whether there is a plain file at a path, and not a link to one."""
    try:
        return stat.S_ISREG(path.lstat().st_mode)
    except (OSError, UnicodeEncodeError):
        return False


def open_plain(path: Path) -> BufferedReader:
    """Open a plain file for reading. Raises OSError for a symbolic link, a pipe or a device."""
    file = os.open(path, _READ)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return os.fdopen(file, "rb")


def _create(folder: int, name: str) -> int:
    file = os.open(name, _NEW, 0o600, dir_fd=folder)
    give_to_owner(file, os.fstat(folder))
    return file


def _fill(file: int, content: bytes) -> None:
    """Write, sync and close a file."""
    try:
        rest = memoryview(content)
        while rest:
            rest = rest[os.write(file, rest) :]
        os.fsync(file)
    finally:
        os.close(file)


def _first_free(folder: int, names: Iterable[str]) -> str:
    for name in names:
        try:
            os.close(_create(folder, name))
        except FileExistsError:
            continue
        return name
    raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
