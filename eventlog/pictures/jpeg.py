"""Reads JPEG segments: the header, the orientation, and the bytes that the pixels need.

Only baseline, extended and progressive JPEGs of 8 bits are read, which cameras make. Of a scan's
data it finds only the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from struct import unpack_from
from typing import Final, NamedTuple

from eventlog.pictures.frame_header import (
    UPRIGHT,
    Frame,
    Pixels,
    check_pieces,
    check_size,
    orientation_of,
    refused,
)

MAX_TABLES: Final = 65_536  # bytes of tables; a camera's take under one kilobyte
MAX_SCANS: Final = 20  # encoders make about ten; each scan walks the whole picture again

SOI: Final = b"\xff\xd8"
_PROGRESSIVE: Final = 0xC2
_SOF: Final = frozenset({0xC0, 0xC1, _PROGRESSIVE})
_DHT, _EOI, _SOS, _DQT, _DRI, _COM = 0xC4, 0xD9, 0xDA, 0xDB, 0xDD, 0xFE
_APP0, _APP1, _APP14, _APP15 = 0xE0, 0xE1, 0xEE, 0xEF
_SEGMENTS: Final = _SOF | {_DHT, _SOS, _DQT, _DRI, _COM} | set(range(_APP0, _APP15 + 1))
_LENGTH: Final = 2  # bytes of a segment's length, which counts them
_JFIF_BODY, _ADOBE_BODY = 14, 12  # bytes; a longer JFIF body holds a picture of its own
_PIXELS: Final[dict[int, Pixels]] = {1: "grey", 3: "colour", 4: "cmyk"}
_SIZE_BODY: Final = 6  # bytes before the layers, of three bytes each
_BITS: Final = 8
_FACTORS: Final = range(1, 5)
_BLOCK: Final = 8  # pixels on a side
_BLOCK_BYTES: Final = 64 * 2  # 64 coefficients of 16 bits

_END: Final = bytes([0xFF, _EOI])
_MARKER: Final = re.compile(rb"\xff+([^\x00\xff])")
# The next marker after a scan's data, where 0xFF00 is a byte and 0xFFD0 to 0xFFD7 are restarts.
_AFTER_SCAN: Final = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")


class _Segment(NamedTuple):
    """A marker with its body, and where both are in the frame; a scan's data follows it."""

    marker: int
    start: int
    end: int
    body: bytes


class _Size(NamedTuple):
    width_px: int
    height_px: int
    progressive: bool
    factors: tuple[tuple[int, int], ...]  # across and down, for each layer


def read_jpeg(frame: bytes) -> Frame:
    """The header and the clean bytes of a JPEG; they are the frame itself if nothing was removed.

    Raises BadPayload, with the reason, for a JPEG that is too large, cut short or damaged, or of a
    kind that cameras don't make.
    """
    segments = list(_segments(frame))
    kept = [segment for segment in segments if not _is_metadata(segment)]
    scans = [segment for segment in kept if segment.marker == _SOS]
    sizes = [segment for segment in kept if segment.marker in _SOF]
    if not scans or not sizes:
        raise refused("is a JPEG that is cut short")
    if len(sizes) > 1 or sizes[0].start > scans[0].start:
        raise refused("is a damaged JPEG: its size is in the wrong place")
    tables = sum(len(segment.body) for segment in kept)
    if tables > MAX_TABLES or len(scans) > MAX_SCANS:
        raise refused("is a JPEG with more tables or scans than a camera makes")
    size = _size(sizes[0])
    exif = [s.body for s in segments if s.marker == _APP1 and s.body.startswith(b"Exif\0\0")]
    clean = _joined(frame, kept)
    ended = segments[-1].marker == _EOI
    if not ended:
        clean += _END  # or a decoder would wait for the rest
    return Frame(
        format="JPEG",
        width_px=size.width_px,
        height_px=size.height_px,
        pixels=_PIXELS[len(size.factors)],
        orientation=orientation_of(exif[0][6:]) if exif else UPRIGHT,
        whole_image_bytes=_whole_image_bytes(size, scans[0]),
        plain=ended and clean is frame and all(s.marker != _APP14 for s in kept),
        clean=clean,
        cut_short=not ended,
    )


def _segments(frame: bytes) -> Iterator[_Segment]:
    """The frame's segments, up to the end of the picture or of the bytes."""
    at, pieces = len(SOI), 0
    while at < len(frame):
        check_pieces(pieces)
        found = _MARKER.match(frame, at)
        if found is None:
            raise refused("is a damaged JPEG: there is something between its segments")
        marker, start = found[1][0], found.end()
        if marker == _EOI:
            yield _Segment(marker, at, start, b"")
            return
        if marker not in _SEGMENTS:
            raise refused("is a JPEG that is damaged, or neither baseline nor progressive")
        length = int.from_bytes(frame[start : start + _LENGTH], "big")
        end = start + length
        if end > len(frame) or start + _LENGTH > len(frame):
            raise refused("is a JPEG that is cut short")
        if length < _LENGTH:
            raise refused("is a damaged JPEG: a segment has no length")
        body = frame[start + _LENGTH : end]
        if marker == _SOS:
            following = _AFTER_SCAN.search(frame, end)
            end = following.start() if following else len(frame)
        yield _Segment(marker, at, end, body)
        at, pieces = end, pieces + 1


def _is_metadata(segment: _Segment) -> bool:
    """Whether the pixels don't need a segment. For colours, they need JFIF's or Adobe's header."""
    marker, body = segment.marker, segment.body
    if marker == _APP0:
        return len(body) != _JFIF_BODY or not body.startswith(b"JFIF\0")
    if marker == _APP14:
        return len(body) != _ADOBE_BODY or not body.startswith(b"Adobe")
    return _APP0 <= marker <= _APP15 or marker == _COM


def _size(segment: _Segment) -> _Size:
    body = segment.body
    if len(body) < _SIZE_BODY:
        raise refused("is a damaged JPEG: it has no size")
    bits, height, width, layers = unpack_from(">BHHB", body)
    if bits != _BITS or layers not in _PIXELS or len(body) != _SIZE_BODY + 3 * layers:
        raise refused("is a JPEG whose pixels are not 8 bits of 1, 3 or 4 layers")
    check_size(width, height)
    factors = tuple((byte >> 4, byte & 15) for byte in body[_SIZE_BODY + 1 :: 3])
    if any(factor not in _FACTORS for pair in factors for factor in pair):
        raise refused("is a damaged JPEG: a layer has no size")
    return _Size(width, height, segment.marker == _PROGRESSIVE, factors)


def _whole_image_bytes(size: _Size, first_scan: _Segment) -> int:
    """The bytes that a decoder buffers until the last scan is read; 0 if one scan has it all."""
    if not size.progressive and first_scan.body[:1] == bytes([len(size.factors)]):
        return 0
    across = -(-size.width_px // (_BLOCK * max(h for h, _ in size.factors)))
    down = -(-size.height_px // (_BLOCK * max(v for _, v in size.factors)))
    return across * down * sum(h * v for h, v in size.factors) * _BLOCK_BYTES


def _joined(frame: bytes, segments: list[_Segment]) -> bytes:
    if len(SOI) + sum(segment.end - segment.start for segment in segments) == len(frame):
        return frame
    view = memoryview(frame)
    return SOI + b"".join(view[segment.start : segment.end] for segment in segments)
