"""What a frame says of itself, and the bounds that every frame is held against.

A frame is a picture as a camera or a frame grabber sends it. Its header is read from the bytes,
and its pixels are given to a decoder alone: metadata, comments, embedded pictures and whatever
follows the picture are left out first. So no decoder meets a profile, a text or an EXIF block
that could be a bomb.

Knows no file format: `jpeg.py` and `png.py` do.
"""

from __future__ import annotations

from struct import unpack_from
from typing import Final, Literal, NamedTuple, TypeAlias

from eventlog.errors import BadPayload

MAX_BYTES: Final = 8_000_000
MAX_PIXELS: Final = 36_000_000  # a frame of 8K has 33 million
MAX_SIDE: Final = 65_500  # what libjpeg can write
MAX_PIECES: Final = 4_096  # segments or chunks; a frame of 8 MB in chunks of 2 KB has as many

Pixels: TypeAlias = Literal[
    "grey", "colour", "cmyk", "bilevel", "grey16", "palette", "grey and alpha", "colour and alpha"
]

UPRIGHT: Final = 1
_FIRST_ON_ITS_SIDE: Final = 5
_LAST_ORIENTATION: Final = 8
_ORIENTATION_TAG: Final = 0x0112
_SHORT: Final = 3
_TIFF_HEADER: Final = 8  # bytes before the first directory at the earliest
_ENTRY: Final = 12  # bytes of an entry in an EXIF directory


class Frame(NamedTuple):
    """A frame's header, and its bytes without what the pixels don't need.

    `orientation` is EXIF's, 1 to 8. `whole_image_bytes` is what a decoder buffers besides the
    pixels, because the picture comes in several scans. `plain` is true for a JPEG that holds
    nothing but its pixels, their tables and at most a JFIF header, to the last byte. `cut_short` is
    true for a JPEG whose bytes end before its picture does; `clean` has an end all the same.
    """

    format: Literal["JPEG", "PNG"]
    width_px: int
    height_px: int
    pixels: Pixels
    orientation: int
    whole_image_bytes: int
    plain: bool
    clean: bytes
    cut_short: bool = False

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height in pixels after the orientation is applied."""
        if self.orientation >= _FIRST_ON_ITS_SIDE:
            return self.height_px, self.width_px
        return self.width_px, self.height_px


def refused(reason: str) -> BadPayload:
    """The error for a frame that is refused; the reason repeats nothing of the frame."""
    return BadPayload("frame", reason)


def check_size(width_px: int, height_px: int) -> None:
    """Raise BadPayload for a picture without pixels, or with too many."""
    if width_px == 0 or height_px == 0:
        raise refused("has no pixels")
    if width_px * height_px > MAX_PIXELS or max(width_px, height_px) > MAX_SIDE:
        raise refused(f"has more than {MAX_PIXELS} pixels, or a side of more than {MAX_SIDE}")


def check_pieces(pieces: int) -> None:
    """Raise BadPayload for a frame in so many pieces that walking them takes its time."""
    if pieces > MAX_PIECES:
        raise refused(f"is in more than {MAX_PIECES} pieces")


def orientation_of(exif: bytes) -> int:
    """The orientation that an EXIF block's first directory names, 1 to 8; 1 where it names none.

    Reads that one entry. Other entries can point anywhere, so a reader of all of them takes
    thousands of times the block's size.
    """
    if exif.startswith(b"II*\0"):
        order = "<"
    elif exif.startswith(b"MM\0*"):
        order = ">"
    else:
        return UPRIGHT
    if len(exif) < _TIFF_HEADER:
        return UPRIGHT
    (directory,) = unpack_from(f"{order}I", exif, 4)
    entries_at = directory + 2
    if entries_at > len(exif):
        return UPRIGHT
    (count,) = unpack_from(f"{order}H", exif, directory)
    whole = (len(exif) - entries_at) // _ENTRY
    for entry in range(min(count, whole)):
        tag, kind, _, value = unpack_from(f"{order}HHIH", exif, entries_at + entry * _ENTRY)
        if tag == _ORIENTATION_TAG and kind == _SHORT:
            return int(value) if UPRIGHT <= value <= _LAST_ORIENTATION else UPRIGHT
    return UPRIGHT
