"""Frame bytes become a clean JPEG, and JPEGs become thumbnails in their folder.

JPEG and PNG are read: what doorbells send and frame grabbers write. Every other format is
refused, because each decoder more is one more door to guard.
"""

from __future__ import annotations

from eventlog.pictures.frame_header import MAX_BYTES, MAX_PIXELS, Frame, refused
from eventlog.pictures.jpeg import SOI, read_jpeg
from eventlog.pictures.png import SIGNATURE, read_png

__all__ = ["MAX_BYTES", "MAX_PIXELS", "Frame", "read_frame", "refused"]


def read_frame(frame: bytes) -> Frame:
    """The header and the clean bytes of a JPEG or a PNG, whatever its file was called.

    Raises BadPayload, which says why, for what is neither, over 8 MB or 16 megapixels, cut
    short or damaged.
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
