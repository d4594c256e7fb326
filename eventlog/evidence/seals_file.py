"""The seals file: one slot for each personal text, changed in place and synced at once.

It is changed in place because a file that is written again leaves its old blocks on the disk, names
included. A new slot is on the disk before `seal` returns, so that no record can name a seal whose
opening a power cut took. Slots are never used again.

Several processes may have the file open. A change is made under an exclusive flock and raises the
counter of the header; `refresh` compares it and reads the slots again. A header that a power cut
damaged loses nothing: the log's id is known from the file's name and the file's own id from the
journal, and both are written again.

Knows no journal: its caller says which seals were erased.
"""

from __future__ import annotations

import fcntl
import logging
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Self, TypeAlias

from msgspec.structs import replace

from eventlog.errors import KeysMissing
from eventlog.evidence.seals import (
    COUNTER_AT,
    OPENING_SIZE,
    SLOT_SIZE,
    BadSlot,
    Header,
    Slot,
    State,
    What,
    check_text,
    commitment,
    pack,
    pack_header,
    unpack,
    unpack_header,
)
from eventlog.storage.durable_files import sync
from eventlog.storage.error_translation import translated

log = logging.getLogger("eventlog")

_Change: TypeAlias = Callable[[Slot], Slot]

# The file grows by this many empty slots, so that most new seals change no length.
SLOTS_AHEAD: Final = 64
_ID_SIZE: Final = 16
_COUNTER_SIZE: Final = 8
_FLAGS: Final = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW


def _key(what: What, text: str, person: bytes | None) -> tuple[What, str, bytes]:
    return what, text, person or b"" if what is What.DISPLAY_NAME else b""


def _retired(slot: Slot) -> Slot:
    return replace(slot, state=State.RETIRED)


class SealsFile:
    """An open seals file. Its methods may be called from any thread.

    `person`, the seal of a person's name, ties the slots of one person together.
    """

    def __init__(self, path: Path, log_id: bytes, *, seals_id: bytes | None = None) -> None:
        """Open the file of a log.

        Args:
            path: the file.
            log_id: the log's 16 bytes; another log's file is refused.
            seals_id: the file's own id as the journal knows it. None: not known yet, and then a
                damaged header can't be repaired.

        Raises:
            KeysMissing: there is no such file, it is another log's, or it can't be read.
            DatabaseError: the disk refused to read it.
        """
        self.path = path
        self._mutex = threading.RLock()
        self._by_seal: dict[bytes, tuple[int, Slot]] = {}
        self._by_text: dict[tuple[What, str, bytes], bytes] = {}
        self._retired: dict[str, bytes] = {}  # by name, the person whose seal was retired
        self.damaged: list[int] = []
        self._used = 1
        self._counter = -1
        try:
            self._fd = os.open(path, _FLAGS)
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
                self.seals_id = self._checked_header(log_id, seals_id).seals_id
                self.refresh()
        except BaseException:
            os.close(self._fd)
            raise

    @classmethod
    def create(cls, path: Path, log_id: bytes) -> Self:
        """Make the file of a log that has none, readable by its owner only.

        Raises KeysMissing if there is one already; DatabaseError.
        """
        header = Header(log_id, os.urandom(_ID_SIZE), 0)
        with translated(path):
            try:
                fd = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError as error:
                raise KeysMissing(f"there is a seals file {path} already") from error
            try:
                os.pwrite(fd, pack_header(header) + bytes(SLOTS_AHEAD * SLOT_SIZE), 0)
                os.fsync(fd)
            finally:
                os.close(fd)
            sync(path.parent)
        return cls(path, log_id)

    # ── reading ────────────────────────────────────────────────────────────────────────────

    def refresh(self) -> bool:
        """Read the slots again if another process or this one has changed the file since.

        Returns:
            Whether anything was read.
        """
        with self._mutex:
            if self._counter_on_disk() == self._counter:
                return False
            with self._flocked(fcntl.LOCK_SH):
                self._read_slots()
            return True

    def counter(self) -> int:
        """A number that every change of the file raises, by whichever process."""
        with self._mutex:
            return self._counter_on_disk()

    def find(
        self, text: str, what: What = What.NAME, *, person: bytes | None = None
    ) -> bytes | None:
        """The live seal of a text; None if it was never sealed, or not any more.

        Two persons may have one display name: each has a seal of it.
        """
        with self._mutex:
            self.refresh()
            return self._by_text.get(_key(what, text, person))

    def opened(self, sealed: bytes) -> Slot | None:
        """The slot of a seal, erased ones too; None if this file does not know the seal."""
        with self._mutex:
            self.refresh()
            found = self._by_seal.get(sealed)
            return None if found is None else found[1]

    def of_person(self, person: bytes) -> list[bytes]:
        """Every seal of a person, by the seal of the name: live and retired ones."""
        with self._mutex:
            self.refresh()
            return [seal for seal, (_, slot) in self._by_seal.items() if slot.person == person]

    def slots(self) -> list[Slot]:
        """Every slot that is in use, in the order in which they were made."""
        with self._mutex:
            self.refresh()
            return [slot for _, slot in self._by_seal.values()]

    # ── changing ───────────────────────────────────────────────────────────────────────────

    def seal(
        self, text: str, what: What = What.NAME, *, person: bytes | None = None, made_at_us: int
    ) -> bytes:
        """The seal of a text: the one that it has, or a new one that is on the disk on return.

        Args:
            text: 1 to 256 bytes of UTF-8.
            what: which kind of text it is.
            person: the seal of the person's name. None: the text is the name itself, or belongs
                to nobody who has a name.
            made_at_us: the time now, in microseconds since 1970.

        Returns:
            The seal's 32 bytes.

        Raises:
            BadArgument: a text that no slot can hold.
            DatabaseError: the disk refused to write it; nothing was sealed then.
        """
        check_text(text)
        with self._mutex:
            known = self.find(text, what, person=person)
            if known is not None:
                return known
            with self._changing():
                known = self._by_text.get(
                    _key(what, text, person)
                )  # another process may have sealed it
                if person is None and what is What.NAME:
                    person = self._retired.get(text)  # the same person, whose seal was shown
                return known if known is not None else self._add(text, what, person, made_at_us)

    def erase(self, seals: Iterable[bytes]) -> int:
        """Overwrite what opens these seals; on return it is gone from the disk.

        Returns:
            How many slots were erased now; those that were erased before do not count.

        Raises:
            DatabaseError: the disk refused; call it again.
        """
        return self._change(seals, {State.LIVE, State.RETIRED}, Slot.erased)

    def retire(self, seals: Iterable[bytes]) -> int:
        """Let these seals be opened but never be used again for a new record.

        Returns:
            How many slots were live until now.

        Raises:
            DatabaseError: the disk refused; call it again.
        """
        return self._change(seals, {State.LIVE}, _retired)

    def finish_erasures(self, erased: Collection[bytes]) -> int:
        """What every start does: erase what the journal erased, whatever this file says.

        An old copy of the file restores no name. While an erased seal has no slot that says so,
        its slot may be one of the damaged ones, so these are overwritten as well.

        Args:
            erased: every seal that a `person_erased` of the journal names.

        Returns:
            How many slots were overwritten.

        Raises:
            DatabaseError: the disk refused; the next start tries again.
        """
        with self._mutex:
            count = self.erase(erased)
            self.refresh()
            if self.damaged and any(seal not in self._by_seal for seal in erased):
                with self._changing():
                    for number in self.damaged:
                        self._write(number, bytes(SLOT_SIZE))
                    count += len(self.damaged)
                log.warning("%d damaged slots of %s were overwritten", count, self.path)
            return count

    def close(self) -> None:
        """Close the file."""
        with self._mutex:
            if self._fd >= 0:
                os.close(self._fd)
                self._fd = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ── inside ─────────────────────────────────────────────────────────────────────────────

    def _add(self, text: str, what: What, person: bytes | None, made_at_us: int) -> bytes:
        opening = os.urandom(OPENING_SIZE)
        sealed = commitment(opening, text)
        slot = Slot(
            state=State.LIVE,
            what=what,
            sealed=sealed,
            opening=opening,
            person=sealed if person is None else person,
            made_at_us=made_at_us,
            text=text,
        )
        number = self._used
        if (number + 1) * SLOT_SIZE > os.fstat(self._fd).st_size:
            os.pwrite(self._fd, bytes(SLOTS_AHEAD * SLOT_SIZE), number * SLOT_SIZE)
        self._write(number, pack(slot))
        self._used += 1
        self._keep(number, slot)
        return sealed

    def _change(self, seals: Iterable[bytes], states: set[State], new: _Change) -> int:
        with self._mutex:
            wanted = list(seals)
            with self._changing():
                found = [self._by_seal[seal] for seal in wanted if seal in self._by_seal]
                todo = [(number, slot) for number, slot in found if slot.state in states]
                for number, slot in todo:
                    self._write(number, pack(new(slot)))
            return len(todo)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Under the exclusive flock, with the slots as they are on the disk; synced at the end."""
        with translated(self.path), self._flocked(fcntl.LOCK_EX):
            if self._counter_on_disk() != self._counter:
                self._read_slots()
            try:
                yield
                os.fsync(self._fd)
            finally:
                # Also after a failure: what is on the disk is then read again by everybody.
                self._raise_counter()
                self._read_slots()

    @contextmanager
    def _flocked(self, how: int) -> Iterator[None]:
        fcntl.flock(self._fd, how)
        try:
            yield
        finally:
            fcntl.flock(self._fd, fcntl.LOCK_UN)

    def _checked_header(self, log_id: bytes, seals_id: bytes | None) -> Header:
        try:
            header = unpack_header(os.pread(self._fd, SLOT_SIZE, 0))
        except BadSlot as error:
            if seals_id is None:
                raise KeysMissing(f"the header of the seals file {self.path} is damaged") from error
            log.warning("the header of the seals file %s was damaged and is made anew", self.path)
            header = Header(log_id, seals_id, 1)
            with self._flocked(fcntl.LOCK_EX):
                self._write(0, pack_header(header))
                os.fsync(self._fd)
        if header.log_id != log_id or seals_id not in (None, header.seals_id):
            raise KeysMissing(f"the seals file {self.path} belongs to another log")
        self._log_id = log_id
        return header

    def _counter_on_disk(self) -> int:
        return int.from_bytes(os.pread(self._fd, _COUNTER_SIZE, COUNTER_AT), "big")

    def _raise_counter(self) -> None:
        header = Header(self._log_id, self.seals_id, self._counter_on_disk() + 1 & 2**64 - 1)
        self._write(0, pack_header(header))

    def _read_slots(self) -> None:
        counter = self._counter_on_disk()
        data = os.pread(self._fd, os.fstat(self._fd).st_size, 0)
        self._by_seal, self._by_text, self._retired, self.damaged = {}, {}, {}, []
        self._used = 1
        for number in range(1, len(data) // SLOT_SIZE):
            try:
                slot = unpack(data[number * SLOT_SIZE : (number + 1) * SLOT_SIZE])
            except BadSlot:
                self.damaged.append(number)
                self._used = number + 1
                continue
            if slot.state is not State.FREE:
                self._keep(number, slot)
                self._used = number + 1
        self._counter = counter

    def _keep(self, number: int, slot: Slot) -> None:
        self._by_seal[slot.sealed] = number, slot
        if slot.state is State.LIVE:
            self._by_text[_key(slot.what, slot.text, slot.person)] = slot.sealed
        elif slot.state is State.RETIRED and slot.what is What.NAME:
            self._retired[slot.text] = slot.person

    def _write(self, number: int, data: bytes) -> None:
        os.pwrite(self._fd, data, number * SLOT_SIZE)
