"""Opens the files next to a database, and refuses everything but plain files of its owner.

Such a path may hold a link, a pipe, a device, a folder, or a file of another user: an attack, a
mistake, or left by another program. So no link is followed. Only a plain file with one name is
opened, and only if it belongs to this user, to the database's owner or to root. A new file gets the
mode of the database and, as root, its owner, as SQLite does for its WAL: so a service can use what
`sudo` has made.

Does not know what the files are for.
"""

from __future__ import annotations

import logging
import os
import pwd
import stat
from pathlib import Path
from typing import Final

log = logging.getLogger("eventlog")

# Without O_NONBLOCK, opening a pipe would wait for its other end.
_HOW: Final = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_KINDS: Final = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a pipe",
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}
_TRIES: Final = 100


class NotOurs(OSError):
    """The path does not hold a plain file of ours; `strerror` says what it holds."""


def open_side_file(path: Path, flags: int = os.O_RDONLY, *, make: bool = False) -> int:
    """A descriptor of the plain file at a path next to a database.

    Args:
        path: The file itself, not a link to it.
        flags: `os.O_RDONLY`, `os.O_WRONLY` or `os.O_RDWR`.
        make: Whether to make the file where it is missing.

    Raises:
        NotOurs: It is not a plain file, has several names, or belongs to another user.
        OSError: As the system does; it names the file and, where access is denied, its owner.
    """
    for _ in range(_TRIES):
        try:
            # Checked before it is opened, because opening a device may start it.
            check_side_file(path)
            fd = os.open(path, flags | _HOW)
        except FileNotFoundError:
            if not make:
                raise
            try:
                return make_side_file(path, flags)
            except FileExistsError:
                continue
        except PermissionError as error:
            raise PermissionError(error.errno, _denied(path, error), str(path)) from error
        try:
            _check(path, os.fstat(fd))
        except BaseException:
            os.close(fd)
            raise
        return fd
    raise NotOurs(0, "comes and goes", str(path))


def check_side_file(path: Path) -> os.stat_result:
    """The state of the plain file at a path. Raises NotOurs, OSError as `open_side_file` does."""
    status = path.lstat()
    _check(path, status)
    return status


def read_side_file(path: Path, size_max: int) -> bytes:
    """The first bytes of a file, at most so many. Raises NotOurs, OSError."""
    fd = open_side_file(path)
    try:
        return os.pread(fd, size_max, 0)
    finally:
        os.close(fd)


def give_to_owner(new: int | Path, like: os.stat_result) -> None:
    """As root: change the owner of a new file or folder to that of the database or the folder."""
    if os.geteuid() == 0 and (like.st_uid, like.st_gid) != (0, os.getegid()):
        if isinstance(new, int):
            os.fchown(new, like.st_uid, like.st_gid)
        else:
            os.chown(new, like.st_uid, like.st_gid, follow_symlinks=False)


def warn_of_open_folder(path: Path) -> None:
    """Log a warning if every user may write to the folder of a database."""
    mode = path.parent.stat().st_mode
    if mode & stat.S_IWOTH:
        log.warning(
            "every user may write to %s: they can put files in the place of the log's own;"
            " use a folder that only its owner can write to",
            path.parent,
        )


def why_denied(path: Path) -> str | None:
    """Why this process can't write to a file; None if it can, or if there is no file."""
    try:
        owner = path.lstat().st_uid
    except OSError:
        return None
    if os.access(path, os.R_OK | os.W_OK, effective_ids=True):
        return None
    return f"{_user(os.geteuid())} can't write to it; it belongs to {_user(owner)}"


def make_side_file(path: Path, flags: int = os.O_RDWR) -> int:
    """Make a file and return its descriptor. Raises FileExistsError if the path exists, OSError."""
    fd = os.open(path, flags | _HOW | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        like = _database(path)
        if like is None:
            give_to_owner(fd, path.parent.stat())
        else:
            give_to_owner(fd, like)
            mode = stat.S_IMODE(like.st_mode) & 0o666
            if mode != 0o600:  # noqa: PLR2004 - as it was made
                os.fchmod(fd, mode)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _check(path: Path, status: os.stat_result) -> None:
    kind = stat.S_IFMT(status.st_mode)
    if kind != stat.S_IFREG:
        what = _KINDS.get(kind, "something else")
        raise NotOurs(0, f"it is {what} and not a plain file; move it away", str(path))
    if status.st_nlink > 1:
        names = f"it has {status.st_nlink} names (hard links)"
        raise NotOurs(0, f"{names}; remove it or the others", str(path))
    if status.st_uid not in {0, os.geteuid()} and not _shares(path, status):
        owner = _user(status.st_uid)
        raise NotOurs(0, f"it belongs to {owner}, and the log does not; move it away", str(path))


def _shares(path: Path, status: os.stat_result) -> bool:
    """Whether a file of another user belongs to the log's owner or, if it may write, its group."""
    like = _database(path)
    if like is None:
        return status.st_uid == path.parent.stat().st_uid
    of_group = status.st_gid == like.st_gid and bool(like.st_mode & stat.S_IWGRP)
    return status.st_uid == like.st_uid or of_group


def _database(path: Path) -> os.stat_result | None:
    """The state of a file's database, whose name is the beginning of the file's name."""
    name = path.name
    while "." in name:
        name = name.rpartition(".")[0]
        try:
            status = path.with_name(name).lstat()
        except (FileNotFoundError, ValueError):
            continue
        if stat.S_ISREG(status.st_mode):
            return status
    return None


def _denied(path: Path, error: OSError) -> str:
    try:
        owner = f"; it belongs to {_user(path.lstat().st_uid)}"
    except OSError:
        owner = ""
    return f"{error.strerror} for {_user(os.geteuid())}{owner}"


def _user(uid: int) -> str:
    try:
        return f"user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"user {uid}"
