"""Names as views store them: a text to show, and the seal behind it.

A sealed name is compared by its seal, never by its text: two erased persons have one text. When a
person is erased, every column with the seal gets the text `ERASED`, or becomes NULL. A view applies
its records in pieces that end at each erasure, so that how records are cut into batches leaves no
trace. `apply` of a view gets the records opened: see `Record.seals`. Knows no seals file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from eventlog.facts import PersonErased, Sealed
from eventlog.projections.projection import Statement, insert_into
from eventlog.record import Record

ERASED: Final = "erased person"

# What a name is compared by: the seal of a sealed one, else the text.
Token: TypeAlias = str | bytes
Apply: TypeAlias = Callable[[Sequence[Record]], list[Statement]]


def token(record: Record, field: str) -> Token | None:
    """What the name in a field is compared by; None if the field is empty."""
    value: Token | Sealed | None = getattr(record.fact, field)
    if isinstance(value, Sealed):
        return value.sealed
    if record.seals:
        for name, seal in record.seals:
            if name == field:
                return seal
    return value


def pair(record: Record, field: str) -> tuple[str | None, bytes | None]:
    """The text of a field to show, and its seal; None for an empty field and for a clear text."""
    value: str | Sealed | None = getattr(record.fact, field)
    if isinstance(value, Sealed):
        return str(value), value.sealed
    if record.seals:
        for name, seal in record.seals:
            if name == field:
                return value, seal
    return value, None


def is_erased(record: Record, field: str) -> bool:
    """Whether the text of a field was erased."""
    return bool(record.erased) and token(record, field) in record.erased


# ── erasures ───────────────────────────────────────────────────────────────────────────────


def erasing(table: str, text: str = "", seal: str = "sealed", *, to: str | None = ERASED) -> str:
    """The statement that erases one column of a table. `to` None empties it, and its seal too."""
    if to is None:
        return f"UPDATE {{p}}{table} SET {text} = NULL, {seal} = NULL WHERE {seal} = ?"
    return f"UPDATE {{p}}{table} SET {text} = '{to}' WHERE {seal} = ?"


def index_of_seals(table: str, seal: str = "sealed") -> str:
    """The index that finds the rows with a seal; it holds no row of a clear text."""
    return f"CREATE INDEX {{p}}idx_{table}_{seal} ON {{p}}{table} ({seal}) WHERE {seal} IS NOT NULL"


def cut_at_erasures(apply: Apply, erasures: Sequence[str]) -> Apply:
    """The rule of a view that applies erasures too, with these statements for each erased seal."""

    def whole(records: Sequence[Record]) -> list[Statement]:
        ends = [
            index for index, record in enumerate(records, 1) if type(record.fact) is PersonErased
        ]
        if not ends:
            return apply(records)
        result: list[Statement] = []
        start = 0
        for end in ends:
            result += apply(records[start:end])
            result += _of_erasure(records[end - 1], erasures)
            start = end
        return result + (apply(records[start:]) if start < len(records) else [])

    return whole


def _of_erasure(record: Record, erasures: Sequence[str]) -> list[Statement]:
    seals: tuple[bytes, ...] = record.fact.sealed if isinstance(record.fact, PersonErased) else ()
    rows: list[tuple[Any, ...]] = [(seal,) for seal in seals]
    return [Statement(sql, rows, changes_each=False) for sql in erasures]


# ── the texts of seals, for rules in SQL ───────────────────────────────────────────────────

# A table of the view `events`: the text of each seal in its records. The others hold tokens.
SCHEMA: Final = """
CREATE TABLE {p}event_names (
    id     INTEGER PRIMARY KEY,
    sealed BLOB    NOT NULL UNIQUE,
    text   TEXT    NOT NULL
) STRICT
"""
_INSERT: Final = (
    insert_into("event_names", ("id", "sealed", "text")) + " ON CONFLICT (sealed) DO NOTHING"
)
# A record has fewer names than this.
_NAMES_MAX: Final = 4


def texts(records: Sequence[Record], fields: Mapping[type, Sequence[str]]) -> dict[bytes, str]:
    """The text of each seal in these fields of the records."""
    return {seal: text for _, seal, text in _named(records, fields)}


def keeping(records: Sequence[Record], fields: Mapping[type, Sequence[str]]) -> Statement:
    """What keeps the texts of a batch; it comes before the statements that ask for them."""
    rows: list[tuple[Any, ...]] = list(_named(records, fields))
    return Statement(_INSERT, rows, changes_each=False)


def _named(
    records: Sequence[Record], fields: Mapping[type, Sequence[str]]
) -> list[tuple[int, bytes, str]]:
    return [
        (record.position * _NAMES_MAX + number, seal, text)
        for record in records
        for number, field in enumerate(fields.get(type(record.fact), ()))
        for text, seal in (pair(record, field),)
        if seal is not None and text is not None
    ]


def text_of(which: str) -> str:
    """SQL for the text of a token."""
    return (
        f"iif(typeof({which}) = 'blob',"
        f" (SELECT n.text FROM {{p}}event_names n WHERE n.sealed = {which}), {which})"
    )


def seal_of(which: str) -> str:
    """SQL for the seal of a token, NULL for a clear text."""
    return f"iif(typeof({which}) = 'blob', {which}, NULL)"
