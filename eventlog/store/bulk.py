"""Many appends at a time: what comes in bulk is prepared while the last of it is written.

Each group of facts stays an append of its own, with its own event and receipt; only the commit is
shared. Knows how an append is prepared, and not how it is written.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence

from eventlog.errors import BadArgument
from eventlog.facts import Fact
from eventlog.journal.append import Durability, prepare
from eventlog.journal.group_commit import FACTS_PER_COMMIT
from eventlog.record import Author, Receipt
from eventlog.store.engine import Engine

log = logging.getLogger("eventlog")


async def append_many(
    engine: Engine, groups: Iterable[Sequence[Fact]], *, durability: Durability, author: Author
) -> list[Receipt]:
    """The receipts of all groups, in their order. Raises the error of the first that fails.

    Whole commits before that one are in the journal then, and so may others of its own be.
    """
    receipts: list[Receipt] = []
    writing: asyncio.Task[list[Receipt]] | None = None
    try:
        for chunk in _chunks(groups):
            prepared = [prepare(facts, durability=durability, author=author) for facts in chunk]
            # Never two at a time: the later one would be written where the first one failed.
            if writing is not None:
                receipts += await writing
            writing = asyncio.create_task(engine.append_all(prepared))
            await asyncio.sleep(0)  # it starts before the next ones are prepared
        if writing is not None:
            receipts += await writing
    finally:
        if writing is not None:
            await asyncio.wait([writing])
            # Where another error is on its way already, this one is seen here for the last time.
            if not writing.cancelled() and (error := writing.exception()) is not None:
                log.debug("appends in bulk failed: %s", error)
    return receipts


def _chunks(groups: Iterable[Sequence[Fact]]) -> Iterator[list[Sequence[Fact]]]:
    chunk: list[Sequence[Fact]] = []
    facts = 0
    for group in _require_iterable(groups):
        _require_sequence(group)
        chunk.append(group)
        facts += len(group)
        if facts >= FACTS_PER_COMMIT:
            yield chunk
            chunk, facts = [], 0
    if chunk:
        yield chunk


def _require_iterable(groups: object) -> Iterable[Sequence[Fact]]:
    if isinstance(groups, Iterable) and not isinstance(groups, str | bytes | Mapping):
        return groups
    raise BadArgument(f"facts come in groups, not in a {type(groups).__name__}")


def _require_sequence(group: object) -> None:
    if not isinstance(group, Sequence) or isinstance(group, str | bytes | bytearray):
        raise BadArgument(f"a group is a list of facts, not a {type(group).__name__}")
