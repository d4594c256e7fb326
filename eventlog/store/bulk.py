"""Appends many groups of facts: prepares the next ones while the last ones are written.

Each group of facts stays an append of its own, with its own event, key and receipt; only the
commit is shared. Knows how an append is prepared, and not how it is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Any, Final, TypeAlias

from eventlog.errors import BadArgument, EventLogError
from eventlog.facts import Fact
from eventlog.journal.append import Append, Durability, prepare
from eventlog.journal.group_commit import FACTS_PER_COMMIT
from eventlog.journal.sequencer import Answer
from eventlog.record import Author, Receipt
from eventlog.store.engine import Engine

_Group: TypeAlias = tuple[Sequence[Fact], str | None]
_MISSING: Final = object()


async def append_many(
    engine: Engine,
    groups: Iterable[Sequence[Fact]],
    *,
    keys: Iterable[str | None] | None,
    durability: Durability,
    author: Author,
) -> list[Receipt]:
    """The receipts of all groups, in their order.

    Raises the error of the first group that fails. The error's `receipts` has a receipt for each
    group that was written, and None for each that was not, up to the last one that was.
    """
    bulk = _Bulk(engine)
    try:
        for chunk in _chunks(_keyed(groups, keys)):
            await bulk.write(
                [
                    prepare(facts, key=key, durability=durability, author=author)
                    for facts, key in chunk
                ]
            )
        await bulk.end()
    except EventLogError as error:
        first = await bulk.settle() or error
        first.receipts = bulk.written()
        raise first from first.__cause__
    finally:
        await bulk.settle()
    return [answer for answer in bulk.answers if isinstance(answer, Receipt)]


class _Bulk:
    """One commit at a time: a later one would be written where an earlier one failed."""

    def __init__(self, engine: Engine) -> None:
        self.answers: list[Answer] = []
        self._engine = engine
        self._writing: asyncio.Task[list[Answer]] | None = None

    async def write(self, appends: list[Append]) -> None:
        """Begin to write these when the ones before are written. Raises what `end` raises."""
        await self.end()
        self._writing = asyncio.create_task(self._engine.append_all(appends))
        await asyncio.sleep(0)  # it starts before the next ones are prepared

    async def end(self) -> None:
        """Return when all are written. Raises the error of the first append that failed."""
        if self._writing is not None:
            await self._writing
        error = await self.settle()
        if error is not None:
            raise error

    async def settle(self) -> EventLogError | None:
        """Wait for what is being written; the error of the first append of it that failed."""
        writing, self._writing = self._writing, None
        if writing is None:
            return None
        await asyncio.wait([writing])
        if writing.cancelled():
            return None
        if isinstance(error := writing.exception(), EventLogError):
            return error
        answers = writing.result()
        self.answers += answers
        return next((answer for answer in answers if isinstance(answer, EventLogError)), None)

    def written(self) -> list[Receipt | None]:
        """The receipts so far, None in place of a group that was not written."""
        receipts = [answer if isinstance(answer, Receipt) else None for answer in self.answers]
        while receipts and receipts[-1] is None:
            receipts.pop()
        return receipts


def _keyed(groups: object, keys: object) -> Iterator[tuple[Sequence[Fact], Any]]:
    """Each group with its key. Raises BadArgument if their numbers differ."""
    if keys is None:
        for group in _require_iterable(groups, "facts come in groups"):
            yield _require_sequence(group), None
        return
    pairs = zip_longest(
        _require_iterable(groups, "facts come in groups"),
        _require_iterable(keys, "keys come as a list, one for each group"),
        fillvalue=_MISSING,
    )
    for group, key in pairs:
        if group is _MISSING or key is _MISSING:
            raise BadArgument("there are not as many keys as groups")
        yield _require_sequence(group), key


def _chunks(groups: Iterable[_Group]) -> Iterator[list[_Group]]:
    chunk: list[_Group] = []
    facts = 0
    for group in groups:
        chunk.append(group)
        facts += len(group[0])
        if facts >= FACTS_PER_COMMIT:
            yield chunk
            chunk, facts = [], 0
    if chunk:
        yield chunk


def _require_iterable(given: object, rule: str) -> Iterable[Any]:
    if isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping):
        return given
    raise BadArgument(f"{rule}, not in a {type(given).__name__}")


def _require_sequence(group: object) -> Sequence[Fact]:
    if isinstance(group, Sequence) and not isinstance(group, str | bytes | bytearray):
        return group
    raise BadArgument(f"a group is a list of facts, not a {type(group).__name__}")
