"""The values that facts are made of, and the base class of every fact.

Every type has its bounds, so that msgspec refuses other values when it decodes a body. Text that
may name a person is `PersonalText`, and a field for it is `Sealable`: it may hold a seal instead.
Knows no kind of fact.
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
    """A commitment in place of a personal text. What opens it is kept outside the journal.

    `sealed` is the commitment, 32 bytes. Only this program makes seals: an append from outside may
    hold text in such a field, but not a seal.
    """

    sealed: Digest

    def __str__(self) -> str:
        """The seal as text for a table or a page; it does not contain the name."""
        return f"a sealed name ({self.sealed[:_SHOWN_BYTES].hex()})"


# Enough to distinguish the people of one house, and short enough for a line of a list.
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
    """A number on a source's own scale: `value` is the number, `scale` the name of the scale."""

    value: Finite
    scale: Word


def shown(name: str | Sealed) -> str:
    """A name as text: the name itself, or a description of its seal."""
    return name if isinstance(name, str) else str(name)


class DoorFact(
    Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False, tag_field="kind"
):
    """The settings of every fact. Each repeats `frozen` and `kw_only`: they are not inherited."""
