"""Reports the progress of long work.

Does not know the work, or how its progress is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

# Called with how much is done, and of how much.
Progress: TypeAlias = Callable[[int, int], None]

EVERY: Final = 1000


def tell(progress: Progress | None, done: int, total: int) -> None:
    """Report progress once in a number of items; do nothing if `progress` is None."""
    if progress is not None and done % EVERY == 0:
        progress(done, total)
