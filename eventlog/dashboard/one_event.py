"""Reads all that a page shows of one event, in one call of the reader's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from litestar.exceptions import NotFoundException
from msgspec import Struct

from eventlog.dashboard import queries
from eventlog.dashboard.accounts import tokens, users
from eventlog.dashboard.site import Site
from eventlog.facts import ThumbnailSaved
from eventlog.journal import table as journal
from eventlog.projections import event_list, face_results, late, story
from eventlog.record import Author, Record, StoredRecord

ID_MAX: Final = 2**63 - 1
_NAMING: Final = ("name", "person", "nearest")  # fields of facts that hold a person's name


class Looked(Struct, frozen=True):
    """What is read for the page, in one hop; `records` are the rows of `stored`, read once."""

    event: dict[str, Any]
    faces: list[dict[str, Any]]
    stored: list[StoredRecord]
    records: list[Record | story.Unread]
    names: dict[str, str]

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


def look(connection: sqlite3.Connection, event_id: int) -> Looked | None:
    """An event with its faces, its records and the names to show; None where there is none."""
    found = event_list.nest(connection.execute(*event_list.one_event(event_id)).fetchall())
    if not found:
        return None
    rows = connection.execute(*face_results.of_event(event_id)).fetchall()
    faces = [dict(zip(face_results.COLUMNS, row, strict=True)) for row in rows]
    stored = journal.read_event(connection, event_id)
    records = [story.read(row) for row in stored]
    facts = [record.fact for record in records if isinstance(record, Record)]
    named = [found[0]["person_name"], *(face["name"] for face in faces)]
    for fact in facts:
        named += [getattr(fact, field, None) for field in _NAMING]
    plain = [name for name in named if isinstance(name, str)]  # others are sealed
    return Looked(found[0], faces, stored, records, queries.names_to_show(connection, plain))


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


async def looked_at(site: Site, event_id: int) -> Looked:
    """What is read for an event. Raises NotFoundException."""
    if not 0 < event_id <= ID_MAX:
        raise NotFoundException
    looked = await site.pages.run(lambda connection: look(connection, event_id))
    if looked is None:
        raise NotFoundException
    return looked
