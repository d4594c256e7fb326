"""A file of slots of one size, changed in place and synced at once, by several processes.

A change is made under an exclusive flock and raises the counter of the header; `refresh` compares
it and reads the slots again. A header that a power cut damaged loses nothing: the log's id is known
from the file's name and the file's own id from the journal, and both are written again.

Knows how a slot is packed, and not what its text means.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from eventlog.errors import KeysMissing, UnsafeFile
from eventlog.evidence.seals import (
    COUNTER_AT,
    SLOT_SIZE,
    BadSlot,
    Header,
    Slot,
    State,
    pack,
    pack_header,
    unpack,
    unpack_header,
)
from eventlog.storage.durable_files import sync
from eventlog.storage.error_translation import translated
from eventlog.storage.side_files import open_side_file

log = logging.getLogger("eventlog")

# The file grows by this many empty slots, so that most new seals change no length.
SLOTS_AHEAD: Final = 64
_ID_SIZE: Final = 16
_COUNTER_SIZE: Final = 8
_NEW: Final = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL
SIZE_MAX: Final = 1 << 30  # of millions of seals; all of it is read


def create(path: Path, log_id: bytes, seals_id: bytes | None = None) -> None:
    """Make the file of a log that has none, readable by its owner only.

    Raises KeysMissing if there is one already; DatabaseError.
    """
    header = Header(log_id, seals_id or os.urandom(_ID_SIZE), 0)
    with translated(path):
        try:
            fd = os.open(path, _NEW, 0o600)
        except FileExistsError as error:
            raise KeysMissing(f"there is a seals file {path} already") from error
        try:
            os.pwrite(fd, pack_header(header) + bytes(SLOTS_AHEAD * SLOT_SIZE), 0)
            os.fsync(fd)
        finally:
            os.close(fd)
        sync(path.parent)


class SlotFile:
    """An open file of slots. One thread at a time may use it.

    Attributes:
        seals_id: The file's own id, 16 bytes.
        slots: The slots in use, by their number, as they were last read or written.
        damaged: The numbers of the slots that could not be read.
        counter: The header's counter when they were read.
        opened: How often the file was replaced and opened again.
        reads: How often all slots were read.
        written: The numbers of the slots that were written since; its reader empties it.
    """

    def __init__(self, path: Path, log_id: bytes, seals_id: bytes | None) -> None:
        """Open the file of a log, and read it. Raises what `SealsFile` raises."""
        self.path = path
        self.slots: dict[int, Slot] = {}
        self.damaged: list[int] = []
        self.counter = -1
        self.opened = self.reads = 0
        self.written: list[int] = []
        self._last = 0  # the number of the last slot that is in use or damaged
        try:
            self._fd = open_side_file(path, os.O_RDWR)
        except FileNotFoundError as error:
            raise KeysMissing(
                f"there is no seals file {path}: names can't be read or kept"
            ) from error
        except OSError as error:
            raise KeysMissing(
                f"the seals file {path} can't be opened ({error.strerror})"
            ) from error
        try:
            with translated(path):
                header = self._checked_header(log_id, seals_id)
                self._log_id, self.seals_id = header.log_id, header.seals_id
                self.refresh()
        except BaseException:
            os.close(self._fd)
            raise

    def refresh(self) -> bool:
        """Read the slots again if the file was changed since; whether anything was read."""
        if self.is_there() and self._is_replaced():
            self._open_again()
        if self.counter_on_disk() == self.counter:
            return False
        with self._flocked(fcntl.LOCK_SH):
            self._read()
        return True

    def counter_on_disk(self) -> int:
        """A number that every change of the file raises, by whichever process."""
        return int.from_bytes(os.pread(self._fd, _COUNTER_SIZE, COUNTER_AT), "big")

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Under the exclusive flock, with the slots as they are on the disk; synced at the end.

        Raises KeysMissing if the file was deleted: what is written then is gone with the last
        process that has it open.
        """
        with translated(self.path), self._flocked(fcntl.LOCK_EX):
            if not self.is_there() or self._is_replaced():
                raise KeysMissing(f"the seals file {self.path} was deleted, or replaced just now")
            if self.counter_on_disk() != self.counter:
                self._read()
            done = False
            try:
                yield
                os.fsync(self._fd)
                done = True
            finally:
                # Also after a failure: every process then reads again what is on the disk.
                counter = self.counter_on_disk() + 1 & 2**64 - 1
                self._put(0, pack_header(Header(self._log_id, self.seals_id, counter)))
                if done:  # a new seal of many must not take as long as reading them all
                    self.counter = counter
                else:
                    self._read()

    def add(self, slot: Slot) -> None:
        """Write a new slot after all others, inside `changing`."""
        number = self._last + 1
        if (number + 1) * SLOT_SIZE > os.fstat(self._fd).st_size:
            os.pwrite(self._fd, bytes(SLOTS_AHEAD * SLOT_SIZE), number * SLOT_SIZE)
        self.write(number, slot)

    def write(self, number: int, slot: Slot) -> None:
        """Write a slot in its place, inside `changing`."""
        self._put(number, pack(slot))
        self.slots[number] = slot
        self.written.append(number)
        self._last = max(self._last, number)

    def wipe(self, number: int) -> None:
        """Overwrite a damaged slot with zeros, inside `changing`."""
        self._put(number, bytes(SLOT_SIZE))
        self.damaged = [one for one in self.damaged if one != number]

    def close(self) -> None:
        """Close the file. Closing twice does nothing."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def is_there(self) -> bool:
        """Whether the file was not deleted."""
        return self.path.exists()

    def _is_replaced(self) -> bool:
        """Whether another file has our path now, as after a restore."""
        return not os.path.samestat(self.path.stat(), os.fstat(self._fd))

    def _open_again(self) -> None:
        with translated(self.path):
            old, self._fd = self._fd, open_side_file(self.path, os.O_RDWR)
        os.close(old)
        self._checked_header(self._log_id, self.seals_id)
        self.opened += 1
        self.counter = -1

    @contextmanager
    def _flocked(self, how: int) -> Iterator[None]:
        fcntl.flock(self._fd, how)
        try:
            yield
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _checked_header(self, log_id: bytes, seals_id: bytes | None) -> Header:
        if os.fstat(self._fd).st_size > SIZE_MAX:
            raise UnsafeFile(f"{self.path}: it has more than {SIZE_MAX} bytes; move it away")
        try:
            header = unpack_header(os.pread(self._fd, SLOT_SIZE, 0))
        except BadSlot as error:
            if seals_id is None:
                raise KeysMissing(f"the header of the seals file {self.path} is damaged") from error
            log.warning(
                "the header of the seals file %s was damaged and is written again", self.path
            )
            header = Header(log_id, seals_id, 1)
            with self._flocked(fcntl.LOCK_EX):
                self._put(0, pack_header(header))
                os.fsync(self._fd)
        if header.log_id != log_id or seals_id not in (None, header.seals_id):
            raise KeysMissing(f"the seals file {self.path} belongs to another log")
        return header

    def _read(self) -> None:
        counter = self.counter_on_disk()
        data = os.pread(self._fd, min(os.fstat(self._fd).st_size, SIZE_MAX), 0)
        self.slots, self.damaged = {}, []
        for number in range(1, len(data) // SLOT_SIZE):
            try:
                slot = unpack(data[number * SLOT_SIZE : (number + 1) * SLOT_SIZE])
            except BadSlot:
                self.damaged.append(number)
                continue
            if slot.state is not State.FREE:
                self.slots[number] = slot
        self.counter = counter
        self.reads += 1
        self.written = []
        self._last = max([0, *self.slots, *self.damaged])

    def _put(self, number: int, data: bytes) -> None:
        os.pwrite(self._fd, data, number * SLOT_SIZE)
