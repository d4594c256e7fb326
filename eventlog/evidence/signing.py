"""The rules of signing: what may be signed, and what must be on disk before a head is sent.

1. Only rows that no power cut can take back: they are synced first.
2. Only rows whose chain was recomputed; a break is not signed.
3. Only what continues the last signed head; a log that is shorter or another is not signed.
4. The head is on the disk next to the keys, under `ID.signed`, before it is sent anywhere.
5. One signer a log: the flock on `ID.lock`.

Runs on one thread. Knows no task, no place for heads, and no time.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Self

from eventlog.errors import (
    BadNote,
    DatabaseError,
    HeadContradicted,
    JournalHole,
    LockTimeout,
    SignerBusy,
)
from eventlog.evidence import heads_file, tree_secret
from eventlog.evidence.keys import KeyPair, KeysDir
from eventlog.evidence.log_tree import LogTree, Read
from eventlog.evidence.note import Note, PublicKey
from eventlog.evidence.signed_heads import SignedHead, head_of, head_text, parse_name
from eventlog.journal.head_file import read_mark
from eventlog.storage import wal_file
from eventlog.storage.connections import connect_reader
from eventlog.storage.error_translation import translated
from eventlog.storage.paths import heads_path, wal_path


class HeadSigner:
    """Signs one log's heads. Use as a context manager; `last` is the newest signed head."""

    def __init__(self, db_path: Path, keys: KeysDir, *, new_era: bool = False) -> None:
        """Open nothing yet. With `new_era` the last signed head does not bind: the owner's word."""
        self._db_path = db_path
        self._keys = keys
        self._lock = keys.lock()
        self._new_era = new_era
        self._connection: sqlite3.Connection | None = None
        self._tree: LogTree | None = None
        self.last: SignedHead | None = None
        self.signing: list[KeyPair] = []
        self._public: list[PublicKey] = []

    def __enter__(self) -> Self:
        """Take the lock, and hold the log against the last signed head.

        Raises SignerBusy if another process signs, KeysMissing, HeadContradicted, BadRecord,
        JournalHole, DatabaseError.
        """
        try:
            self._lock.acquire()
        except LockTimeout as error:
            self._lock.close()
            raise SignerBusy from error
        try:
            self._open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Close the log and release the lock."""
        if self._connection is not None:
            self._connection.close()
        if self._tree is not None:
            self._tree.close()
        self._lock.close()

    @property
    def size(self) -> int:
        """How many records are in the tree now."""
        return self._opened()[1].size

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection that the rows are read by."""
        return self._opened()[0]

    @property
    def name(self) -> str:
        """The name that heads are signed under."""
        return self.signing[0].name

    def is_genuine(self, head: SignedHead) -> bool:
        """Whether a key of this log has signed a head; may be asked on any thread."""
        return any(key.signs(head.note) for key in self._public)

    def root(self) -> bytes:
        """The root over the records in the tree now."""
        return self._opened()[1].root()

    def _open(self) -> None:
        self._keys.require(self._db_path)
        if not self._new_era:  # or the key may be what was lost
            self.signing = self._keys.signing_keys()
            self._public = self._keys.public_keys()
        secret = self._ensure_secret()
        self._connection = connect_reader(self._db_path)
        with translated(self._db_path):
            self._tree = LogTree(self._db_path, self._keys.log_id, secret)
        signed = self._keys.signed()
        if signed is None or self._new_era:
            return
        head = head_of(signed)
        if self._is_of_earlier_era(head):
            return  # a new era has begun, and a kill came before its first head
        if not any(key.public.signs(signed) for key in self._all_names(head)):
            raise HeadContradicted(
                f"the last head in {self._keys.file('signed')} is not signed by the key there"
            )
        self._hold_against(head)
        if head.origin == self.name:
            self.last = head

    def _is_of_earlier_era(self, head: SignedHead) -> bool:
        """Whether the key is of a later era: only its owner can have put it there."""
        with suppress(BadNote):
            then, now = parse_name(head.origin), parse_name(self.name)
            return then.log_id == now.log_id and then.era < now.era
        return False

    def _all_names(self, head: SignedHead) -> list[KeyPair]:
        """The keys under their own names, and under that of an earlier era of the log."""
        with suppress(BadNote):
            if parse_name(head.origin).log_id == self._keys.log_id:
                return [*self.signing, *(key.renamed(head.origin) for key in self.signing)]
        return self.signing

    def _ensure_secret(self) -> bytes:
        copy = self._keys.secret()
        secret = tree_secret.ensure(self._db_path, copy)
        if copy is None:
            self._keys.write_secret(secret)
        elif copy != secret:
            raise HeadContradicted(
                f"the tree's secret in {self._db_path} is not the one that lies with the keys"
            )
        return secret

    def _hold_against(self, head: SignedHead) -> None:
        """Bring the tree to a head's size. Raises HeadContradicted if its root is another."""
        connection, tree = self._opened()
        with translated(self._db_path):
            try:
                tree.restore(connection, head.size)
                if tree.root() != head.root:  # the tree file may be stale; the rows decide
                    tree.rebuild(connection, head.size)
            except JournalHole as error:
                raise HeadContradicted(
                    f"the log is shorter than what was signed: a head of {head.size} records is"
                    f" known, and the log has no record {error.expected}"
                ) from error
        if tree.root() != head.root:
            raise HeadContradicted(
                f"the log is another than what was signed: its first {head.size} records have"
                " another root"
            )

    # ── reading on and signing ─────────────────────────────────────────────────────────────

    def read_on(self, *, limit: int = 1000) -> Read:
        """Take up to `limit` new records into the tree. Raises BadRecord, HeadContradicted."""
        connection, tree = self._opened()
        with translated(self._db_path):
            if not tree.still_there(connection):
                raise HeadContradicted(
                    f"record {tree.size} is gone, or another than it was: the log was restored"
                    " or copied over while it was open"
                )
            return tree.read_on(connection, limit=limit)

    def read_to_end(self) -> None:
        """Take all records there are. Raises as `read_on`."""
        while self.read_on().rows:
            pass

    def reread_keys(self) -> None:
        """Sign with the keys that are there now: a rotation may have begun. Raises KeysMissing.

        Keys of another name are left for the next open: that is another era.
        """
        keys = self._keys.signing_keys()
        if keys[0].name == self.name:
            self.signing = keys

    def sign(self) -> SignedHead:
        """Sign the records in the tree, or answer the head that says so already.

        When this returns, the records and the head are on the disk. Raises DatabaseError.
        """
        tree = self._opened()[1]
        last = self.last
        if last is not None and last.size == tree.size and self._signed_by_all(last.note):
            return last
        self._make_durable(tree.size)
        text = head_text(self.name, tree.size, tree.root())
        note = Note(text, tuple(key.sign(text) for key in self.signing))
        self._keys.write_signed(note)
        self.last = head_of(note)
        heads_file.append_head(heads_path(self._db_path), note)
        return self.last

    def add_signatures(self, note: Note) -> None:
        """Keep a note that witnesses have cosigned. Raises DatabaseError."""
        heads_file.append_head(heads_path(self._db_path), note)
        if self.last is not None and self.last.note.text == note.text:
            merged = self.last.note.signed_also(note.signatures)
            self._keys.write_signed(merged)
            self.last = head_of(merged)

    def begin_era(self, keys: list[KeyPair]) -> SignedHead:
        """Sign the log under the new name of these keys. Raises DatabaseError.

        The caller has appended `era_begun`. What was signed before no longer binds.
        """
        connection, tree = self._opened()
        self._keys.write_signing_keys(keys)
        self.signing, self.last = keys, None
        tree.rebuild(connection, 0)  # the tree file may speak of records that are lost
        self.read_to_end()
        return self.sign()

    def _signed_by_all(self, note: Note) -> bool:
        return all(key.public.signs(note) for key in self.signing)

    def _make_durable(self, size: int) -> None:
        mark, _ = read_mark(self._db_path)
        if mark is None or mark.log_id != self._keys.log_id or mark.durable_position < size:
            with translated(self._db_path):
                wal_file.sync(wal_path(self._db_path))

    def _opened(self) -> tuple[sqlite3.Connection, LogTree]:
        if self._connection is None or self._tree is None:
            raise DatabaseError("the signer is not open")
        return self._connection, self._tree
