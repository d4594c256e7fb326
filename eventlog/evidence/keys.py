"""KEYS_DIR, the folder for what must be kept apart from the log: keys, last signed head, lock.

For each log, by its id in hex:

    ID.signing   the private key, one line; during a rotation the old one below it
    ID.retired   the public keys that signed before, one a line
    ID.signed    the newest head that was signed, on the disk before it leaves
    ID.secret    a second copy of the tree's secret
    ID.witness   the key that cosigns other logs' heads
    ID.push      the key that push messages to browsers are signed with, 32 bytes
    ID.lock      who holds its flock is the log's one notary
    ID.ask       somebody asks the notary to sign at once
    ID.seals     the personal texts of records, and what opens them
    ID.copies    the copies that were made of names and of these keys
    ID.unfinished  the database that a log with this id is to replace
    seen/        what this witness knows of other logs

The folder is its owner's alone (0700, files 0600), and never inside the log's folder:
a program that may write the log must not be able to write here. Knows no journal.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from msgspec import Struct

from eventlog.errors import BadArgument, BadNote, KeysMissing
from eventlog.evidence import note as notes
from eventlog.evidence.ed25519 import KEY_SIZE, SeedSigner
from eventlog.evidence.note import COSIGNS, SIGNS, KeyType, Note, PrivateKey, PublicKey, Signature
from eventlog.evidence.signed_heads import LogName, parse_name
from eventlog.evidence.small_files import read_given, read_small, touch_small
from eventlog.storage.durable_files import make_folder, replace
from eventlog.storage.error_translation import translated
from eventlog.storage.lock import FileLock
from eventlog.storage.side_files import open_side_file

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


class KeyPair(Struct, frozen=True):
    """A private key under its name, ready to sign."""

    private: PrivateKey
    signer: SeedSigner

    @property
    def name(self) -> str:
        """The key's name: a log's in an era, or a witness's."""
        return self.private.name

    @property
    def public(self) -> PublicKey:
        """The key that checks what this one signs."""
        return PublicKey(self.private.name, self.private.type, self.signer.public_key)

    def sign(self, text: str) -> Signature:
        """A signature over a note's text."""
        return notes.sign(text, self.name, self.signer)

    def cosign(self, text: str, time: int) -> Signature:
        """A witness's signature over a note's text, at a time in seconds since 1970."""
        return notes.cosign(text, self.name, self.signer, time)

    def renamed(self, name: str) -> KeyPair:
        """The same seed under another name."""
        return KeyPair(PrivateKey(name, self.private.type, self.private.seed), self.signer)

    def line(self) -> str:
        """The private key's line."""
        return self.private.encode(self.signer.public_key)


def new_key(name: str, key_type: KeyType = SIGNS) -> KeyPair:
    """A key of a new random seed. Raises KeysMissing if nothing can sign."""
    seed = os.urandom(KEY_SIZE)
    return KeyPair(PrivateKey(name, key_type, seed), SeedSigner(seed))


class KeysDir:
    """One log's files in the folder of keys.

    `credentials` is a folder whose `ID.signing` comes first: systemd's $CREDENTIALS_DIRECTORY.
    """

    def __init__(self, path: Path, log_id: bytes, *, credentials: Path | None = None) -> None:
        self.path = path
        self.log_id = log_id
        self._credentials = credentials

    def file(self, ending: str) -> Path:
        """The log's file with this ending."""
        return self.path / f"{self.log_id.hex()}.{ending}"

    @property
    def seen(self) -> Path:
        """Where a witness keeps what it knows of other logs."""
        return self.path / "seen"

    def require(self, db_path: Path) -> None:
        """Raise KeysMissing unless the folder is there, private, and not inside the log's.

        Raises BadArgument if it is inside the log's folder.
        """
        require_apart(self.path, db_path)
        try:
            status = self.path.stat()
        except OSError as error:
            raise KeysMissing(
                f"the folder of keys {self.path} can't be read ({error.strerror}):"
                f" eventlog keys init {self.path} makes it"
            ) from error
        if not stat.S_ISDIR(status.st_mode):
            raise KeysMissing(f"{self.path} is not a folder")
        if status.st_uid not in {0, os.geteuid()}:
            raise KeysMissing(f"the folder of keys {self.path} belongs to another user")
        if status.st_mode & _OTHERS:
            raise KeysMissing(f"others may read the keys: chmod 700 {self.path}")

    def make(self, db_path: Path) -> None:
        """Make the folder where it is missing. Raises what `require` raises, DatabaseError."""
        require_apart(self.path, db_path)
        with translated(self.path):
            make_folder(self.path)
        self.require(db_path)

    def lock(self) -> FileLock:
        """The lock of the log's notary; not held yet."""
        return FileLock(self.file("lock"), timeout_s=0)

    # ── keys ───────────────────────────────────────────────────────────────────────────────

    def signing_keys(self) -> list[KeyPair]:
        """The keys that sign heads, the newest first.

        Raises KeysMissing if there is none, BadNote if a line is not a key of this log's.
        """
        text = self._signing_text()
        if text is None:
            raise KeysMissing(
                f"there is no signing key of this log in {self.path}:"
                f" eventlog keys init {self.path} makes one"
            )
        keys = [_signing_key(line) for line in text.split("\n") if line.strip()]
        for key in keys:
            if parse_name(key.name).log_id != self.log_id or key.private.type != SIGNS:
                raise BadNote(f"the key {key.name} in {self.path} is not this log's")
        if not keys:
            raise KeysMissing(f"the signing key in {self.path} is empty")
        return keys

    def has_signing_key(self) -> bool:
        """Whether there is one, readable or not."""
        places = [self.file("signing")]
        if self._credentials is not None:
            places.append(self._credentials / f"{self.log_id.hex()}.signing")
        return any(place.exists() for place in places)

    def write_signing_keys(self, keys: list[KeyPair]) -> None:
        """Put these keys in place of those that were there. Raises DatabaseError.

        Raises KeysMissing if the key comes from $CREDENTIALS_DIRECTORY: it is changed there.
        """
        if self._credentials is not None and self._credential().exists():
            raise KeysMissing(
                f"the key comes from {self._credential()} and can only be changed there:"
                " make it with systemd-creds"
            )
        public = [key.public for key in keys]
        retired = self.retired_keys()
        with suppress(KeysMissing, BadNote):  # the key may be what was lost
            retired += [pair.public for pair in self.signing_keys() if pair.public not in public]
        if retired:
            lines = dict.fromkeys(f"{key.encode()}\n" for key in retired)
            self._write("retired", "".join(lines).encode())
        with translated(self.path), overwritten(self.file("signing")):
            replace(self.file("signing"), "".join(f"{key.line()}\n" for key in keys).encode())

    def retired_keys(self) -> list[PublicKey]:
        """The keys that signed before, whose heads are still this log's. Raises BadNote."""
        text = (self._read("retired") or b"").decode("utf-8", "replace")
        return [notes.parse_public_key(line) for line in text.splitlines()]

    def public_keys(self) -> list[PublicKey]:
        """Every key that has signed heads of this log, the newest first. Raises as signing_keys."""
        return [pair.public for pair in self.signing_keys()] + self.retired_keys()

    def witness_key(self) -> KeyPair | None:
        """The key that cosigns other logs; None if there is none yet. Raises BadNote."""
        text = self._read("witness")
        return None if text is None else _signing_key(text.decode())

    def make_witness_key(self, name: LogName) -> KeyPair:
        """The key that cosigns other logs, made now where it is missing."""
        key = self.witness_key()
        if key is None:
            key = new_key(name.witness, COSIGNS)
            self._write("witness", f"{key.line()}\n".encode())
        return key

    def push_key(self) -> bytes | None:
        """The secret bytes of the key for push messages; None before the first. DatabaseError."""
        return self._read("push")

    def write_push_key(self, secret: bytes) -> None:
        """Keep the key for push messages. Raises DatabaseError."""
        self._write("push", secret)

    # ── what was signed ────────────────────────────────────────────────────────────────────

    def signed(self) -> Note | None:
        """The newest head that was signed; None before the first. Raises BadNote."""
        data = self._read("signed")
        return None if data is None else notes.parse(data)

    def write_signed(self, note: Note) -> None:
        """Keep the newest head; when this returns, it is on the disk. Raises DatabaseError."""
        self._write("signed", note.encode())

    def secret(self) -> bytes | None:
        """The copy of the tree's secret; None if there is none."""
        return self._read("secret")

    def write_secret(self, secret: bytes) -> None:
        """Keep a copy of the tree's secret. Raises DatabaseError."""
        self._write("secret", secret)

    # ── asking the notary ──────────────────────────────────────────────────────────────────

    def ask(self) -> None:
        """Ask the notary of another process to sign now. Raises DatabaseError."""
        touch_small(self.file("ask"))

    def asked(self) -> bool:
        """Whether somebody has asked."""
        return self.file("ask").exists()

    def answered(self) -> None:
        """Take the question away."""
        with translated(self.path):
            self.file("ask").unlink(missing_ok=True)

    def _credential(self) -> Path:
        folder = self._credentials or self.path
        return folder / f"{self.log_id.hex()}.signing"

    def _signing_text(self) -> str | None:
        if self._credentials is not None and self._credential().exists():
            with translated(self._credentials):
                return read_given(self._credential()).decode("utf-8", "replace")
        data = self._read("signing")
        return None if data is None else data.decode("utf-8", "replace")

    def _read(self, ending: str) -> bytes | None:
        return read_small(self.file(ending))

    def _write(self, ending: str, content: bytes) -> None:
        with translated(self.path):
            replace(self.file(ending), content)


@contextmanager
def overwritten(path: Path) -> Iterator[None]:
    """Overwrite the bytes of a file that was replaced meanwhile: a seed must not stay on the disk.

    Raises OSError.
    """
    try:
        fd = open_side_file(path, os.O_WRONLY)
    except FileNotFoundError:
        yield
        return
    try:
        yield
        os.pwrite(fd, bytes(os.fstat(fd).st_size), 0)
        os.fsync(fd)
    finally:
        os.close(fd)


def require_apart(keys: Path, db_path: Path) -> None:
    """Raise BadArgument where the folder of keys is the log's own folder, or is inside it."""
    folder = db_path.resolve().parent
    if keys.resolve().is_relative_to(folder):
        raise BadArgument(
            f"the folder of keys {keys} is inside the log's own folder {folder}: programs that"
            " write the log could write the keys; choose another folder"
        )


def _signing_key(line: str) -> KeyPair:
    private = notes.parse_private_key(line)
    return KeyPair(private, SeedSigner(private.seed))
