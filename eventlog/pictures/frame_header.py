"""The header of a frame, and the limits of every frame.

A frame is a picture as a camera or a frame grabber sends it. A decoder gets only its pixels and
what they need: metadata, comments, embedded pictures and bytes after the end are removed first. So
no decoder reads a profile, a text or an EXIF block that could be a decompression bomb.

Knows no file format: those are in `jpeg.py` and `png.py`.
"""

from __future__ import annotations

from struct import unpack_from
from typing import Final, Literal, NamedTuple, TypeAlias

from eventlog.errors import BadPayload

MAX_BYTES: Final = 8_000_000
MAX_PIXELS: Final = 36_000_000  # a frame of 8K has 33 million
MAX_SIDE: Final = 65_500  # the longest that libjpeg can write
MAX_PIECES: Final = 4_096  # segments or chunks; a frame of 8 MB in chunks of 2 KB has as many

Pixels: TypeAlias = Literal[
    "grey", "colour", "cmyk", "bilevel", "grey16", "palette", "grey and alpha", "colour and alpha"
]

UPRIGHT: Final = 1
_FIRST_ON_ITS_SIDE: Final = 5
_LAST_ORIENTATION: Final = 8
_ORIENTATION_TAG: Final = 0x0112
_SHORT: Final = 3
_TIFF_HEADER: Final = 8  # bytes; the first directory may follow
_ENTRY: Final = 12  # bytes of an entry in an EXIF directory


class Frame(NamedTuple):
    """A frame's header, and in `clean` its bytes without what the pixels don't need.

    `orientation` is EXIF's, 1 to 8. `whole_image_bytes` is what a decoder buffers apart from the
    pixels if the picture comes in several scans. `plain` is true for a JPEG of pixels, their tables
    and at most a JFIF header. `cut_short` is true for a JPEG that ends before its picture does; an
    end marker was added to `clean`.
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
    """The error for a frame that is refused; the reason must not repeat its bytes."""
    return BadPayload("frame", reason)


def check_size(width_px: int, height_px: int) -> None:
    """Raise BadPayload for a picture without pixels, or with too many."""
    if width_px == 0 or height_px == 0:
        raise refused("has no pixels")
    if width_px * height_px > MAX_PIXELS or max(width_px, height_px) > MAX_SIDE:
        raise refused(f"has more than {MAX_PIXELS} pixels, or a side of more than {MAX_SIDE}")


def check_pieces(pieces: int) -> None:
    """Raise BadPayload for a frame in more pieces than can be read quickly."""
    if pieces > MAX_PIECES:
        raise refused(f"is in more than {MAX_PIECES} pieces")


def orientation_of(exif: bytes) -> int:
    """The orientation in an EXIF block's first directory, 1 to 8; 1 if it has none.

    Reads only that entry. Others can point anywhere: to read them all can take thousands of times
    the block's size.
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
