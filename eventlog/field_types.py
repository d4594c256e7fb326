"""The values that facts are made of: words, numbers, times, boxes, and a sealed name.

Every type carries its bounds, so that msgspec refuses what is out of them when a body is
decoded. Text that may name a person is `PersonalText`, and every field that can hold it is
`Sealable`: a seal may stand there instead. Knows no fact.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, Struct

LARGEST: Final = 1.7976931348623157e308  # the largest finite float: refuses inf and NaN

Instant: TypeAlias = Annotated[datetime, Meta(tz=True)]
Confidence: TypeAlias = Annotated[float, Meta(ge=0.0, le=1.0)]
Distance: TypeAlias = Annotated[float, Meta(ge=0.0, le=LARGEST)]
Finite: TypeAlias = Annotated[float, Meta(ge=-LARGEST, le=LARGEST)]
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**53)]  # exact in JSON and JavaScript as well
Word: TypeAlias = Annotated[str, Meta(min_length=1, max_length=64)]
Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
LongText: TypeAlias = Annotated[str, Meta(min_length=1, max_length=4096)]
Digest: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]
KeyId: TypeAlias = Annotated[bytes, Meta(min_length=4, max_length=4)]

PersonalText: TypeAlias = Annotated[
    str, Meta(min_length=1, max_length=64, extra={"personal": True})
]


class Sealed(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A commitment in place of a personal text; what opens it is kept outside the journal.

    `sealed` is the commitment, 32 bytes.
    Two seals are equal where their 32 bytes are. A seal is made by this program only: from
    outside, in an append, text is accepted and a seal is refused.
    """

    sealed: Digest

    def __str__(self) -> str:
        """The seal as text for a table or a page: it names nobody."""
        return f"a sealed name ({self.sealed[:_SHOWN_BYTES].hex()})"


# Enough that two people of one house are told apart, and short enough for a line of a list.
_SHOWN_BYTES: Final = 6

Sealable: TypeAlias = PersonalText | Sealed

DoorAction: TypeAlias = Literal["unlocked", "locked", "unlatched", "none"]


class Box(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A rectangle in a picture: (x1, y1) is its upper left corner, (x2, y2) its lower right.

    `unit` says whether the numbers are pixels or fractions of the picture's width and height.
    `frame_width` and `frame_height` are the size in pixels of the picture that was looked at.
    """

    x1: Finite | None
    y1: Finite | None
    x2: Finite | None
    y2: Finite | None
    unit: Literal["pixels", "fractions"] = "pixels"
    frame_width: Count | None = None
    frame_height: Count | None = None


class Score(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """A number on a scale of its source's own: `value` is the number, `scale` names the scale."""

    value: Finite
    scale: Word


def shown(name: str | Sealed) -> str:
    """A name as text: itself, or the words for a sealed one."""
    return name if isinstance(name, str) else str(name)
