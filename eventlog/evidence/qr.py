"""A text as a QR code: in a terminal, or as SVG for a page.

Needs the extra `proof`; who does not show codes does not need it.
"""

from __future__ import annotations

import io
from types import ModuleType

from eventlog.errors import KeysMissing


def as_text(line: str) -> str:
    """The code in characters of a terminal. Raises KeysMissing without the package."""
    out = io.StringIO()
    _library().make(line, micro=False).terminal(out=out, compact=True)
    return out.getvalue()


def as_svg(line: str) -> str:
    """The code as an SVG element, without a size of its own. Raises KeysMissing likewise."""
    code = _library().make(line, micro=False)
    svg: str = code.svg_inline(omitsize=True, border=4, light="#fff", dark="#000")
    return svg


def _library() -> ModuleType:
    try:
        import segno  # noqa: PLC0415 - rarely used
    except ImportError as error:
        raise KeysMissing(
            "a QR code needs the package segno; install the extra proof of doorjournal"
        ) from error
    return segno
