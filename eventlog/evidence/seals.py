r"""Seals: commitments that replace personal texts, and the slot that keeps one's opening.

    sealed = SHA-256("eventlog/name/1\0" || opening || text in UTF-8)

The journal holds `sealed`; the opening and the text are kept in one slot of 512 bytes, apart from
the log. Overwriting the slot makes the seal unreadable for good and changes no record. A slot:

      1 byte   state: 0 free, 1 live, 2 erased, 3 retired (still opens, is never sealed with again),
               4 lost (the owner says that nothing opens it any more)
      1 byte   what the text is: 1 name, 2 display name, 3 reference, 4 plate
      2 bytes  length of the text
     32 bytes  sealed
     32 bytes  opening
     32 bytes  the seal of the person's name
      8 bytes  when it was made, microseconds since 1970, signed
    256 bytes  the text, then zeros to byte 480
     32 bytes  SHA-256 of the 480 bytes before

The first slot of a file is its header: magic (17), log id (16), a counter (8) that every change
raises, the file's own id (16). Integers are big-endian. Pure: knows no file.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from hashlib import sha256
from typing import Final

from msgspec import Struct

from eventlog.errors import BadArgument

SLOT_SIZE: Final = 512
TEXT_BYTES_MAX: Final = 256
OPENING_SIZE: Final = 32

_DOMAIN: Final = b"eventlog/name/1\0"
_MAGIC: Final = b"eventlog/seals/1\0"
_CHECKED: Final = 480  # bytes of a slot that its checksum covers
_SLOT: Final = struct.Struct(">BBH32s32s32sq")
_HEADER: Final = struct.Struct(">17s16sQ16s")
COUNTER_AT: Final = 33
_NO_SEAL: Final = bytes(32)


class State(IntEnum):
    """What a slot is."""

    FREE = 0
    LIVE = 1
    ERASED = 2
    RETIRED = 3
    LOST = 4


_BARE: Final = frozenset({State.ERASED, State.LOST})  # nothing but the seal is in such a slot


class What(IntEnum):
    """The kind of personal text that a seal replaces."""

    NAME = 1
    DISPLAY_NAME = 2
    REFERENCE = 3
    PLATE = 4


class BadSlot(ValueError):
    """A slot whose checksum does not match, or whose fields have no meaning."""


class Header(Struct, frozen=True):
    """The first slot of a seals file: whose it is, and how often it was changed."""

    log_id: bytes
    seals_id: bytes
    counter: int


class Slot(Struct, frozen=True, kw_only=True):
    """One seal with what opens it.

    An erased slot keeps `sealed` alone: it is the proof that the seal was made here and erased. A
    lost one never had more.
    `person` is the seal of the person's name; a name's own slot holds its own seal there.
    """

    state: State
    what: What = What.NAME
    sealed: bytes = _NO_SEAL
    opening: bytes = _NO_SEAL
    person: bytes = _NO_SEAL
    made_at_us: int = 0
    text: str = ""

    def erased(self) -> Slot:
        """What stays of the slot after its person is erased: the state and the seal."""
        return Slot(state=State.ERASED, sealed=self.sealed)

    def fits(self) -> bool:
        """Whether the text and the opening give the seal."""
        return commitment(self.opening, self.text) == self.sealed


def commitment(opening: bytes, text: str) -> bytes:
    """The seal of a text under an opening."""
    return sha256(_DOMAIN + opening + text.encode()).digest()


def check_text(text: str) -> bytes:
    """The text's bytes. Raises BadArgument for a text that no slot can hold."""
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise BadArgument("a personal text must be text that UTF-8 can hold") from error
    if not 0 < len(data) <= TEXT_BYTES_MAX:
        raise BadArgument(f"a personal text has 1 to {TEXT_BYTES_MAX} bytes in UTF-8")
    return data


def pack_header(header: Header) -> bytes:
    """The header as a slot's bytes."""
    return _checked(_HEADER.pack(_MAGIC, header.log_id, header.counter, header.seals_id))


def unpack_header(data: bytes) -> Header:
    """The header that a slot's bytes hold. Raises BadSlot."""
    body = _verified(data)
    magic, log_id, counter, seals_id = _HEADER.unpack_from(body)
    if magic != _MAGIC:
        raise BadSlot("it is not a seals file of this format")
    return Header(log_id, seals_id, counter)


def pack(slot: Slot) -> bytes:
    """A slot's bytes. Raises BadArgument for a text that it cannot hold."""
    text = check_text(slot.text) if slot.text else b""
    what = slot.what if slot.state not in _BARE else 0
    fields = _SLOT.pack(
        slot.state, what, len(text), slot.sealed, slot.opening, slot.person, slot.made_at_us
    )
    return _checked(fields + text)


def unpack(data: bytes) -> Slot:
    """The slot that these bytes hold; zeros are a free one. Raises BadSlot."""
    if data == bytes(SLOT_SIZE):
        return Slot(state=State.FREE)
    body = _verified(data)
    state, what, length, sealed, opening, person, made_at_us = _SLOT.unpack_from(body)
    if state in _BARE:
        return Slot(state=State(state), sealed=sealed)
    try:
        text = body[_SLOT.size : _SLOT.size + length].decode()
        slot = Slot(
            state=State(state),
            what=What(what),
            sealed=sealed,
            opening=opening,
            person=person,
            made_at_us=made_at_us,
            text=text,
        )
    except ValueError as error:
        raise BadSlot("its fields have no meaning") from error
    if length > TEXT_BYTES_MAX or not slot.fits():
        raise BadSlot("its text does not fit its seal")
    return slot


def _checked(fields: bytes) -> bytes:
    body = fields.ljust(_CHECKED, b"\0")
    return body + sha256(body).digest()


def _verified(data: bytes) -> bytes:
    body, checksum = data[:_CHECKED], data[_CHECKED:]
    if len(data) != SLOT_SIZE or sha256(body).digest() != checksum:
        raise BadSlot("its checksum does not match")
    return body
