"""Makes a small rendition of a picture for lists, once: at most 320 pixels on its longer side.

It is stored in the picture's folder, under the picture's name with another ending. Its comment has
the digests of the picture and of its own bytes, so that one that is damaged, or of another picture,
is noticed and made again. Knows nothing of events and facts.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
from pathlib import Path
from typing import Final

from eventlog.pictures.jpeg import SOI
from eventlog.storage.durable_files import open_plain, replace

SIDE_PX: Final = 320
QUALITY: Final = 70  # 30 of them in a list weigh less than 150 kB
ENDING: Final = ".320.jpg"
_DIGEST: Final = 32  # bytes of a SHA-256
_COMMENT: Final = b"\xff\xfe" + (2 + 2 * _DIGEST).to_bytes(2, "big")
_BODY_AT: Final = len(SOI) + len(_COMMENT) + 2 * _DIGEST
_MAX_BYTES: Final = 1_000_000

_log: Final = logging.getLogger(__name__)


def name_for(picture_name: str) -> str:
    """The name of the small rendition's file."""
    return picture_name.removesuffix(".jpg") + ENDING


def small_jpeg(path: Path, picture: bytes) -> bytes:
    """The small rendition of a picture, read from its file, or made and stored there.

    If the file can't be written, the rendition is made at each call.

    Args:
        path: The picture's file.
        picture: The content of that file, a clean JPEG.

    Raises:
        ValueError: The picture can't be decoded.
    """
    of = hashlib.sha256(picture).digest()
    kept = path.with_name(name_for(path.name))
    found = _read(kept, of)
    if found is not None:
        return found
    made = _made(picture, of)
    try:
        replace(kept, made)
    except OSError as error:
        # On a full or read-only disk it only takes longer.
        why = os.strerror(error.errno) if error.errno is not None else type(error).__name__
        _log.info("a small picture is not kept: %s", why)
    return made


def remove(path: Path) -> None:
    """Remove the small rendition of a picture, if there is one. Raises OSError."""
    path.with_name(name_for(path.name)).unlink(missing_ok=True)


def _read(path: Path, of: bytes) -> bytes | None:
    """The bytes of a rendition, if it is undamaged and of that picture."""
    try:
        with open_plain(path) as file:
            content = file.read(_MAX_BYTES)
    except OSError:
        return None
    start = SOI + _COMMENT + of + hashlib.sha256(content[_BODY_AT:]).digest()
    return content if content.startswith(start) else None


def _made(picture: bytes, of: bytes) -> bytes:
    from PIL import Image  # noqa: PLC0415 - takes 30 ms, and is needed for pictures only

    # A decoder may raise anything on damaged bytes.
    try:
        image: Image.Image = Image.open(io.BytesIO(picture), formats=("JPEG",))
        image.draft(None, (SIDE_PX, SIDE_PX))  # decodes a part of the pixels only
        image.thumbnail((SIDE_PX, SIDE_PX))
        image.info.clear()
        file = io.BytesIO()
        image.save(file, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    except Exception as error:
        raise ValueError(f"the picture can't be decoded ({type(error).__name__})") from error
    body = file.getvalue()[len(SOI) :]
    return SOI + _COMMENT + of + hashlib.sha256(body).digest() + body
