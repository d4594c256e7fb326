"""Every error that this package raises on purpose, grouped by who is at fault.

    EventLogError
    ├── CallerError               the calling program asked for something impossible
    │   ├── BadFact               a field of a fact has a value that the journal refuses
    │   ├── BadKey                an idempotency key that the journal refuses
    │   ├── BadArgument           any other argument that is out of range
    │   │   └── OtherHistory      a cursor belongs to another history of the journal
    │   │       └── PastHead      a cursor is past the journal's end
    │   ├── BadAppend             the facts of one append do not fit together
    │   ├── UnknownEvent          the event that the facts should join does not exist
    │   ├── KeyConflict           the key was used before, for other facts
    │   ├── StoreClosed           the store is not open
    │   └── OpenedElsewhere       the store was opened on another event loop or in another process
    ├── BadPayload                a source's message does not have the documented form
    ├── BadRecord                 a stored record can't be read
    │   ├── UnknownKind           a kind, or a version of it, that this program does not know
    │   └── BadBody               the bytes are not a fact of their kind
    ├── EvidenceError             a signed head, a proof or a key
    │   ├── BadNote               text that is not a signed note, proof or key
    │   ├── KeysMissing           there is no key, no folder for keys, or nothing to sign with
    │   ├── SignerBusy            another process signs this log
    │   └── HeadContradicted      a signed head does not match the log
    └── DatabaseError             the disk, or the file on it
        ├── DatabaseMissing       the file does not exist
        ├── MissingFolder         the folder for it does not exist
        ├── NotADatabase          the file is not a SQLite database
        ├── ForeignDatabase       the database is another program's
        ├── NewerDatabase         the database was written by a newer version
        ├── ReadOnly              it can be read but not written
        ├── UnsafeFile            a file next to the database is a link, a pipe or another user's
        ├── LockTimeout           another process held the lock for too long
        ├── DiskFull              the disk has no room left
        ├── DiskFailure           a read or a write failed
        ├── Guarded               a guard of the schema refused a write
        ├── ReplayRunning         another replay of this log is running
        ├── CheckpointMoved       another projector applied the records first
        └── JournalHole           a position is missing

Knows nothing of SQLite: `storage/error_translation.py` translates its errors.
"""

from __future__ import annotations

import copyreg
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventlog.record import Receipt


class EventLogError(Exception):
    """The base of all errors that this package raises on purpose.

    `receipts` is set by `append_many`: up to the last group that was written, a receipt for each
    group that was and None for each that was not.
    """

    receipts: Sequence[Receipt | None] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the message and the attributes: an error may be sent to another process."""
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class CallerError(EventLogError):
    """The calling program asked for something impossible."""


class BadFact(CallerError):
    """A field of a fact has a value that the journal refuses.

    `kind` is the fact's kind, or the name of a type that is not a fact; `field` the field at fault,
    "" if it is not one field; `reason` what is wrong. The value, maybe a name, is not repeated.
    """

    def __init__(self, kind: str, field: str, reason: str) -> None:
        self.kind = kind
        self.field = field
        self.reason = reason
        where = f"{kind}.{field}" if field else kind
        super().__init__(f"{where}: {reason}")


class BadKey(CallerError):
    """An idempotency key is text of 1 to 200 characters that UTF-8 can hold."""


class BadArgument(CallerError):
    """An argument is out of range; the message names it."""


class OtherHistory(BadArgument):
    """A cursor belongs to another history: the journal has another record at its position.

    A backup was restored, or another log was put at the path. Records that the consumer has seen
    may be missing from this journal, so it starts again from 0 or an older cursor. `position` is
    the cursor's.
    """

    def __init__(self, position: int, what: str = "") -> None:
        self.position = position
        what = what or f"position {position} of the journal is another record than the cursor's"
        super().__init__(
            f"{what} (was a backup restored?): start again from 0, or from an older cursor"
        )


class PastHead(OtherHistory):
    """A cursor is past the journal's end. `position` is the cursor's, `head` the journal's."""

    def __init__(self, position: int, head: int) -> None:
        self.head = head
        super().__init__(
            position, f"position {position} is past the end of the journal, which is {head}"
        )


AppendFault: TypeAlias = Literal[
    "no_fact", "two_openers", "opener_with_event", "fact_before_opener", "no_event"
]


class BadAppend(CallerError):
    """The facts of one append do not fit together; nothing was written.

    `reason` is one of: "no_fact" (the append is empty), "two_openers" (an append opens one event at
    most), "opener_with_event" (a motion or a ding opens an event and can't join another),
    "fact_before_opener" (the opener must be first), "no_event" (the fact needs an event: put an
    opener before it, or pass `event_id`).
    """

    def __init__(self, reason: AppendFault, sentence: str) -> None:
        self.reason = reason
        super().__init__(sentence)


class UnknownEvent(CallerError):
    """No event of this log has that id."""

    def __init__(self, event_id: int) -> None:
        self.event_id = event_id
        # Python refuses to print a number of thousands of digits.
        name = event_id if abs(event_id) < 2**64 else "with an id past 64 bits"
        super().__init__(f"this log has no event {name}")


class KeyConflict(CallerError):
    """The key was used before, for other facts; `receipt` is the first append's."""

    def __init__(self, key: str, receipt: Receipt) -> None:
        self.key = key
        self.receipt = receipt
        super().__init__(f"key {key!r} was used before, for other facts")


class StoreClosed(CallerError):
    """The store is not open: call initialize(), or use `async with`."""

    def __init__(self) -> None:
        super().__init__("the store is not open: call initialize(), or use `async with`")


class OpenedElsewhere(CallerError):
    """The store was opened on another event loop, in another thread or in another process.

    `close()` works from anywhere; then `initialize()` opens it here.
    """

    def __init__(self, where: str) -> None:
        super().__init__(
            f"the store was opened in another {where}: use it there, or close() it and open it here"
        )


class BadPayload(EventLogError):
    """A message from `source` does not have the documented form; `reason` says what is wrong."""

    def __init__(self, source: str, reason: str) -> None:
        self.source = source
        self.reason = reason
        super().__init__(f"{source}: {reason}")


class BadRecord(EventLogError):
    """A stored record can't be read; `position` and `kind` say which.

    The message does not repeat the kind: a damaged one may be any text, even a name.
    """

    def __init__(self, position: int, kind: str, reason: str) -> None:
        self.position = position
        self.kind = kind
        self.reason = reason
        super().__init__(f"record {position}: {reason}")


class UnknownKind(BadRecord):
    """The record has a kind, or a version of it, that this program does not know."""


class BadBody(BadRecord):
    """The record's bytes are not a fact of its kind."""


class EvidenceError(EventLogError):
    """A signed head, a proof or a key is at fault."""


class BadNote(EvidenceError):
    """A text is not a signed note, head, proof or key; the message says what is wrong."""


class KeysMissing(EvidenceError):
    """There is no key to sign with, no folder for keys, or no package that signs."""


class SignerBusy(EvidenceError):
    """Another process signs this log's heads; only one may."""

    def __init__(self) -> None:
        super().__init__("another process signs this log's heads: ask it, or wait for it to end")


class HeadContradicted(EvidenceError):
    """The log does not match a signed head, so nothing more is signed: `verify` says more.

    If a backup was restored on purpose, `head --new-era` begins a new era.
    """


class DatabaseError(EventLogError):
    """The disk, or the file on it, is at fault."""


class DatabaseMissing(DatabaseError):
    """The database file does not exist."""


class MissingFolder(DatabaseError):
    """The folder for the database does not exist."""


class NotADatabase(DatabaseError):
    """The file is not a SQLite database."""


class ForeignDatabase(DatabaseError):
    """The database belongs to another program. It was not changed."""


class NewerDatabase(DatabaseError):
    """The database was written by a newer version of this program."""


class ReadOnly(DatabaseError):
    """The database can be read but not written."""


class UnsafeFile(DatabaseError):
    """A file next to the database is not a plain file of its owner; the message names it."""


class LockTimeout(DatabaseError):
    """Another process or connection held the lock for longer than the timeout."""


class DiskFull(DatabaseError):
    """The disk has no room left. Nothing was acknowledged."""


class DiskFailure(DatabaseError):
    """A read or a write failed. Whether a write reached the disk is not known."""


class Guarded(DatabaseError):
    """A guard of the schema refused the statement."""


class ReplayRunning(DatabaseError):
    """Another replay of this log is running; only one may."""

    def __init__(self) -> None:
        super().__init__("another replay of this log is running; wait for it to end")


class CheckpointMoved(DatabaseError):
    """Another projector moved the checkpoint first; nothing was applied here."""


class JournalHole(DatabaseError):
    """Positions do not follow each other: a record is missing from the journal."""

    def __init__(self, expected: int, found: int) -> None:
        self.expected = expected
        self.found = found
        super().__init__(f"the journal has a hole: after {expected - 1} comes {found}")
