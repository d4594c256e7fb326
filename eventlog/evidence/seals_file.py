"""The seals file: one slot for each personal text, and what is found in it.

It is changed in place because a file that is written again leaves its old blocks on the disk, names
included. A new slot is on the disk before `seal` returns, so that no record can name a seal whose
opening a power cut took. Slots are never used again. `slot_file.py` reads and writes the slots.

Knows no journal: its caller says which seals were erased.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self, TypeAlias

from msgspec.structs import replace

from eventlog.errors import KeysMissing
from eventlog.evidence import slot_file
from eventlog.evidence.seals import OPENING_SIZE, Slot, State, What, check_text, commitment
from eventlog.evidence.slot_file import SlotFile

log = logging.getLogger("eventlog")

_Change: TypeAlias = Callable[[Slot], Slot]
_Key: TypeAlias = tuple[What, str, bytes]


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
        self._file = SlotFile(path, log_id, seals_id)
        self.seals_id = self._file.seals_id
        self._indexed = -1  # which reading of the file was indexed
        self._by_seal: dict[bytes, int] = {}
        self._by_text: dict[_Key, bytes] = {}
        self._retired: dict[str, bytes] = {}  # by name, the person whose seal was retired
        self._index()

    @classmethod
    def create(cls, path: Path, log_id: bytes, *, seals_id: bytes | None = None) -> Self:
        """Make the file of a log that has none, readable by its owner only.

        `seals_id` is that of a file that was lost. Raises KeysMissing if there is one already;
        DatabaseError.
        """
        slot_file.create(path, log_id, seals_id)
        return cls(path, log_id)

    @property
    def damaged(self) -> list[int]:
        """The numbers of the slots that could not be read."""
        return self._file.damaged

    # ── reading ────────────────────────────────────────────────────────────────────────────

    def refresh(self) -> bool:
        """Read the slots again if another process or this one has changed the file since.

        Returns:
            Whether anything was read.
        """
        with self._mutex:
            was_read = self._file.refresh()
            self._index()
            return was_read

    def counter(self) -> tuple[int, int]:
        """What every change of the file raises, by whichever process, and a new file too."""
        with self._mutex:
            if not self._file.is_there():
                return -1, 0
            self.refresh()
            return self._file.opened, self._file.counter

    def find(
        self, text: str, what: What = What.NAME, *, person: bytes | None = None
    ) -> bytes | None:
        """The live seal of a text; None if it has none, or none that is still used.

        Two persons may have one display name: each has a seal of it.
        """
        with self._mutex:
            self.refresh()
            return self._by_text.get(_key(what, text, person))

    def opened(self, sealed: bytes) -> Slot | None:
        """The slot of a seal, erased ones too; None if this file does not know the seal."""
        with self._mutex:
            self.refresh()
            number = self._by_seal.get(sealed)
            return None if number is None else self._file.slots[number]

    def of_person(self, person: bytes) -> list[bytes]:
        """Every seal of a person, by the seal of the name: live and retired ones."""
        with self._mutex:
            self.refresh()
            return [slot.sealed for slot in self._file.slots.values() if slot.person == person]

    def slots(self) -> list[Slot]:
        """Every slot that is in use, in the order in which they were made."""
        with self._mutex:
            self.refresh()
            return list(self._file.slots.values())

    # ── changing ───────────────────────────────────────────────────────────────────────────

    def seal(
        self, text: str, what: What = What.NAME, *, person: bytes | None = None, made_at_us: int
    ) -> bytes:
        """The seal of a text: the one that it has, or a new one that is on the disk on return.

        Args:
            text: 1 to 256 bytes of UTF-8.
            what: which kind of text it is.
            person: the seal of the person's name. None: the text is the name itself, or belongs
                to a person without a name.
            made_at_us: the time now, in microseconds since 1970.

        Returns:
            The seal's 32 bytes.

        Raises:
            BadArgument: a text that no slot can hold.
            KeysMissing: the file was deleted.
            DatabaseError: the disk refused to write it; nothing was sealed then.
        """
        check_text(text)
        with self._mutex:
            if not self._file.is_there():
                raise KeysMissing(f"the seals file {self.path} was deleted: put it back")
            known = self.find(text, what, person=person)
            if known is not None:
                return known
            with self._changing():
                # Another process may have sealed it.
                known = self._by_text.get(_key(what, text, person))
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
        return self._change(seals, {State.LIVE, State.RETIRED, State.LOST}, Slot.erased)

    def retire(self, seals: Iterable[bytes]) -> int:
        """Let these seals be opened but never be used again for a new record.

        Returns:
            How many slots were live until now.

        Raises:
            DatabaseError: the disk refused; call it again.
        """
        return self._change(seals, {State.LIVE}, _retired)

    def mark_lost(self, seals: Iterable[bytes]) -> int:
        """Say of seals that this file lacks that nothing opens them any more.

        Returns:
            How many it lacked.

        Raises:
            DatabaseError: the disk refused; call it again.
        """
        with self._mutex, self._changing():
            lost = [seal for seal in seals if seal not in self._by_seal]
            for seal in lost:
                self._file.add(Slot(state=State.LOST, sealed=seal))
            return len(lost)

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
                    count += len(self.damaged)
                    for number in self.damaged:
                        self._file.wipe(number)
                    for seal in erased:
                        if seal not in self._by_seal:
                            self._file.add(Slot(state=State.ERASED, sealed=seal))
                log.warning("%d damaged slots of %s were overwritten", count, self.path)
            return count

    def close(self) -> None:
        """Close the file."""
        with self._mutex:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ── inside ─────────────────────────────────────────────────────────────────────────────

    def _add(self, text: str, what: What, person: bytes | None, made_at_us: int) -> bytes:
        opening = os.urandom(OPENING_SIZE)
        sealed = commitment(opening, text)
        self._file.add(
            Slot(
                state=State.LIVE,
                what=what,
                sealed=sealed,
                opening=opening,
                person=sealed if person is None else person,
                made_at_us=made_at_us,
                text=text,
            )
        )
        return sealed

    def _change(self, seals: Iterable[bytes], states: set[State], new: _Change) -> int:
        with self._mutex:
            wanted = list(seals)
            with self._changing():
                found = [self._by_seal[seal] for seal in wanted if seal in self._by_seal]
                todo = [one for one in found if self._file.slots[one].state in states]
                for number in todo:
                    self._file.write(number, new(self._file.slots[number]))
            return len(todo)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        try:
            with self._file.changing():
                self._index()
                yield
        finally:
            self._index()

    def _index(self) -> None:
        """Find the slots by seal and by text, as they were last read and written."""
        file = self._file
        written, file.written = file.written, []
        added = [(number, file.slots[number]) for number in written]
        if self._indexed != file.reads or any(slot.state is not State.LIVE for _, slot in added):
            self._indexed = file.reads
            self._by_seal, self._by_text, self._retired = {}, {}, {}
            added = list(file.slots.items())
        for number, slot in added:
            self._by_seal[slot.sealed] = number
            if slot.state is State.LIVE:
                self._by_text[_key(slot.what, slot.text, slot.person)] = slot.sealed
            elif slot.state is State.RETIRED and slot.what is What.NAME:
                self._retired[slot.text] = slot.person


def _key(what: What, text: str, person: bytes | None) -> _Key:
    return what, text, person or b"" if what is What.DISPLAY_NAME else b""


def _retired(slot: Slot) -> Slot:
    return replace(slot, state=State.RETIRED)
