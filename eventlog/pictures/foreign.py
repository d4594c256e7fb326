"""Converts frames of other formats than JPEG and PNG, and frames that are too large to decode here.

Each is converted in its own process (`converter.py`) with limited memory and time: a hostile frame
that makes a decoder use gigabytes, or crash, harms no other process. WebP, AVIF (if Pillow can read
it), GIF, BMP and TIFF are recognised by their first bytes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

from eventlog.pictures.frame_header import MAX_BYTES, Frame, refused
from eventlog.pictures.jpeg import read_jpeg

MAX_MEMORY: Final = 384 * 1024 * 1024  # bytes for one conversion, in its own process
TIMEOUT_S: Final = 20.0
_CONVERTER: Final = Path(__file__).with_name("converter.py")
_WORD: Final = re.compile(r"[A-Za-z]{1,40}")
# Pillow's name of a format, and the first bytes of its files; a dot is any byte.
_STARTS: Final[tuple[tuple[str, re.Pattern[bytes]], ...]] = (
    ("WEBP", re.compile(rb"RIFF....WEBP", re.DOTALL)),
    ("AVIF", re.compile(rb"....ftyp(avif|avis|mif1.{4,40}avif)", re.DOTALL)),
    ("GIF", re.compile(rb"GIF8[79]a")),
    ("BMP", re.compile(rb"BM.{8}", re.DOTALL)),
    ("TIFF", re.compile(rb"II\*\0|MM\0\*")),
)


def format_of(frame: bytes) -> str | None:
    """Pillow's name of a frame's format; None for one that is not converted here."""
    return next((kind for kind, start in _STARTS if start.match(frame)), None)


def convert(frame: bytes, kind: str, *, orientation: int = 0) -> Frame:
    """Convert a frame to a clean JPEG.

    Args:
        frame: The bytes of the frame.
        kind: Pillow's name of its format.
        orientation: EXIF's, 1 to 8; 0, the default, reads it from the frame.

    Raises:
        BadPayload: No picture can be made of it, or not within MAX_MEMORY and TIMEOUT_S.
    """
    try:
        done = subprocess.run(  # noqa: S603 - this program's own file
            [sys.executable, "-S", "-P", _CONVERTER, kind, str(orientation), str(MAX_MEMORY)],
            input=frame,
            capture_output=True,
            check=False,
            timeout=TIMEOUT_S,
            env=_environment(),
        )
    except subprocess.TimeoutExpired as error:
        raise refused("takes too long to decode") from error
    except (OSError, ValueError) as error:
        raise refused(f"could not be converted ({type(error).__name__})") from error
    if done.returncode != 0:
        raise refused(_reason(done.returncode, done.stderr[-200:].decode("ascii", "replace")))
    if len(done.stdout) > MAX_BYTES:
        raise refused("would be too large a JPEG")
    return read_jpeg(done.stdout)


def _environment() -> dict[str, str]:
    """The environment in which the converter finds Pillow, without this process's variables."""
    path = [folder or os.getcwd() for folder in sys.path]  # noqa: PTH109 - as Python does
    return {"PYTHONPATH": os.pathsep.join(path), "MALLOC_ARENA_MAX": "1"}


def _reason(code: int, said: str) -> str:
    name = said if _WORD.fullmatch(said) else "no answer"
    if name in {"MemoryError", "DecompressionBombError", "DecompressionBombWarning"}:
        return "would take too much memory"
    if name == "KeyError":
        return "is of a format that this Pillow can't read"
    if code < 0:
        return "is damaged: its decoder crashed or took too long"
    return f"is damaged or cut short ({name})"
