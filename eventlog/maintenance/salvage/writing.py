"""Writes undamaged records into a new log, with the same facts, events, keys and times.

Positions run from 1 without a hole. Each record's meta says under `origin` which record of which
log it was, by its digest too unless the body names somebody in clear: a name could be guessed from
a digest when the record itself has long held a seal in its place. An append that lost some of its
records becomes a smaller one, so that receipts name positions that exist. Does not know where the
records come from.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Any

from msgspec import Struct

from eventlog import codecs
from eventlog.errors import BadRecord
from eventlog.journal import chain
from eventlog.journal import table as journal
from eventlog.journal.append import FACTS_MAX
from eventlog.maintenance.personal_texts import clear_texts
from eventlog.maintenance.salvage.grading import Whole
from eventlog.record import StoredRecord


class Written(Struct, frozen=True):
    """How many records were written; how many appends lost some of theirs, or their key."""

    records: int
    cut_appends: int
    lost_keys: int


def write(
    connection: sqlite3.Connection, records: Iterable[Whole], old_log_id: bytes | None
) -> Written:
    """Write records, in the order of their old positions, into an empty log.

    `old_log_id` is None if it is not known.
    """
    previous = chain.genesis(journal.log_id(connection))
    position, cut, lost_keys = 0, 0, 0
    for append in _appends(records):
        whole = len(append) == append[0].row.append_size
        cut += not whole
        for index, record in enumerate(append):
            position += 1
            key = record.row.key if index == 0 else None
            if key is not None and journal.find_append(connection, key) is not None:
                key, lost_keys = None, lost_keys + 1
            row = record.row._replace(
                position=position,
                append_index=index,
                append_size=len(append),
                key=key,
                meta=_meta(record, old_log_id),
            )
            previous = chain.link(previous, chain.digest(row))
            journal.insert(connection, [row._replace(hash=previous)])
    return Written(position, cut, lost_keys)


def _appends(records: Iterable[Whole]) -> Iterator[list[Whole]]:
    """Records that were appended together, as far as they are there."""
    for _, group in groupby(records, key=_append_of):
        yield list(group)


def _append_of(record: Whole) -> tuple[Any, ...]:
    row = record.row
    if row.append_size > FACTS_MAX:  # no append has so many: the row is alone
        return (row.position,)
    return row.position - row.append_index, row.append_size, row.appended_at, row.event_id


def _meta(record: Whole, old_log_id: bytes | None) -> bytes:
    row = record.row
    origin: dict[str, Any] = {
        "log_id": old_log_id,
        "position": row.position,
    }
    if not _names_somebody(row):
        origin["digest"] = record.digest
    try:
        known = codecs.decode_meta(row.meta)
    except ValueError:
        known = {}
        origin["meta"] = row.meta  # it was written like this, whatever it is
    if "origin" in known:  # the old log was salvaged itself
        origin["origin"] = known["origin"]
        if "digest" not in origin and isinstance(origin["origin"], dict):
            origin["origin"] = without_digests(origin["origin"])
    return codecs.encode_meta({**known, "origin": origin})


def without_digests(origin: dict[str, Any]) -> dict[str, Any]:
    """An entry `origin` of a meta, and those inside it, without any digest."""
    return {
        name: without_digests(value) if isinstance(value, dict) else value
        for name, value in origin.items()
        if name != "digest"
    }


def _names_somebody(row: StoredRecord) -> bool:
    """Whether a body holds a name in clear. One that can't be read is never sealed either."""
    try:
        fact = codecs.decode(row.kind, row.version, row.body, position=row.position)
    except BadRecord:
        return False
    return next(clear_texts(fact), None) is not None
