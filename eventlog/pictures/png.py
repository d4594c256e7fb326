"""Reads PNG chunks: the header, the orientation, and the bytes that the pixels need.

Knows nothing of compression: the decoder notices data that ends early.
"""

from __future__ import annotations

from collections.abc import Iterator
from struct import unpack
from typing import Final, NamedTuple
from zlib import crc32

from eventlog.pictures.frame_header import (
    UPRIGHT,
    Frame,
    Pixels,
    check_pieces,
    check_size,
    orientation_of,
    refused,
)

SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_AROUND: Final = 12  # bytes of a chunk's length, kind and checksum
_HEADER_BODY: Final = 13
# Colour type and bit depth, and the pixels that they decode to.
_PIXELS: Final[dict[tuple[int, int], Pixels]] = {
    (0, 1): "bilevel",
    (0, 2): "grey",
    (0, 4): "grey",
    (0, 8): "grey",
    (0, 16): "grey16",
    (2, 8): "colour",
    (2, 16): "colour",
    (3, 1): "palette",
    (3, 2): "palette",
    (3, 4): "palette",
    (3, 8): "palette",
    (4, 8): "grey and alpha",
    (4, 16): "grey and alpha",
    (6, 8): "colour and alpha",
    (6, 16): "colour and alpha",
}


class _Chunk(NamedTuple):
    kind: bytes
    body: memoryview


def read_png(frame: bytes) -> Frame:
    """The header and the clean bytes of a PNG; of an animation, those of the first picture.

    Transparency is removed: a camera's pictures have none, and a frame grabber may leave the fourth
    byte of each pixel at 0.

    Raises BadPayload, with the reason, for a PNG that is too large, cut short or damaged.
    """
    chunks = list(_chunks(frame))
    width, height, pixels = _header(chunks[0])
    palette = [chunk.body for chunk in chunks if chunk.kind == b"PLTE"]
    exif = [chunk.body for chunk in chunks if chunk.kind == b"eXIf"]
    data = b"".join(chunk.body for chunk in chunks if chunk.kind == b"IDAT")
    if not data or (pixels == "palette" and not palette):
        raise refused("is a damaged PNG: it has no picture")
    # One chunk of data, because a decoder takes time for each.
    clean = b"".join(
        (
            SIGNATURE,
            _chunk(b"IHDR", bytes(chunks[0].body)),
            _chunk(b"PLTE", bytes(palette[0])) if palette else b"",
            _chunk(b"IDAT", data),
            _chunk(b"IEND", b""),
        )
    )
    return Frame(
        format="PNG",
        width_px=width,
        height_px=height,
        pixels=pixels,
        orientation=orientation_of(bytes(exif[0])) if exif else UPRIGHT,
        whole_image_bytes=0,
        plain=False,
        clean=clean,
    )


def _chunks(frame: bytes) -> Iterator[_Chunk]:
    """The frame's chunks up to the end of the picture. Each checksum is verified."""
    view, at, pieces, kind = memoryview(frame), len(SIGNATURE), 0, b""
    while kind != b"IEND":
        check_pieces(pieces)
        kind = frame[at + 4 : at + 8]
        end = at + _AROUND + int.from_bytes(frame[at : at + 4], "big")
        if end > len(frame):
            raise refused("is a PNG that is cut short")
        if crc32(view[at + 4 : end - 4]) != int.from_bytes(frame[end - 4 : end], "big"):
            raise refused("is a damaged PNG: a checksum does not fit")
        yield _Chunk(kind, view[at + 8 : end - 4])
        at, pieces = end, pieces + 1


def _header(chunk: _Chunk) -> tuple[int, int, Pixels]:
    if chunk.kind != b"IHDR" or len(chunk.body) != _HEADER_BODY:
        raise refused("is a damaged PNG: it has no header")
    width, height, depth, colour, compression, filtering, interlace = unpack(">IIBBBBB", chunk.body)
    check_size(width, height)
    pixels = _PIXELS.get((colour, depth))
    if pixels is None or compression or filtering or interlace not in (0, 1):
        raise refused("is a damaged PNG: its header has no meaning")
    return width, height, pixels


def _chunk(kind: bytes, body: bytes) -> bytes:
    checksum = crc32(body, crc32(kind))
    return b"".join((len(body).to_bytes(4, "big"), kind, body, checksum.to_bytes(4, "big")))
