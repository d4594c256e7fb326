"""Finds where a log and its surroundings still hold a name after its seals were erased.

Records in clear, other columns of records, tables that an adoption kept, and the files of
`known_faces`. Reads only, but for the rows of those tables. Knows no seal.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from eventlog import codecs
from eventlog.errors import BadRecord
from eventlog.maintenance.personal_texts import clear_texts
from eventlog.storage.connections import transaction

_ROWS: Final = (
    "SELECT position, kind, version, key, meta, body FROM journal WHERE position > ?"
    " AND (instr(body, ?2) OR instr(meta, ?2) OR instr(CAST(key AS BLOB), ?2))"
    " ORDER BY position LIMIT 500"
)
_LEGACY: Final = (
    "SELECT name FROM sqlite_schema WHERE type = 'table' AND name LIKE 'legacy\\_%' ESCAPE '\\'"
)
# What may follow a name in that of a file of known_faces: ada.jpg, ada_2.jpg, ada 2.png.
_OF_PERSON: Final = r"([ ._-]?\d+)?\.[A-Za-z0-9]+"


class Held(Struct, frozen=True):
    """How many records hold one of the texts: as a name in clear, in a key, a meta, elsewhere."""

    in_clear: int = 0
    keys: int = 0
    metas: int = 0
    others: int = 0


def in_records(connection: sqlite3.Connection, texts: Sequence[str]) -> Held:
    """Which records hold one of these texts. A body that can't be read counts as another field."""
    counts = {"in_clear": 0, "keys": 0, "metas": 0, "others": 0}
    for position, kind, version, key, meta, body in _rows(connection, texts):
        wanted = [text.encode() for text in texts]
        if any(text in body for text in wanted):
            named = _named(kind, version, body, position) & set(texts)
            counts["in_clear" if named else "others"] += 1
        counts["keys"] += key is not None and any(text in key for text in texts)
        counts["metas"] += meta is not None and any(text in meta for text in wanted)
    return Held(**counts)


def _rows(
    connection: sqlite3.Connection, texts: Sequence[str]
) -> Iterator[tuple[int, str, int, str | None, bytes | None, bytes]]:
    seen: set[int] = set()
    for text in texts:
        after = 0
        while rows := connection.execute(_ROWS, (after, text.encode())).fetchall():
            after = rows[-1][0]
            yield from (row for row in rows if row[0] not in seen)
            seen.update(row[0] for row in rows)


def _named(kind: str, version: int, body: bytes, position: int) -> set[str]:
    try:
        fact = codecs.decode(kind, version, body, position=position)
    except BadRecord:
        return set()
    return {text for _, text in clear_texts(fact)}


# ── tables that an adoption kept ───────────────────────────────────────────────────────────


def clear_legacy(connection: sqlite3.Connection, texts: Sequence[str]) -> int:
    """Empty every cell of the tables `legacy_…` that holds one of the texts; how many there were.

    The caller holds the lock of the writers, on a connection that overwrites what it deletes.
    """
    cleared = 0
    for (table,) in connection.execute(_LEGACY).fetchall():
        columns = [row[1] for row in connection.execute(f'PRAGMA table_info("{table}")')]
        with transaction(connection):
            for column in columns:
                quoted = '"' + column.replace('"', '""') + '"'
                sql = f'UPDATE "{table}" SET {quoted} = NULL WHERE {quoted} = ?'  # noqa: S608 - names of the schema, quoted
                for text in texts:
                    cleared += connection.execute(sql, (text,)).rowcount
    return cleared


# ── files of known faces ───────────────────────────────────────────────────────────────────


def known_faces(folder: Path, names: Sequence[str]) -> list[Path]:
    """The files of these persons among the known faces: `ada.jpg`, `ada_2.jpg`, not `adam.jpg`.

    Raises OSError.
    """
    if not folder.is_dir():
        return []
    patterns = [re.compile(re.escape(name) + _OF_PERSON) for name in names]
    return sorted(
        path for path in folder.iterdir() if any(one.fullmatch(path.name) for one in patterns)
    )
