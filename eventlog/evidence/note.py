r"""Signed notes of C2SP: a text and the lines that sign it, byte for byte.

    <text, its last line ended>\n
    — <name of the key> <base64(key id, 4 bytes + signature)>\n     one line a signature

Two kinds of keys are known: 01 signs the text, 04 cosigns it with a time (a witness). Lines of
other keys are kept and not looked at. Knows no journal: only text, keys and signatures.

https://c2sp.org/signed-note, https://c2sp.org/tlog-cosignature
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Iterable
from hashlib import sha256
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from eventlog.errors import BadNote
from eventlog.evidence.ed25519 import KEY_SIZE, Signer, is_signature

KeyType: TypeAlias = Literal[1, 4]
SIGNS: Final = 1
COSIGNS: Final = 4

NOTE_MAX: Final = 64 * 1024
SIGNATURES_MAX: Final = 100
_DASH: Final = "— "
_KEY_ID_SIZE: Final = 4
_TIME_SIZE: Final = 8
_PRIVATE: Final = "PRIVATE+KEY"


class Signature(Struct, frozen=True):
    """One line below a text. `blob` is what follows the key id: its meaning is the key's."""

    name: str
    key_id: bytes
    blob: bytes

    def line(self) -> str:
        """The line, without its end."""
        return f"{_DASH}{self.name} {b64encode(self.key_id + self.blob).decode()}"


class Note(Struct, frozen=True):
    """A text and its signatures, none of them checked yet."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """The note as it is written."""
        lines = "".join(f"{signature.line()}\n" for signature in self.signatures)
        return f"{self.text}\n{lines}".encode()

    def signed_also(self, more: Iterable[Signature]) -> Note:
        """The note with further signatures; a key's earlier signature gives way to its later."""
        kept = {(one.name, one.key_id): one for one in self.signatures}
        kept.update({(one.name, one.key_id): one for one in more})
        return Note(self.text, tuple(kept.values()))


class PublicKey(Struct, frozen=True):
    """A key that checks signatures; as text it is C2SP's vkey."""

    name: str
    type: KeyType
    key: bytes

    @property
    def key_id(self) -> bytes:
        """The four bytes that a signature names its key by."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.key).digest()[:4]

    def encode(self) -> str:
        """The key as one line: NAME+ID+BASE64."""
        blob = b64encode(bytes([self.type]) + self.key).decode()
        return f"{self.name}+{self.key_id.hex()}+{blob}"

    def signs(self, note: Note) -> bool:
        """Whether the note has a signature of this key, which is not a witness's."""
        return self.type == SIGNS and any(
            is_signature(self.key, note.text.encode(), one.blob) for one in self._own(note)
        )

    def cosigned_at(self, note: Note) -> int | None:
        """When this witness cosigned the note, in seconds since 1970; None if it did not."""
        if self.type != COSIGNS:
            return None
        for one in self._own(note):
            time = int.from_bytes(one.blob[:_TIME_SIZE])
            message = cosigned_message(note.text, time)
            if is_signature(self.key, message, one.blob[_TIME_SIZE:]):
                return time
        return None

    def _own(self, note: Note) -> list[Signature]:
        return [
            one for one in note.signatures if one.name == self.name and one.key_id == self.key_id
        ]


class PrivateKey(Struct, frozen=True):
    """A seed of 32 bytes under a name; as text it is the form of Go's sumdb/note."""

    name: str
    type: KeyType
    seed: bytes

    def __repr__(self) -> str:
        """The name only: a seed must not get into a traceback."""
        return f"PrivateKey(name={self.name!r})"

    def encode(self, public_key: bytes) -> str:
        """The key as one line: PRIVATE+KEY+NAME+ID+BASE64."""
        key_id = PublicKey(self.name, self.type, public_key).key_id
        blob = b64encode(bytes([self.type]) + self.seed).decode()
        return f"{_PRIVATE}+{self.name}+{key_id.hex()}+{blob}"


def sign(text: str, name: str, signer: Signer) -> Signature:
    """A signature over a text."""
    key = PublicKey(name, SIGNS, signer.public_key)
    return Signature(name, key.key_id, signer.sign(text.encode()))


def cosign(text: str, name: str, signer: Signer, time: int) -> Signature:
    """A witness's signature over a text, at a time in seconds since 1970."""
    key = PublicKey(name, COSIGNS, signer.public_key)
    return Signature(
        name, key.key_id, time.to_bytes(_TIME_SIZE) + signer.sign(cosigned_message(text, time))
    )


def cosigned_message(text: str, time: int) -> bytes:
    """What a witness signs."""
    return f"cosignature/v1\ntime {time}\n{text}".encode()


# ── reading ────────────────────────────────────────────────────────────────────────────────


def parse(data: bytes) -> Note:
    """The note that these bytes are. Raises BadNote."""
    if len(data) > NOTE_MAX:
        raise BadNote(f"a note has {NOTE_MAX} bytes at most")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise BadNote("a note is UTF-8") from error
    if any(ord(letter) < ord(" ") and letter != "\n" for letter in text):
        raise BadNote("a note must not hold control characters")
    body, blank, lines = text.rpartition("\n\n")
    if not blank or not lines.endswith("\n"):
        raise BadNote("a note ends with a blank line and its signatures")
    found = lines[:-1].split("\n")
    if len(found) > SIGNATURES_MAX:
        raise BadNote(f"a note has {SIGNATURES_MAX} signatures at most")
    return Note(f"{body}\n", tuple(map(parse_signature, found)))


def parse_signature(line: str) -> Signature:
    """The signature in one line. Raises BadNote."""
    name, blank, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not blank or not is_key_name(name):
        raise BadNote("a signature's line is a dash, a key's name and base64")
    blob = from_base64(encoded)
    if len(blob) <= _KEY_ID_SIZE:
        raise BadNote("a signature names its key by four bytes")
    return Signature(name, blob[:_KEY_ID_SIZE], blob[_KEY_ID_SIZE:])


def parse_public_key(text: str) -> PublicKey:
    """The key that a vkey says. Raises BadNote."""
    name, key_type, key_id, key = _key_parts(text.strip(), "a public key is NAME+ID+BASE64")
    found = PublicKey(name, key_type, key)
    if found.key_id != key_id:
        raise BadNote("the public key's id does not fit its name and bytes: a letter is wrong")
    return found


def parse_private_key(text: str) -> PrivateKey:
    """The key that a private line says. Raises BadNote, which does not repeat it."""
    text = text.strip()
    if not text.startswith(f"{_PRIVATE}+"):
        raise BadNote(f"a private key begins with {_PRIVATE}")
    name, key_type, _, seed = _key_parts(
        text.removeprefix(f"{_PRIVATE}+"), "a private key is PRIVATE+KEY+NAME+ID+BASE64"
    )
    return PrivateKey(name, key_type, seed)


def is_key_name(name: str) -> bool:
    """Whether a key can have the name: not empty, no blanks, no plus."""
    return bool(name) and "+" not in name and not any(map(str.isspace, name))


def from_base64(text: str) -> bytes:
    """Bytes from standard base64. Raises BadNote if it is not the one way to write them."""
    try:
        data = b64decode(text, validate=True)
    except ValueError as error:
        raise BadNote("there is text that is not base64") from error
    if b64encode(data).decode() != text:
        raise BadNote("there is base64 with unused bits that are set")
    return data


def _key_parts(text: str, form: str) -> tuple[str, KeyType, bytes, bytes]:
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    blob = from_base64(encoded)
    try:
        id_bytes = bytes.fromhex(key_id)
    except ValueError as error:
        raise BadNote(form) from error
    if not is_key_name(name) or len(id_bytes) != _KEY_ID_SIZE or len(blob) != KEY_SIZE + 1:
        raise BadNote(form)
    match blob[0]:
        case 1:
            return name, 1, id_bytes, blob[1:]
        case 4:
            return name, 4, id_bytes, blob[1:]
        case other:
            raise BadNote(f"keys of the kind {other:02x} are not known")
