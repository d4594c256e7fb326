"""What a log says of an unexpected error: its kind and its place, in one line.

Not its message: that may repeat a name, or hold a line of its own.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Final

FRAMES_TOLD: Final = 12  # the innermost


def whereabouts(error: BaseException) -> str:
    """An error's kind and the calls that led to it; of a group's errors the first."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES_TOLD:]
    places = (f"{Path(one.filename).name}:{one.lineno} in {one.name}" for one in reversed(frames))
    return f"{type(error).__name__} at {', from '.join(places) or 'no known place'}"
