"""Ways in: each source turns foreign messages into facts. Knows a store only by a protocol.

Each source is one function from the bytes of a file to items; `feed` appends them. A source that
needs settings takes them by name (`ring.read(data, camera_id=…)`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from eventlog.sources import ring
from eventlog.sources.feed import Item, Tally, feed
from eventlog.sources.frigate import files as frigate

__all__ = ["SOURCES", "Item", "Tally", "feed"]

SOURCES: Final[dict[str, Callable[[bytes], Iterator[Item]]]] = {
    "frigate": frigate.read,
    "ring": ring.read,
}
