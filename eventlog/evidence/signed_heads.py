r"""Signed heads: a log's number of records and tree root, in C2SP's format tlog-checkpoint.

    eventlog.invalid/<log id, 32 hex>/<era>\n
    <size>\n
    <root, base64>\n
    \n
    — <the first line again> <signature>\n

C2SP calls it a checkpoint, which is another word here. A head has a line for people as well, to
be kept on a phone. Files of heads are notes one after the other. Knows no rows and no keys' home.

https://c2sp.org/tlog-checkpoint
"""

from __future__ import annotations

import re
from base64 import b64encode, urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from eventlog.errors import BadNote
from eventlog.evidence import note as notes
from eventlog.evidence.note import Note
from eventlog.evidence.tree import HASH_SIZE

DOMAIN: Final = "eventlog.invalid"
SIZE_MAX: Final = 2**63 - 1

_NAME: Final = re.compile(r"([^\s+/]+)/([0-9a-f]{32})/(0|[1-9][0-9]{0,9})")
_DOMAIN: Final = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_LINE: Final = re.compile(r"evl1 ([0-9a-f]{8})/(0|[1-9][0-9]{0,9}) (0|[1-9][0-9]*) ([\w-]{43})")
_BEGINS: Final = re.compile(rb"[^\s+/]+/[0-9a-f]{32}/[0-9]+\n")
_DASH: Final = "— ".encode()
_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,18}")


class LogName(Struct, frozen=True):
    """A log's name in an era: what its signed heads begin with."""

    log_id: bytes
    era: int = 0
    domain: str = DOMAIN

    def __str__(self) -> str:
        """The name as a head's first line."""
        return f"{self.domain}/{self.log_id.hex()}/{self.era}"

    @property
    def witness(self) -> str:
        """The name of this log's owner as a witness of other logs."""
        return f"{self.domain}/{self.log_id.hex()}/witness"

    def in_era(self, era: int) -> LogName:
        """The same log's name in another era."""
        return LogName(self.log_id, era, self.domain)


class SignedHead(Struct, frozen=True):
    """What a note says of a log. Its signatures are checked by `note`, when asked."""

    origin: str
    size: int
    root: bytes
    note: Note

    def line(self) -> str:
        """The head in 70 characters, unsigned: for an alert or a QR code.

        Raises BadNote if the origin is not a log's name of ours.
        """
        return head_line(parse_name(self.origin), self.size, self.root)


class HeadLine(Struct, frozen=True):
    """What a line for people says: the beginning of a log's id, its era, a size and a root."""

    log_id_begin: str
    era: int
    size: int
    root: bytes

    def is_of(self, log_id: bytes) -> bool:
        """Whether it can be that log's."""
        return log_id.hex().startswith(self.log_id_begin)


def head_text(origin: str, size: int, root: bytes) -> str:
    """The text that is signed."""
    return f"{origin}\n{size}\n{b64encode(root).decode()}\n"


def head_line(name: LogName, size: int, root: bytes) -> str:
    """The line for people."""
    encoded = urlsafe_b64encode(root).decode().rstrip("=")
    return f"evl1 {name.log_id.hex()[:8]}/{name.era} {size} {encoded}"


# ── reading ────────────────────────────────────────────────────────────────────────────────


def parse_head(data: bytes) -> SignedHead:
    """The head that a note holds; further lines below the root are signed and say nothing here.

    Raises BadNote.
    """
    return head_of(notes.parse(data))


def head_of(note: Note) -> SignedHead:
    """The head that a note's text says. Raises BadNote."""
    lines = note.text.split("\n")
    if len(lines) < 4 or lines[-1] or not lines[0]:  # noqa: PLR2004 - origin, size, root, the end
        raise BadNote("a head's text is a name, a size and a root")
    if not _DECIMAL.fullmatch(lines[1]) or int(lines[1]) > SIZE_MAX:
        raise BadNote("a head's size is a decimal number")
    root = notes.from_base64(lines[2])
    if len(root) != HASH_SIZE or not all(lines[:-1]):
        raise BadNote("a head's root is 32 bytes in base64")
    return SignedHead(lines[0], int(lines[1]), root, note)


def parse_name(origin: str) -> LogName:
    """The log and era that an origin names. Raises BadNote."""
    found = _NAME.fullmatch(origin)
    if found is None:
        raise BadNote("a log's name is DOMAIN/LOG ID/ERA")
    return LogName(bytes.fromhex(found[2]), int(found[3]), found[1])


def is_domain(text: str) -> bool:
    """Whether a log's name can begin with it."""
    return _DOMAIN.fullmatch(text) is not None


def parse_line(text: str) -> HeadLine:
    """What a line for people says; other text around it is passed over. Raises BadNote."""
    found = _LINE.search(text)
    if found is None or int(found[3]) > SIZE_MAX:
        raise BadNote("a head's line is: evl1 LOG/ERA SIZE ROOT")
    return HeadLine(found[1], int(found[2]), int(found[3]), urlsafe_b64decode(found[4] + "="))


def split_heads(data: bytes) -> Iterator[bytes]:
    """The notes of a file that holds one after the other, some of which may be torn.

    A note begins with a log's name and ends where its lines of signatures end. What is torn is
    yielded as it is, and takes no other note with it.
    """
    note: list[bytes] = []
    signed = False
    for line in data.splitlines(keepends=True):
        is_signature = line.startswith(_DASH)
        if note and (_BEGINS.fullmatch(line) or (signed and not is_signature)):
            yield b"".join(note)
            note, signed = [], False
        signed = signed or is_signature
        if note or line.strip():  # blank lines between two notes belong to neither
            note.append(line)
    if note:
        yield b"".join(note)
