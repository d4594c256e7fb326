"""Describes an unexpected error for a log in one line: its type and where it was raised.

The message is left out: it may contain a name or a line break.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Final

FRAMES_TOLD: Final = 12  # the innermost


def whereabouts(error: BaseException) -> str:
    """An error's type and the calls that led to it; of an exception group, the first error."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_TOLD:]
    places = (f"{Path(one.filename).name}:{one.lineno} in {one.name}" for one in reversed(frames))
    return f"{type(error).__name__} at {', from '.join(places) or 'no known place'}"
