"""Finds the seals of a log that nothing opens any more."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from typing import Final

from msgspec import Struct

from eventlog import codecs
from eventlog.errors import BadRecord
from eventlog.facts import SEALABLE
from eventlog.followers.opening import NOT_KEPT
from eventlog.journal import sealing
from eventlog.maintenance.personal_texts import seals

_ROWS: Final = (
    "SELECT position, kind, version, body FROM journal WHERE position > ?"
    " AND kind IN ({kinds}) ORDER BY position LIMIT 2000"
)


class Missing(Struct, frozen=True):
    """Seals that nothing opens, and how many records have one of them."""

    seals: frozenset[bytes]
    records: int


def missing(connection: sqlite3.Connection, known: Collection[bytes]) -> Missing:
    """The seals of the journal that are neither known nor erased.

    Args:
        connection: The log.
        known: Every seal of the seals file, in whatever state.
    """
    erased = {seal for _, fact in sealing.erased_after(connection, 0) for seal in fact.sealed}
    explained = {*known, *erased, NOT_KEPT}
    sql = _ROWS.format(kinds=", ".join("?" * len(SEALABLE)))
    found, records, after = set[bytes](), 0, 0
    while rows := connection.execute(sql, (after, *SEALABLE)).fetchall():
        for position, kind, version, body in rows:
            after = position
            try:
                fact = codecs.decode(kind, version, body, position=position)
            except BadRecord:
                continue  # the views park it, and status counts it
            here = {seal for _, seal in seals(fact)} - explained
            found |= here
            records += bool(here)
    return Missing(frozenset(found), records)
