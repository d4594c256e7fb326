"""Turns frames into clean JPEGs, and stores them as thumbnails in their folder.

JPEG and PNG, which doorbells and frame grabbers produce, are decoded in this process after a check
of their headers. Other formats are converted in a separate process: each decoder is a risk.
"""

from __future__ import annotations

from typing import Final

from eventlog.pictures.frame_header import MAX_BYTES, MAX_PIXELS, Frame, refused
from eventlog.pictures.jpeg import SOI, read_jpeg
from eventlog.pictures.png import SIGNATURE, read_png

__all__ = ["MAX_BYTES", "MAX_PIXELS", "Frame", "read_frame", "refused", "without_line_breaks"]

_LINE_BREAKS: Final = b"\r\n\r\n"


def without_line_breaks(frame: bytes) -> bytes:
    """A frame without the line breaks that some HTTP cameras send before it."""
    return frame[: len(_LINE_BREAKS)].lstrip(_LINE_BREAKS) + frame[len(_LINE_BREAKS) :]


def read_frame(frame: bytes) -> Frame:
    """The header and the clean bytes of a JPEG or a PNG.

    Raises BadPayload, with the reason, for another format, more than 8 MB or 36 megapixels, a
    damaged header, and a frame that ends before its pixels begin.
    """
    if not frame:
        raise refused("is empty")
    if len(frame) > MAX_BYTES:
        raise refused(f"has more than {MAX_BYTES} bytes")
    if frame.startswith(SOI + b"\xff"):
        return read_jpeg(frame)
    if frame.startswith(SIGNATURE):
        return read_png(frame)
    raise refused("is neither a JPEG nor a PNG")
