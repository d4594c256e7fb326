"""The seals of an open log: seals the names of appends, and opens those of records.

    names in clear ──keys_dir given, first append with a name──▶ sealed ──▶ forever
                                                                   │
                     the file of seals is missing: KeysMissing, and only unlock actions go in

Appends are sealed inside the writer's lock, after their key was looked up: one that is known seals
nothing, and no seal that the journal has erased is used again. A seal is on the disk before the
record that names it.
"""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from eventlog import codecs
from eventlog.errors import BadRecord, DatabaseError, KeysMissing
from eventlog.facts import SEALABLE, Sealed, personal_fields, with_personal
from eventlog.followers.opening import ERASED_SEAL, LOST_SEAL, NOT_KEPT, Opening
from eventlog.journal import sealing
from eventlog.journal import table as journal
from eventlog.journal.append import Append, EncodedFact
from eventlog.journal.clock import MACHINE, Machine
from eventlog.storage.connections import transaction
from eventlog.storage.durable_files import sweep_spares
from eventlog.storage.error_translation import translated
from eventlog.store.find_seals import lookup_in, open_seals

if TYPE_CHECKING:
    from eventlog.evidence.seals import What
    from eventlog.evidence.seals_file import SealsFile

log = logging.getLogger("eventlog")

_WHAT: Final = {
    ("detection", "plate"): "PLATE",
    ("unlock_action", "user_ref"): "REFERENCE",
    ("credential_presented", "user_ref"): "REFERENCE",
    ("identity_linked", "identity"): "REFERENCE",
    ("person_named", "display_name"): "DISPLAY_NAME",
}


class LogSeals:
    """What seals and opens names in one open log. Implements `Sealer`."""

    def __init__(
        self,
        log_id: bytes,
        file: SealsFile | None,
        state: sealing.Sealing | None,
        why_not: str = "",
        machine: Machine = MACHINE,
    ) -> None:
        self.file = file
        self.not_kept = 0  # names that could not be kept, of unlock actions
        self.log_id = log_id
        self._state = state
        self._why_not = why_not
        self._machine = machine
        self._begins = False
        self._known: dict[tuple[str, What, bytes | None], bytes] = {}  # of one state of the file
        self._counter = -1, -1
        self._erasing = False  # an erasure was placed, and is not read yet
        self._journal = Opening()  # for the erasures, as the writer's connection sees them

    @classmethod
    def find(
        cls,
        path: Path,
        keys_dir: Path | None,
        machine: Machine,
        connection: sqlite3.Connection,
    ) -> LogSeals:
        """The seals of a log, inside the writer's lock.

        Makes the file and the table `sealing` where the log's names are in clear, and finishes
        erasures that a crash has left. Raises BadArgument, KeysMissing for a folder that can't be
        used, DatabaseError.
        """
        log_id, state = journal.log_id(connection), sealing.read(connection)
        if keys_dir is None:
            why_not = "the log's names are sealed: set KEYS_DIR to the folder of its keys"
            return cls(log_id, None, state, why_not, machine)
        from eventlog.evidence import unfinished  # noqa: PLC0415 - the core does not need the room
        from eventlog.evidence.keys import KeysDir  # noqa: PLC0415 - likewise

        keys = KeysDir(keys_dir, log_id)
        try:
            file = open_seals(keys, path, state)
        except KeysMissing as error:
            if state is None:
                raise
            log.critical("names can't be read or kept: %s", error)
            return cls(log_id, None, state, str(error), machine)
        try:
            unfinished.finish(keys)
            with translated(file.path):
                sweep_spares(file.path)
            if state is None:
                with transaction(connection):
                    sealing.make_table(connection)
            seals = cls(log_id, file, state, "", machine)
            seals.look(connection, anew=True)
            file.finish_erasures(seals._journal.erased)
        except BaseException:
            file.close()
            raise
        return seals

    def opening(self, *, required: bool = True) -> Opening:
        """What opens names for one follower.

        Args:
            required: Whether a seal that nothing opens raises KeysMissing. A log that was not
                sealed here, as an imported one without its keys, shows seals instead.
        """
        lookup = None if self.file is None else lookup_in(self.file)
        sealed = self._state is not None or self.file is not None
        return Opening(lookup, required=required and sealed)

    def close(self) -> None:
        """Close the file."""
        if self.file is not None:
            self.file.close()

    # ── sealing ────────────────────────────────────────────────────────────────────────────

    def look(self, connection: sqlite3.Connection, *, anew: bool = False) -> None:
        """Before the appends of a commit: read what the journal says of seals, if it may be new.

        Args:
            connection: The writer's.
            anew: Whether another process may have appended; our own erasures are noticed here.
        """
        self._begins = False
        if self.file is not None and self._counter != (counter := self.file.counter()):
            self._known.clear()
            self._counter = counter
        if not (anew or self._erasing):
            return
        self._erasing = False
        if self._state is None:
            self._state = sealing.read(connection)
        if self._state is not None or self.file is not None:
            self._journal.refresh(connection)

    @property
    def begins(self) -> bool:
        """Whether the names that were sealed since `look` are the first of the log."""
        return self._begins

    def begin(self, connection: sqlite3.Connection, position: int) -> None:
        """In the transaction of a commit: seal the log from this position on."""
        if self.file is not None:
            sealing.begin(connection, position, self.file.seals_id)
            self._erasing = True  # reads the new state

    def sealed(self, append: Append) -> Append:
        """The append with its names sealed, each on the disk.

        Raises KeysMissing, DatabaseError; an append with an unlock action raises neither.
        """
        if (self.file is None and self._state is None) or append.meta is not None:
            return append
        kinds = {fact.kind for fact in append.facts}
        self._erasing |= "person_erased" in kinds
        if not kinds.intersection(SEALABLE):
            return append
        try:
            return replace(append, facts=tuple(map(self._sealed, append.facts)))
        except (KeysMissing, DatabaseError) as error:
            if not append.unlocks:
                raise
            log.critical("a name of an unlock action could not be kept: %s", error)
        self.not_kept += 1
        return replace(append, facts=tuple(map(_not_kept, append.facts)))

    def _sealed(self, fact: EncodedFact) -> EncodedFact:
        kind = fact.kind
        if kind not in SEALABLE:
            return fact
        from eventlog.evidence.seals import What  # noqa: PLC0415 - the core does not need the room

        def seal(field: str, text: str, owner: str | None) -> bytes:
            self._begins |= self._state is None
            what = What[_WHAT.get((kind, field), "NAME")]
            # A name belongs to itself: `nearest` of a stranger's face is another person.
            if what is What.NAME or owner is None:
                return self._seal(text, what, None)
            return self._seal(text, what, self._seal(owner, What.NAME, None))

        body = codecs.sealed_body(kind, fact.body, seal)
        return fact if body is fact.body else EncodedFact(kind, fact.version, body)

    def _seal(self, text: str, what: What, person: bytes | None) -> bytes:
        file = self.file
        if file is None:
            raise KeysMissing(self._why_not)
        key = text, what, person
        known = self._known.get(key)
        if known is not None and known not in self._journal.erased:
            return known
        seal = file.seal(text, what, person=person, made_at_us=self._machine.now_us())
        while seal in self._journal.erased:  # this file is older than the erasure
            file.erase([seal])
            seal = file.seal(text, what, person=person, made_at_us=self._machine.now_us())
        self._known[key] = seal
        return seal

    # ── a key that is known ────────────────────────────────────────────────────────────────

    def as_ours(
        self, ours: Append, stored: list[tuple[str, int, bytes]]
    ) -> list[tuple[str, int, bytes]]:
        """Stored facts with our texts in place of the seals that stand for them.

        An erased or lost seal matches any text. Raises KeysMissing if a seal can't be opened.
        """
        if len(stored) != len(ours.facts):
            return stored
        return [self._as_ours(fact, other) for fact, other in zip(ours.facts, stored, strict=True)]

    def _as_ours(self, ours: EncodedFact, stored: tuple[str, int, bytes]) -> tuple[str, int, bytes]:
        if ours.kind != stored[0] or ours.kind not in SEALABLE:
            return stored
        try:
            fact = codecs.decode(*stored)
            mine = dict(personal_fields(codecs.decode(ours.kind, ours.version, ours.body)))
        except BadRecord:
            return stored
        opening, texts = self.opening(), dict[str, str | Sealed]()
        opening.erased = self._journal.erased
        for path, value in personal_fields(fact):
            if not isinstance(value, Sealed) or path not in mine:
                continue
            text = opening.text(value.sealed)
            if text is None:
                raise KeysMissing(self._why_not or "the seals file does not know a seal")
            anyone = text in {ERASED_SEAL, LOST_SEAL} or value.sealed == NOT_KEPT
            if anyone or text == mine[path]:
                texts[path] = mine[path]
        return codecs.encode(with_personal(fact, texts)) if texts else stored


def _not_kept(fact: EncodedFact) -> EncodedFact:
    if fact.kind not in SEALABLE:
        return fact
    body = codecs.sealed_body(fact.kind, fact.body, lambda *_: NOT_KEPT)
    return EncodedFact(fact.kind, fact.version, body)
