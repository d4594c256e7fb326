r"""The second place of a log's keys: one file with its seals, signing key and tree secret.

It is renewed in place, so that a name that was erased is overwritten there as well:

        0   a head (below) in 64 KiB
    64 Ki   the same head again: one of the two is complete, wherever a renewal was cut off
   128 Ki   the slots of the seals file, as they are there

A head: magic (23 bytes), length (4), SHA-256 of what follows (32), JSON of `_Head`.
Integers are big-endian. Knows the files of the folder of keys, and no journal.
"""

from __future__ import annotations

import fcntl
import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from eventlog.errors import BadArgument, KeysMissing
from eventlog.evidence.keys import KeysDir, require_apart
from eventlog.evidence.seals import SLOT_SIZE, BadSlot, Slot, State, unpack
from eventlog.evidence.small_files import read_small
from eventlog.storage.durable_files import replace, sweep_spares
from eventlog.storage.error_translation import translated
from eventlog.storage.side_files import open_side_file

_MAGIC: Final = b"eventlog/keys-backup/1\0"
_PREFIX: Final = struct.Struct(">23sI32s")
_HEAD_SIZE: Final = 64 * 1024
_SEALS_AT: Final = 2 * _HEAD_SIZE
# What goes along with the seals, by ending.
_OPEN: Final = frozenset({State.LIVE, State.RETIRED})
_FILES: Final = ("signing", "retired", "secret", "signed", "witness", "push")
_FLAGS: Final = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW


class _Head(Struct, frozen=True):
    log_id: bytes
    made_at_us: int
    files: dict[str, bytes]
    seals_bytes: int


class KeysBackup(Struct, frozen=True):
    """What a backup of keys holds: the files of a log's keys by ending, `seals` among them.

    `names` is how many names its seals open.
    """

    log_id: bytes
    made_at_us: int
    files: dict[str, bytes]

    @property
    def names(self) -> int:
        """How many seals can be opened by it."""
        return len(opened_by(self))


def write(keys: KeysDir, target: Path, made_at_us: int) -> KeysBackup:
    """Copy a log's keys to a second place, or renew the copy there.

    Args:
        keys: the log's files in the folder of keys.
        target: a new file, or an earlier backup of the same log's keys.
        made_at_us: the time now, microseconds since 1970.

    Returns:
        What was written.

    Raises:
        BadArgument: the target holds something else, or something that the folder of keys has
            lost, or is in the folder of keys.
        DatabaseError: the disk refused; an earlier copy stays usable.
    """
    if target.parent.resolve().is_relative_to(keys.path.resolve()):
        raise BadArgument(f"{target} is in the folder of keys itself: name another place")
    files = {ending: data for ending in _FILES if (data := _read(keys.file(ending)))}
    seals = _read_seals(keys.file("seals"))
    head = _head(_Head(keys.log_id, made_at_us, files, len(seals)))
    with translated(target):
        sweep_spares(target)
        if not target.exists():
            replace(target, head + head + seals)
        else:
            _require_newer(read(target), keys, files, seals, target)
            _renew(target, head, seals)
    return KeysBackup(keys.log_id, made_at_us, {**files, "seals": seals})


def read(path: Path) -> KeysBackup:
    """The content of a backup of keys. Raises KeysMissing if it is not one."""
    try:
        # In two steps, and waiting for no writer: neither a device nor a pipe is a backup.
        with open(path, "rb", opener=_at_once) as file:
            data = file.read(_SEALS_AT)
            heads = [
                head
                for start in (0, _HEAD_SIZE)
                if (head := _read_head(data[start : start + _HEAD_SIZE])) is not None
            ]
            if not heads:
                raise KeysMissing(f"{path} is not a backup of keys, or is damaged")
            head = max(heads, key=lambda one: one.made_at_us)
            seals = file.read(head.seals_bytes)
    except OSError as error:
        raise KeysMissing(f"{path} can't be read: {error.strerror}") from error
    return KeysBackup(head.log_id, head.made_at_us, {**head.files, "seals": seals})


def _at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK | os.O_CLOEXEC)


def restore(path: Path, folder: Path, db_path: Path) -> KeysBackup:
    """Put a log's keys back from their second place.

    Args:
        path: the backup.
        folder: the folder of keys, made where it is missing.
        db_path: The log, next to which the folder must not be.

    Returns:
        What was put back.

    Raises:
        BadArgument: one of the files is there already, or the folder is the log's own.
        KeysMissing: it is not a backup of keys.
        DatabaseError: the disk refused.
    """
    held = read(path)
    require_apart(folder, db_path)
    keys = KeysDir(folder, held.log_id)
    files = {keys.file(ending): data for ending, data in held.files.items() if data}
    for file in files:
        if file.exists():
            raise BadArgument(f"{file} exists already and was not changed")
    keys.make(db_path)
    with translated(folder):
        for file, data in files.items():
            replace(file, data)
    return held


def opened_by(backup: KeysBackup) -> set[bytes]:
    """The seals that a backup opens."""
    return {slot.sealed for slot in _slots(backup.files["seals"]) if slot.state in _OPEN}


# ── inside ─────────────────────────────────────────────────────────────────────────────────


def _require_newer(
    old: KeysBackup, keys: KeysDir, files: Mapping[str, bytes], seals: bytes, target: Path
) -> None:
    """Raise BadArgument where a backup would lose what only it has."""
    if old.log_id != keys.log_id:
        raise BadArgument(f"{target} is a backup of another log's keys")
    known = {slot.sealed for slot in _slots(seals) if slot.state is not State.LOST}
    gone = [keys.file(ending).name for ending, data in old.files.items() if data]
    gone = [name for name in gone if name.partition(".")[2] not in {*files, "seals"}]
    if lost := len(opened_by(old) - known):
        gone.append("1 name" if lost == 1 else f"{lost} names")
    if gone:
        raise BadArgument(
            f"{target} has {', '.join(gone)} that {keys.path} has lost, so it is not renewed. To"
            f" put the keys back: move {keys.path} away, then eventlog keys restore {target}"
        )


def _head(head: _Head) -> bytes:
    body = msgspec.json.encode(head)
    data = _PREFIX.pack(_MAGIC, len(body), sha256(body).digest()) + body
    if len(data) > _HEAD_SIZE:
        raise BadArgument("the keys are larger than a backup of them can hold")
    return data.ljust(_HEAD_SIZE, b"\0")


def _read_head(data: bytes) -> _Head | None:
    if len(data) < _PREFIX.size:
        return None
    magic, length, digest = _PREFIX.unpack_from(data)
    body = data[_PREFIX.size : _PREFIX.size + length]
    if magic != _MAGIC or sha256(body).digest() != digest:
        return None
    return msgspec.json.decode(body, type=_Head)


def _renew(target: Path, head: bytes, seals: bytes) -> None:
    """Overwrite what has changed: slots first, then each head, each on the disk before the next."""
    with _opened(target) as fd:
        old = os.pread(fd, os.fstat(fd).st_size, _SEALS_AT)
        for start in range(0, max(len(old), len(seals)), SLOT_SIZE):
            new = seals[start : start + SLOT_SIZE] or bytes(SLOT_SIZE)
            if old[start : start + SLOT_SIZE] != new:
                os.pwrite(fd, new, _SEALS_AT + start)
        for at in (None, 0, _HEAD_SIZE):
            if at is not None:
                os.pwrite(fd, head, at)
            os.fsync(fd)


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    fd = os.open(path, _FLAGS)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield fd
    finally:
        os.close(fd)


def _read(path: Path) -> bytes:
    return read_small(path) or b""


def _read_seals(path: Path) -> bytes:
    """The seals file at one moment; nothing where the log has none."""
    with translated(path):
        if not path.exists():
            return b""
        fd = open_side_file(path)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH)
            return os.pread(fd, os.fstat(fd).st_size, 0)
        finally:
            os.close(fd)


def _slots(seals: bytes) -> Iterator[Slot]:
    for start in range(SLOT_SIZE, len(seals), SLOT_SIZE):
        with suppress(BadSlot):
            yield unpack(seals[start : start + SLOT_SIZE])
