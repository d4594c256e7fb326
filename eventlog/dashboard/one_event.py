"""Reads all that a page shows of one event.

The rows come in one call of the reader's thread and are read in another thread: an event may have
tens of thousands of records, so the event loop reads none of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import anyio
import anyio.to_thread
from litestar.exceptions import NotFoundException
from msgspec import Struct
from msgspec.structs import replace

from eventlog.dashboard import queries
from eventlog.dashboard.accounts import tokens, users
from eventlog.dashboard.site import Site
from eventlog.facts import ThumbnailSaved
from eventlog.journal import table as journal
from eventlog.projections import event_list, face_results, late, story, unlock_actions
from eventlog.record import ID_MAX, Author, Record, StoredRecord

T = TypeVar("T")

_LABELS: Final = (
    "SELECT label, count(*) FROM detections WHERE event_id = ? GROUP BY label ORDER BY min(id)"
)
# Few at a time: each thread that computes makes the event loop wait for Python's lock.
_working: Final = anyio.CapacityLimiter(2)
_NAMING: Final = ("name", "person", "nearest")  # fields of facts that hold a person's name


class Looked(Struct, frozen=True):
    """What is read for an event; `records` are the rows of `stored`, read once.

    `people` is whom the views show for each unlock action, by its position.
    `labels` counts the detections by label where `event` does not hold all of them, else None.
    """

    event: dict[str, Any]
    faces: list[dict[str, Any]]
    stored: list[StoredRecord]
    records: list[Record | story.Unread]
    names: dict[str, str]
    labels: dict[str, int] | None = None
    people: dict[int, str | None] = {}

    @property
    def picture(self) -> ThumbnailSaved | None:
        """The last picture that the event's records name."""
        return last_picture(self.records)


def last_picture(records: Sequence[Record | story.Unread]) -> ThumbnailSaved | None:
    """The last picture that these records name."""
    for record in reversed(records):
        if isinstance(record, Record) and isinstance(record.fact, ThumbnailSaved):
            return record.fact
    return None


class Rows(NamedTuple):
    """An event as it is in the tables, unread."""

    event: list[tuple[Any, ...]]
    labels: dict[str, int] | None
    faces: list[tuple[Any, ...]]
    stored: list[StoredRecord]
    people: dict[int, str | None]


def rows_of(connection: sqlite3.Connection, event_id: int, most: int | None) -> Rows:
    """The rows of an event, at most so many detections; with None all of them."""
    asked = connection.execute(*event_list.one_event(event_id))
    event = asked.fetchall() if most is None else asked.fetchmany(most + 1)
    asked.close()
    labels = None
    if most is not None and len(event) > most:
        labels = dict(connection.execute(_LABELS, (event_id,)).fetchall())
    faces = connection.execute(*face_results.of_event(event_id)).fetchall()
    people = dict(connection.execute(unlock_actions.PEOPLE, (event_id,)).fetchall())
    return Rows(event[:most], labels, faces, journal.read_event(connection, event_id), people)


def _read(rows: Rows) -> Looked:
    """The rows, read; no names yet."""
    faces = [dict(zip(face_results.COLUMNS, row, strict=True)) for row in rows.faces]
    records = [story.read(row) for row in rows.stored]
    event = event_list.nest(rows.event)[0]
    return Looked(event, faces, rows.stored, records, {}, rows.labels, rows.people)


def _named(looked: Looked) -> list[str]:
    """Whom an event's records name."""
    facts = [record.fact for record in looked.records if isinstance(record, Record)]
    named = [looked.event["person_name"], *(face["name"] for face in looked.faces)]
    named += looked.people.values()
    for fact in facts:
        named += [getattr(fact, field, None) for field in _NAMING]
    return list({name for name in named if isinstance(name, str)})  # others are sealed


async def late_remarks(site: Site, looked: Looked) -> dict[int, str]:
    """What is to be said of records that joined the event later, with the names of accounts."""
    words = await writer_words(site)
    return late.remarks(looked.stored, words)


async def writer_words(site: Site) -> late.Words:
    """How a writer is called on a page: by the name that the accounts have for its id."""
    named, tokened = await site.accounts.run(lambda c: (users.names(c), tokens.names(c)))

    def words(author: Author | None) -> str:
        if author is None or (author.token is None and author.user is None):
            return late.words_for(author)
        if author.token is not None:
            name = tokened.get(author.token)
            return f"removed token {author.token}" if name is None else f"the token {name}"
        name = named.get(author.user or 0)
        return f"removed account {author.user}" if name is None else f"the account {name}"

    return words


async def off_the_loop(work: Callable[[], T]) -> T:
    """What some work on one event's records answers, done in a thread: it may take seconds."""
    return await anyio.to_thread.run_sync(work, limiter=_working)


async def looked_at(site: Site, event_id: int, *, most: int | None = None) -> Looked:
    """What is read for an event, at most so many detections. Raises NotFoundException."""
    if not 0 < event_id <= ID_MAX:
        raise NotFoundException
    rows = await site.pages.run(lambda connection: rows_of(connection, event_id, most))
    if not rows.event:
        raise NotFoundException
    looked = await off_the_loop(lambda: _read(rows))
    opened = iter(
        await site.pages.opened([one for one in looked.records if isinstance(one, Record)])
    )
    records = [next(opened) if isinstance(one, Record) else one for one in looked.records]
    looked = replace(looked, records=records)
    plain = await off_the_loop(lambda: _named(looked))
    names = await site.pages.run(lambda c: queries.names_to_show(c, plain))
    return replace(looked, names=names)
