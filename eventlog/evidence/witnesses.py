"""A witness of other logs, by C2SP's tlog-witness: checks that heads continue, and cosigns.

For each log that was added, it stores the newest head in the folder of keys:

    seen/SHA-256 of the name, hex            the newest head that was cosigned
    seen/SHA-256 of the name, hex.vkey       the keys that may sign this name, one a line
    seen/SHA-256 of the name, hex.lock       who looks and keeps, holds its flock

The new head is on the disk before the answer leaves, and looking and keeping are one step, so
that two submitters can't get two different heads cosigned. Knows requests and answers as bytes;
who carries them, a server does.

https://c2sp.org/tlog-witness
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct

from eventlog import codecs
from eventlog.errors import BadArgument, BadNote
from eventlog.evidence import note as notes
from eventlog.evidence import proofs, tree
from eventlog.evidence.keys import KeyPair
from eventlog.evidence.note import NOTE_MAX, SIGNS, PublicKey
from eventlog.evidence.proofs import Proof
from eventlog.evidence.signed_heads import SIZE_MAX, SignedHead, head_of, parse_head
from eventlog.evidence.small_files import read_small
from eventlog.facts import SigningKey
from eventlog.storage.durable_files import make_folder, replace
from eventlog.storage.error_translation import translated
from eventlog.storage.lock import FileLock

BODY_MAX: Final = NOTE_MAX
_OLD: Final = re.compile(rb"old (0|[1-9][0-9]{0,18})")
_HEX_NAME: Final = re.compile(r"[0-9a-f]{64}")
_SIZE_TYPE: Final = "text/x.tlog.size"
_TEXT: Final = "text/plain; charset=utf-8"


class Answer(Struct, frozen=True):
    """What a request is answered: an HTTP status, a type, and bytes."""

    status: int
    body: bytes = b""
    content_type: str = _TEXT


class Seen(Struct, frozen=True):
    """A head that was cosigned, and the key that had signed it."""

    head: SignedHead
    key: PublicKey


class Submission(Struct, frozen=True):
    """A request: a head, and the proof that it continues the tree of `old` leaves."""

    old: int
    path: tuple[bytes, ...]
    head: SignedHead


class Witness:
    """Stores and cosigns other logs' heads. `on_seen` is called with each that was cosigned."""

    def __init__(
        self,
        folder: Path,
        pair: KeyPair,
        *,
        clock: Callable[[], float] = time.time,
        on_seen: Callable[[Seen], None] | None = None,
    ) -> None:
        """Touch nothing yet. `folder` is `seen/`, `pair` the witness's key."""
        self._folder = folder
        self._pair = pair
        self._clock = clock
        self._on_seen = on_seen

    @property
    def key(self) -> PublicKey:
        """The key that checks this witness's cosignatures."""
        return self._pair.public

    # ── which logs ─────────────────────────────────────────────────────────────────────────

    def add(self, vkey: str) -> PublicKey:
        """Witness the log of this key from now on. Raises BadNote, BadArgument, DatabaseError."""
        key = notes.parse_public_key(vkey)
        if key.type != SIGNS:
            raise BadArgument(f"{key.name} is a witness's key; name the log's own")
        with translated(self._folder):
            make_folder(self._folder)
        known = self.keys_of(key.name)
        if key not in known:
            lines = "".join(f"{one.encode()}\n" for one in [*known, key])
            with translated(self._folder):
                replace(self._file(key.name, ".vkey"), lines.encode())
        return key

    def follow(self, proof: Proof) -> PublicKey:
        """Learn a new key of a log from the log itself: a proved record that names it.

        Raises BadNote if the record is no such fact, or no key that is known has signed for it.
        """
        known = self.keys_of(proof.head.origin)
        if not any(proofs.is_proved(proof, key) for key in known):
            raise BadNote("no key that this witness knows has signed for that record")
        fact = codecs.decode(proof.kind, proof.columns[3], proof.columns[10])
        if not isinstance(fact, SigningKey) or fact.retired:
            raise BadNote("the record does not name a new key")
        if notes.parse_public_key(fact.vkey).name != proof.head.origin:
            raise BadNote("the record names a key of another era: its owner has to bring it")
        return self.add(fact.vkey)

    def keys_of(self, name: str) -> list[PublicKey]:
        """The keys that may sign this name; none for a log that is not known."""
        text = read_small(self._file(name, ".vkey")) or b""
        return [notes.parse_public_key(line) for line in text.decode(errors="replace").split()]

    def newest(self, name: str) -> SignedHead | None:
        """The newest head of this name that was cosigned."""
        data = read_small(self._file(name))
        return None if data is None else parse_head(data)

    # ── requests ───────────────────────────────────────────────────────────────────────────

    def checkpoint(self, hex_name: str) -> Answer:
        """The answer to GET /SHA-256 of the name, hex/checkpoint: the newest head."""
        if not _HEX_NAME.fullmatch(hex_name):
            return Answer(404, b"no such log\n")
        data = read_small(self._folder / hex_name)
        return Answer(404, b"no head was seen\n") if data is None else Answer(200, data)

    def add_checkpoint(self, body: bytes) -> Answer:
        """The answer to POST /add-checkpoint. Raises DatabaseError if it can't be kept."""
        try:
            asked = parse_submission(body)
        except BadNote as error:
            return Answer(400, f"{error}\n".encode())
        return self.submit(asked)

    def submit(self, asked: Submission) -> Answer:
        """The answer to a submission, kept before it is given. Raises DatabaseError."""
        head = asked.head
        keys = self.keys_of(head.origin)
        if not keys:
            return Answer(404, b"this witness does not know the log\n")
        signer = next((key for key in keys if key.signs(head.note)), None)
        if signer is None:
            return Answer(403, b"no signature by a key that this witness was told of\n")
        if asked.old > head.size:
            return Answer(400, b"the old size is above the head's\n")
        lock = FileLock(self._file(head.origin, ".lock"))
        try:
            with lock:
                answer = self._check_and_keep(asked)
        finally:
            lock.close()
        if answer.status == 200 and self._on_seen is not None:  # noqa: PLR2004 - HTTP's own number
            self._on_seen(Seen(head, signer))
        return answer

    def _check_and_keep(self, asked: Submission) -> Answer:
        head, known = asked.head, self.newest(asked.head.origin)
        size = 0 if known is None else known.size
        if asked.old != size:
            return Answer(409, f"{size}\n".encode(), _SIZE_TYPE)
        root = tree.EMPTY_ROOT if known is None else known.root
        if asked.old == head.size and root != head.root:
            return Answer(409, b"another root was seen at this size\n")
        if not tree.is_consistent(asked.old, root, head.size, head.root, asked.path):
            return Answer(422, b"the head does not continue the one that was seen\n")
        cosignature = self._pair.cosign(head.note.text, int(self._clock()))
        kept = head.note.signed_also([cosignature])
        with translated(self._folder):
            replace(self._file(head.origin), kept.encode())
        return Answer(200, f"{cosignature.line()}\n".encode())

    def _file(self, name: str, ending: str = "") -> Path:
        return self._folder / f"{sha256(name.encode()).hexdigest()}{ending}"


def parse_submission(body: bytes) -> Submission:
    """The request that these bytes are. Raises BadNote."""
    if len(body) > BODY_MAX:
        raise BadNote(f"a request has {BODY_MAX} bytes at most")
    above, blank, note = body.partition(b"\n\n")
    first, _, lines = above.partition(b"\n")
    old = _OLD.fullmatch(first)
    if not blank or old is None or int(old[1]) > SIZE_MAX:
        raise BadNote("a request is an old size, a proof, a blank line and a head")
    path = proofs.parse_path(lines + b"\n" if lines else b"")
    return Submission(int(old[1]), path, head_of(notes.parse(note)))


def encode_submission(asked: Submission) -> bytes:
    """A request as bytes."""
    return b"".join(
        [
            f"old {asked.old}\n".encode(),
            proofs.encode_path(asked.path),
            b"\n",
            asked.head.note.encode(),
        ]
    )
