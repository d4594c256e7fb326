"""Every error that is raised on purpose, with a sentence and a culprit.

    EventLogError
    ├── CallerError               the caller asked for something that can't be
    │   ├── BadFact               a fact holds a value that may not enter the journal
    │   ├── BadKey                an idempotency key that may not enter the journal
    │   ├── BadArgument           any other argument out of its range
    │   │   └── OtherHistory      a cursor belongs to another history of the journal
    │   │       └── PastHead      a cursor is past the journal's end
    │   ├── BadAppend             the facts of one append do not fit together
    │   ├── UnknownEvent          the event that the facts should join does not exist
    │   ├── KeyConflict           the key was used before, for other facts
    │   ├── StoreClosed           the store is not open
    │   └── OpenedElsewhere       the store was opened on another event loop or in another process
    ├── BadPayload                a foreign message is not what its source promises
    ├── BadRecord                 a stored record can't be read
    │   ├── UnknownKind           a kind, or a version of it, that this program does not know
    │   └── BadBody               the bytes are no fact of their kind
    ├── EvidenceError             a signed head, a proof or a key
    │   ├── BadNote               text that is no signed note, proof or key
    │   ├── KeysMissing           there is no key, no folder for keys, or nothing to sign with
    │   ├── SignerBusy            another process signs this log
    │   └── HeadContradicted      the log is not the one that a signed head speaks of
    └── DatabaseError             the disk, or the file on it
        ├── DatabaseMissing       there is no such file
        ├── MissingFolder         there is no folder for it
        ├── NotADatabase          the file is no SQLite database
        ├── ForeignDatabase       the database is another program's
        ├── NewerDatabase         the database was written by a newer version
        ├── ReadOnly              it can be read, not written
        ├── UnsafeFile            a file beside the database is a link, a pipe or another user's
        ├── LockTimeout           another process held the lock for too long
        ├── DiskFull              no room is left
        ├── DiskFailure           the disk did not do what it was asked
        ├── Guarded               a guard of the schema refused a write
        ├── ReplayRunning         another replay of this log is at work
        ├── CheckpointMoved       another projector was quicker; nothing was applied
        └── JournalHole           positions do not follow each other

Knows nothing of SQLite: `storage/error_translation.py` translates its errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventlog.record import Receipt


class EventLogError(Exception):
    """The root of all errors that this package raises on purpose.

    `receipts` is filled in by `append_many`: a receipt for each group that was written before the
    error, None for a group that was not, up to the last one that was.
    """

    receipts: Sequence[Receipt | None] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        """Travel to another process with the sentence and what it was made of."""
        return _remade, (type(self), self.args, self.__dict__)


def _remade(
    error_type: type[EventLogError], args: tuple[object, ...], state: dict[str, object]
) -> EventLogError:
    error = error_type.__new__(error_type, *args)
    error.__dict__.update(state)
    return error


class CallerError(EventLogError):
    """The caller asked for something that can't be."""


class BadFact(CallerError):
    """A fact holds a value that may not enter the journal.

    `kind` is the fact's kind (or the name of the type that is no fact), `field` the field at
    fault ("" where no single one is), `reason` what is wrong with it. The value itself is not
    repeated: it may be a name, or ten megabytes.
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
    """An argument is out of its range; the sentence names it."""


class OtherHistory(BadArgument):
    """A cursor belongs to another history: the journal has another record at its position.

    A restored backup does that, or another log at the same path. `position` is the cursor's.
    What the consumer keeps of the records up to there may not be in this journal: it starts again
    from 0, or from a cursor that is older than the backup.
    """

    def __init__(self, position: int, what: str = "") -> None:
        self.position = position
        what = what or (
            f"the journal has another record at position {position} than this cursor has seen"
        )
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

    `reason` is one of: "no_fact" (there is none), "two_openers" (an append opens one event at
    most), "opener_with_event" (a motion or a ding opens an event and can't join another),
    "fact_before_opener" (the opener comes first), "no_event" (the fact belongs to an event: put an
    opener before it, or pass `event_id`).
    """

    def __init__(self, reason: AppendFault, sentence: str) -> None:
        self.reason = reason
        super().__init__(sentence)


class UnknownEvent(CallerError):
    """No event of this log has that id."""

    def __init__(self, event_id: int) -> None:
        self.event_id = event_id
        # Python prints no number of thousands of digits.
        name = event_id if abs(event_id) < 2**64 else "with an id past 64 bits"
        super().__init__(f"this log has no event {name}")


class KeyConflict(CallerError):
    """The key is in the journal already, with other facts.

    `receipt` is the receipt of the append that used the key first.
    """

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

    Nothing was queued. `close()` works from anywhere; then `initialize()` opens it here.
    """

    def __init__(self, where: str) -> None:
        super().__init__(
            f"the store was opened in another {where}: use it there, or close() it and open it here"
        )


class BadPayload(EventLogError):
    """A foreign message is not what its source promises.

    `source` names the adapter, `reason` what is wrong.
    """

    def __init__(self, source: str, reason: str) -> None:
        self.source = source
        self.reason = reason
        super().__init__(f"{source}: {reason}")


class BadRecord(EventLogError):
    """A stored record can't be read; `position` and `kind` say which.

    The sentence does not repeat the kind as it is stored: a damaged one may be anything, a name
    too, and the sentence goes into logs and tables.
    """

    def __init__(self, position: int, kind: str, reason: str) -> None:
        self.position = position
        self.kind = kind
        self.reason = reason
        super().__init__(f"record {position}: {reason}")


class UnknownKind(BadRecord):
    """The record's kind, or the version of it, is not known to this program."""


class BadBody(BadRecord):
    """The record's bytes are no fact of its kind."""


class EvidenceError(EventLogError):
    """A signed head, a proof or a key is at fault."""


class BadNote(EvidenceError):
    """Text from outside is no signed note, head, proof or key; the sentence says what is wrong."""


class KeysMissing(EvidenceError):
    """There is no key to sign with, no folder for keys, or no package that signs."""


class SignerBusy(EvidenceError):
    """Another process signs this log's heads; one is enough."""

    def __init__(self) -> None:
        super().__init__("another process signs this log's heads: ask it, or wait for it to end")


class HeadContradicted(EvidenceError):
    """The log is shorter or another than a signed head says; nothing is signed any more.

    The sentence says what was found. `verify` finds out more; where a backup was put back on
    purpose, `head --new-era` goes on under a new name.
    """


class DatabaseError(EventLogError):
    """The disk, or the file on it, is at fault."""


class DatabaseMissing(DatabaseError):
    """There is no such database file."""


class MissingFolder(DatabaseError):
    """The folder that the database should lie in does not exist."""


class NotADatabase(DatabaseError):
    """The file is no SQLite database."""


class ForeignDatabase(DatabaseError):
    """The database belongs to another program, and stays untouched."""


class NewerDatabase(DatabaseError):
    """The database was written by a newer version of this program."""


class ReadOnly(DatabaseError):
    """The database can be read, not written."""


class UnsafeFile(DatabaseError):
    """A file beside the database is no plain file of its owner; the sentence names it."""


class LockTimeout(DatabaseError):
    """Another process or connection held the lock for longer than the timeout."""


class DiskFull(DatabaseError):
    """No room is left on the disk; nothing was acknowledged."""


class DiskFailure(DatabaseError):
    """The disk did not do what it was asked; what became of the write is not known."""


class Guarded(DatabaseError):
    """A guard of the schema refused the statement."""


class ReplayRunning(DatabaseError):
    """Another replay of this log is at work; one is enough."""

    def __init__(self) -> None:
        super().__init__("another replay of this log is at work; wait for it to end")


class CheckpointMoved(DatabaseError):
    """Another projector moved the checkpoint in between; nothing was applied here."""


class JournalHole(DatabaseError):
    """Positions do not follow each other: a record is missing from the journal."""

    def __init__(self, expected: int, found: int) -> None:
        self.expected = expected
        self.found = found
        super().__init__(f"the journal has a hole: after {expected - 1} comes {found}")
