"""How far long work has come, told now and then to whoever waits for it.

Knows neither the work nor how its progress is shown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeAlias

# Called with how much is done, and of how much.
Progress: TypeAlias = Callable[[int, int], None]

EVERY: Final = 1000


def tell(progress: Progress | None, done: int, total: int) -> None:
    """Tell whoever waits, where somebody does, each time that so many more are done."""
    if progress is not None and done % EVERY == 0:
        progress(done, total)
