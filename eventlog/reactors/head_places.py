"""The places to which signed heads are sent: a file, a program, a witness.

Each takes the newest head or fails; when to try again, the notary decides. A place can be asked
for the newest head that it has, so that a log that was rolled back is found before it signs.

Knows no journal: a proof between two heads, and whether a head is genuine, are asked of functions
that come in as arguments.
"""

from __future__ import annotations

import http.client
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from eventlog.errors import BadNote, DatabaseError, HeadContradicted
from eventlog.evidence import heads_file
from eventlog.evidence import note as notes
from eventlog.evidence.note import NOTE_MAX, Note, PublicKey, Signature
from eventlog.evidence.signed_heads import SignedHead, parse_head
from eventlog.evidence.witnesses import Submission, encode_submission
from eventlog.reactors.head_program import run_program
from eventlog.storage.durable_files import replace

Kind: TypeAlias = Literal["file", "exec", "witness"]
# The proof that a head continues the tree of so many records.
ProveFrom: TypeAlias = Callable[[int], Sequence[bytes]]
# Whether a head of our name is signed by a key of ours.
IsGenuine: TypeAlias = Callable[[SignedHead], bool]

TIMEOUT_S: Final = 20.0
# A neighbour who is a witness need not see each opening of the door.
WITNESS_EVERY_S: Final = 600.0
_SIZE_TYPE: Final = "text/x.tlog.size"
_CONFLICT: Final = 409
_UNPROCESSABLE: Final = 422
_NOT_FOUND: Final = 404
_FORBIDDEN: Final = 403
_OK: Final = 200


class PlaceFailed(Exception):
    """The place did not take the head; the sentence says why."""


class Place(Protocol):
    """Where heads go. `every_s` is how long to leave it alone after a head was taken."""

    @property
    def name(self) -> str:
        """What people call it."""

    @property
    def kind(self) -> Kind:
        """What it is."""

    @property
    def every_s(self) -> float:
        """Seconds between two heads."""

    def newest(self, origin: str, is_genuine: IsGenuine) -> SignedHead | None:
        """The newest genuine head of this name that it has; None if it has none.

        Raises PlaceFailed if it can't be asked.
        """

    def take(self, head: SignedHead, prove_from: ProveFrom) -> Sequence[Signature]:
        """Hand a head over; answers the cosignatures that came back.

        Raises PlaceFailed, and HeadContradicted if the place knows another log of this name.
        """


class FilePlace(Struct, frozen=True, kw_only=True):
    """A file that grows, on another disk or machine."""

    name: str
    path: Path
    every_s: float = 0.0
    kind: Literal["file"] = "file"

    def newest(self, origin: str, is_genuine: IsGenuine) -> SignedHead | None:
        """The largest genuine head in the file."""
        try:
            heads = heads_file.read_heads(self.path, outside=True)
        except DatabaseError as error:
            raise PlaceFailed(str(error)) from error
        own = sorted((head for head in heads if head.origin == origin), key=_size, reverse=True)
        return next(filter(is_genuine, own), None)

    def take(self, head: SignedHead, prove_from: ProveFrom) -> Sequence[Signature]:  # noqa: ARG002 - a file asks for no proof
        """Write the head at the file's end, and sync it."""
        try:
            heads_file.append_head(self.path, head.note, outside=True)
        except DatabaseError as error:
            raise PlaceFailed(str(error)) from error
        return ()


class ExecPlace(Struct, frozen=True, kw_only=True):
    """A program that gets the note on its standard input; what it answers is kept."""

    name: str
    program: Path
    answers: Path
    every_s: float = 0.0
    kind: Literal["exec"] = "exec"

    def newest(self, origin: str, is_genuine: IsGenuine) -> SignedHead | None:  # noqa: ARG002 - a program has no memory that we could ask
        """Raise PlaceFailed: a program can't be asked."""
        raise PlaceFailed("a program can't be asked")

    def take(self, head: SignedHead, prove_from: ProveFrom) -> Sequence[Signature]:  # noqa: ARG002 - likewise
        """Run the program; a code other than 0 is a failure."""
        try:
            code, printed = run_program(
                self.program, head.note.encode(), kept_max=NOTE_MAX, timeout_s=TIMEOUT_S
            )
        except OSError as error:  # a timeout is one
            raise PlaceFailed(f"{self.program}: {type(error).__name__}") from error
        if code != 0:
            raise PlaceFailed(f"{self.program} ended with the code {code}")
        if printed:
            self._keep(head.size, printed)
        return ()

    def _keep(self, size: int, answer: bytes) -> None:
        try:
            self.answers.mkdir(mode=0o700, exist_ok=True)
            if self.answers.is_symlink():
                raise PlaceFailed(f"{self.answers} is a symbolic link; move it away")
            replace(self.answers / str(size), answer)
        except OSError as error:
            raise PlaceFailed(f"{self.answers}: {error.strerror}") from error


class WitnessPlace(Struct, frozen=True, kw_only=True):
    """A witness of C2SP's tlog-witness: it checks that heads continue each other, and cosigns."""

    name: str
    url: str
    key: PublicKey
    every_s: float = WITNESS_EVERY_S
    kind: Literal["witness"] = "witness"

    def newest(self, origin: str, is_genuine: IsGenuine) -> SignedHead | None:
        """The head that the witness keeps under this name."""
        head = self._kept(origin)
        if head is not None and not (head.origin == origin and is_genuine(head)):
            raise PlaceFailed(f"{self.url} answered a head that this log has not signed")
        return head

    def _kept(self, origin: str) -> SignedHead | None:
        at = f"/{sha256(origin.encode()).hexdigest()}/checkpoint"
        status, _, body = self._request("GET", at, None)
        if status == _NOT_FOUND:
            return None
        if status != _OK:
            raise PlaceFailed(f"{self.url} answered {status}")
        try:
            return parse_head(body)
        except BadNote as error:
            raise PlaceFailed(f"{self.url} did not answer with a head: {error}") from error

    def take(self, head: SignedHead, prove_from: ProveFrom) -> Sequence[Signature]:
        """Submit the head, from the size that the witness says it has.

        Not every witness gives its newest head when asked; each gives its size in a 409.
        """
        known = 0
        for _ in range(4):  # another submitter may be faster
            body = encode_submission(Submission(known, tuple(prove_from(known)), head))
            status, content_type, answer = self._request("POST", "/add-checkpoint", body)
            if status == _OK:
                return self._cosignatures(head, answer)
            if status == _CONFLICT and content_type == _SIZE_TYPE:
                known = self._conflict(head, answer)
                continue
            if status in {_CONFLICT, _UNPROCESSABLE}:
                raise HeadContradicted(
                    f"the witness {self.name} knows another log under the name {head.origin}:"
                    f" it answered {status}"
                )
            if status == _FORBIDDEN:
                raise PlaceFailed(f"{self.name} does not know the key of this log")
            raise PlaceFailed(f"{self.url} answered {status}")
        raise PlaceFailed(f"{self.url} is given heads by another all the time")

    def _conflict(self, head: SignedHead, answer: bytes) -> int:
        text = answer.decode("ascii", "replace").strip()
        if not (text.isascii() and text.isdigit()):
            raise PlaceFailed(f"{self.url} did not answer with a size")
        size = int(text)
        if size > head.size:
            raise HeadContradicted(
                f"the witness {self.name} knows {size} records of this log, here are {head.size}:"
                " restored or copied?"
            )
        return size

    def _cosignatures(self, head: SignedHead, answer: bytes) -> Sequence[Signature]:
        """The witness's own lines, checked. Raises PlaceFailed if none is good."""
        try:
            lines = answer.decode().splitlines()
            found = [notes.parse_signature(line) for line in lines]
        except (BadNote, UnicodeDecodeError) as error:
            raise PlaceFailed(f"{self.url} did not answer with a signature: {error}") from error
        good = [
            one for one in found if self.key.cosigned_at(Note(head.note.text, (one,))) is not None
        ]
        if not good:
            raise PlaceFailed(f"{self.url} signed with another key than {self.key.name}'s")
        return good

    def _request(self, method: str, at: str, body: bytes | None) -> tuple[int, str, bytes]:
        parts = urlsplit(self.url)
        of_scheme = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        try:
            connection = of_scheme[parts.scheme](parts.netloc, timeout=TIMEOUT_S)
            try:
                connection.request(method, parts.path.rstrip("/") + at, body)
                answer = connection.getresponse()
                content_type = answer.headers.get_content_type()
                return answer.status, content_type, answer.read(NOTE_MAX)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException) as error:
            raise PlaceFailed(f"{self.url} can't be reached: {type(error).__name__}") from error


def _size(head: SignedHead) -> int:
    return head.size
