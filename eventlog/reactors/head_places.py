"""The places to which signed heads are sent: a file, a program, a witness.

Each takes the newest head or fails; when to try again, the notary decides. A place can be asked
for the newest head that it has, so that a log that was rolled back is found before it signs.

    file:/mnt/nas/door.heads [name=nas] [every=10]
    exec:/usr/local/bin/send-head
    witness:https://host/prefix VKEY [every=600]

One entry a line, or parted by semicolons. Knows no journal: a proof between two heads comes in
through a function.
"""

from __future__ import annotations

import http.client
import os
import re
import subprocess
from collections.abc import Callable, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from eventlog.errors import BadArgument, BadNote, DatabaseError, HeadContradicted
from eventlog.evidence import heads_file, proofs
from eventlog.evidence import note as notes
from eventlog.evidence.note import COSIGNS, NOTE_MAX, Note, PublicKey, Signature
from eventlog.evidence.signed_heads import SignedHead, parse_head
from eventlog.storage.paths import beside

Kind: TypeAlias = Literal["file", "exec", "witness"]
# The proof that a head continues the tree of so many records.
ProveFrom: TypeAlias = Callable[[int], Sequence[bytes]]

TIMEOUT_S: Final = 20.0
# A neighbour who is a witness need not see each opening of the door.
WITNESS_EVERY_S: Final = 600.0
_SIZE_TYPE: Final = "text/x.tlog.size"
_CONFLICT: Final = 409
_UNPROCESSABLE: Final = 422
_NOT_FOUND: Final = 404
_OK: Final = 200
_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


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

    def newest(self, origin: str) -> SignedHead | None:
        """The newest head of this name that it has. Raises PlaceFailed where it can't be asked."""

    def take(self, head: SignedHead, prove_from: ProveFrom) -> Sequence[Signature]:
        """Hand a head over; answers the cosignatures that came back.

        Raises PlaceFailed, and HeadContradicted where the place knows another log of this name.
        """


class FilePlace(Struct, frozen=True, kw_only=True):
    """A file that grows, on another disk or machine."""

    name: str
    path: Path
    every_s: float = 0.0
    kind: Literal["file"] = "file"

    def newest(self, origin: str) -> SignedHead | None:
        """The largest head in the file."""
        try:
            heads = heads_file.read_heads(self.path)
        except DatabaseError as error:
            raise PlaceFailed(str(error)) from error
        own = [head for head in heads if head.origin == origin]
        return max(own, key=lambda head: head.size, default=None)

    def take(self, head: SignedHead, prove_from: ProveFrom) -> Sequence[Signature]:  # noqa: ARG002 - a file asks for no proof
        """Write the head at the file's end, and sync it."""
        try:
            heads_file.append_head(self.path, head.note, durable=True)
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

    def newest(self, origin: str) -> SignedHead | None:  # noqa: ARG002 - a program has no memory that we could ask
        """Nothing: a program is not asked."""
        return None

    def take(self, head: SignedHead, prove_from: ProveFrom) -> Sequence[Signature]:  # noqa: ARG002 - likewise
        """Run the program; a code other than 0 is a failure."""
        try:
            done = subprocess.run(  # noqa: S603 - the deployment names the program
                [self.program],
                input=head.note.encode(),
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise PlaceFailed(f"{self.program}: {type(error).__name__}") from error
        if done.returncode != 0:
            raise PlaceFailed(f"{self.program} ended with the code {done.returncode}")
        if done.stdout:
            self._keep(head.size, done.stdout[:NOTE_MAX])
        return ()

    def _keep(self, size: int, answer: bytes) -> None:
        try:
            self.answers.mkdir(mode=0o700, exist_ok=True)
            fd = os.open(self.answers / str(size), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(answer)
        except OSError as error:
            raise PlaceFailed(f"{self.answers}: {error.strerror}") from error


class WitnessPlace(Struct, frozen=True, kw_only=True):
    """A witness of C2SP's tlog-witness: it checks that heads continue each other, and cosigns."""

    name: str
    url: str
    key: PublicKey
    every_s: float = WITNESS_EVERY_S
    kind: Literal["witness"] = "witness"

    def newest(self, origin: str) -> SignedHead | None:
        """The head that the witness keeps under this name."""
        at = f"/{sha256(origin.encode()).hexdigest()}/checkpoint"
        status, _, body = self._request("GET", at, None)
        if status == _NOT_FOUND:
            return None
        if status != _OK:
            raise PlaceFailed(f"{self.url} answered {status}")
        try:
            return parse_head(body)
        except BadNote as error:
            raise PlaceFailed(f"{self.url} answered no head: {error}") from error

    def take(self, head: SignedHead, prove_from: ProveFrom) -> Sequence[Signature]:
        """Submit the head, from the size that the witness says it has."""
        known = self._known(head)
        for _ in range(3):  # another submitter may be quicker
            body = b"".join(
                [
                    f"old {known}\n".encode(),
                    proofs.encode_path(prove_from(known)),
                    b"\n",
                    head.note.encode(),
                ]
            )
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
            raise PlaceFailed(f"{self.url} answered {status}")
        raise PlaceFailed(f"{self.url} is given heads by another all the time")

    def _known(self, head: SignedHead) -> int:
        newest = self.newest(head.origin)
        if newest is None:
            return 0
        return self._not_above(head, newest.size)

    def _conflict(self, head: SignedHead, answer: bytes) -> int:
        text = answer.decode("ascii", "replace").strip()
        if not (text.isascii() and text.isdigit()):
            raise PlaceFailed(f"{self.url} answered no size")
        return self._not_above(head, int(text))

    def _not_above(self, head: SignedHead, size: int) -> int:
        if size > head.size:
            raise HeadContradicted(
                f"the witness {self.name} knows {size} records of this log, here are {head.size}:"
                " restored or copied?"
            )
        return size

    def _cosignatures(self, head: SignedHead, answer: bytes) -> Sequence[Signature]:
        """The witness's own lines, checked. Raises PlaceFailed where none is good."""
        try:
            lines = answer.decode().splitlines()
            found = [notes.parse_signature(line) for line in lines]
        except (BadNote, UnicodeDecodeError) as error:
            raise PlaceFailed(f"{self.url} answered no signature: {error}") from error
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


# ── reading HEAD_TO ────────────────────────────────────────────────────────────────────────


def parse_places(text: str, db_path: Path) -> list[Place]:
    """The places that HEAD_TO names. Raises BadArgument, naming the entry."""
    entries = [entry.strip() for line in text.splitlines() for entry in line.split(";")]
    places = [_place(entry, db_path) for entry in entries if entry]
    names = [place.name for place in places]
    for name in names:
        if names.count(name) > 1:
            raise BadArgument(f"HEAD_TO: two places are called {name}; add name= to one of them")
    return places


def _place(entry: str, db_path: Path) -> Place:
    first, *words = entry.split()
    kind, _, target = first.partition(":")
    options = dict(word.partition("=")[::2] for word in words if _is_option(word))
    rest = [word for word in words if not _is_option(word)]
    if not target or (kind == "witness") != (len(rest) == 1) or len(rest) > 1:
        raise BadArgument(
            f"HEAD_TO: {entry!r} is none of file:PATH, exec:PROGRAM, witness:URL VKEY"
        )
    every = _every(entry, options, WITNESS_EVERY_S if kind == "witness" else 0.0)
    match kind:
        case "file":
            path = Path(target)
            name = _name(entry, options, path.stem)
            return FilePlace(name=name, path=path, every_s=every)
        case "exec":
            path = Path(target)
            name = _name(entry, options, path.name)
            answers = beside(db_path, ".times")
            return ExecPlace(name=name, program=path, answers=answers, every_s=every)
        case "witness":
            return _witness(entry, target, rest[0], options, every)
        case _:
            raise BadArgument(f"HEAD_TO: {kind!r} is none of file, exec, witness")


def _witness(
    entry: str, url: str, vkey: str, options: Mapping[str, str], every: float
) -> WitnessPlace:
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query:
        raise BadArgument(f"HEAD_TO: {url!r} is no http:// or https:// address")
    try:
        key = notes.parse_public_key(vkey)
    except BadNote as error:
        raise BadArgument(f"HEAD_TO: {vkey!r}: {error}") from error
    if key.type != COSIGNS:
        raise BadArgument(f"HEAD_TO: {key.name} is a log's key; a witness has one of its own")
    name = _name(entry, options, parts.hostname)
    return WitnessPlace(name=name, url=url, key=key, every_s=every)


def _is_option(word: str) -> bool:
    return word.startswith(("name=", "every="))


def _name(entry: str, options: Mapping[str, str], default: str) -> str:
    name = options.get("name", default)
    if not _NAME.fullmatch(name):
        raise BadArgument(f"HEAD_TO: {entry!r}: a name has letters, digits, . _ - only")
    return name


def _every(entry: str, options: Mapping[str, str], default: float) -> float:
    text = options.get("every")
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise BadArgument(f"HEAD_TO: {entry!r}: every= is a number of seconds")
    return float(text)
