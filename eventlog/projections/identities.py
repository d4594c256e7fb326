"""The view `identities`: which person a source's user is, and which two names are one person.

A table of the view `events`, with one row for each pair that a record has linked or parted; the
latest about a pair wins. Visits and unlocks show the person of a link: a slot or a user reference
by the name that it is linked to, and a name by the one that it is the same as, in one step. A link
covers what was recorded before it as well. A sealed name stands here as its seal. Knows no column
but its own and those it is given.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from typing import Any, Final

from eventlog.facts import IdentityLinked, PersonNamed, Sealed
from eventlog.projections.names import Token, text_of, token
from eventlog.projections.projection import Statement, insert_into
from eventlog.record import Record

SCHEMA: Final = """
CREATE TABLE {p}identities (
    id       INTEGER PRIMARY KEY,
    person   ANY     NOT NULL,
    linked   INTEGER NOT NULL,
    source   TEXT,
    identity ANY,
    same_as  ANY,
    pair     TEXT    NOT NULL UNIQUE
) STRICT
"""

COLUMNS: Final = ("id", "person", "linked", "source", "identity", "same_as", "pair")


def row(record: Record, fact: IdentityLinked) -> tuple[Any, ...]:
    """One row; `pair` is the same for the two names of a pair in either order."""
    person, same_as = token(record, "person"), token(record, "same_as")
    identity = token(record, "identity")
    pair = json.dumps(
        sorted((_word(person), _word(same_as)))
        if same_as is not None
        else [_word(person), fact.source, _word(identity)],
        ensure_ascii=False,
    )
    return (record.position, person, int(fact.linked), fact.source, identity, same_as, pair)


def _word(name: Token | None) -> str:
    # Longer than any text that a fact may hold: no text is like a seal.
    return f"sealed:{name.hex()}" if isinstance(name, bytes) else name or ""


UPSERT: Final = (
    f"{insert_into('identities', COLUMNS)} ON CONFLICT (pair) DO UPDATE SET id = excluded.id,"
    " person = excluded.person, linked = excluded.linked, source = excluded.source,"
    " identity = excluded.identity, same_as = excluded.same_as"
)


def linking(records: Sequence[Record]) -> Statement:
    """What a batch says of who is who; it comes before the statements that ask."""
    rows = [row(r, r.fact) for r in records if isinstance(r.fact, IdentityLinked)]
    return Statement(UPSERT, rows, changes_each=False)


def names_in(records: Sequence[Record]) -> list[tuple[Any, ...]]:
    """The two names of each link in a batch; the second is NULL where a source's user is linked."""
    rows = [row(r, r.fact) for r in records if isinstance(r.fact, IdentityLinked)]
    return [(one[1], one[5]) for one in rows]


# Whether there are any: where there are none, nothing is asked of a row.
ANY: Final = "EXISTS (SELECT 1 FROM {p}identities)"


def person_of(action: str, person: str, user: str = "user_ref") -> str:
    """SQL for the person to show of an action, a table with that name and those columns."""
    linked = (
        "(SELECT i.person FROM {p}identities i WHERE i.linked AND i.identity IS NOT NULL"
        f" AND (i.identity = {action}.{user} OR (i.source = {action}.door_id AND i.identity IN"
        f" (CAST({action}.credential_slot AS TEXT), 'slot ' || {action}.credential_slot)))"
        " ORDER BY i.id DESC LIMIT 1)"
    )
    return name_of(f"coalesce({action}.{person}, {linked})")


def name_of(name: str) -> str:
    """SQL for the name to show in place of a name."""
    same = (
        "SELECT s.person FROM {p}identities s"
        f" WHERE s.linked AND s.same_as = {name} ORDER BY s.id DESC LIMIT 1"
    )
    return f"coalesce(({same}), {name})"


LISTED_COLUMNS: Final = COLUMNS[:-1]
LISTED: Final = (
    f"SELECT id, {text_of('person')}, linked, source, {text_of('identity')}, {text_of('same_as')}"
    " FROM {p}identities ORDER BY 2, id"
).format(p="")


def listed() -> tuple[str, tuple[Any, ...]]:
    """Every pair that was linked or parted, by person, in texts. Rows are LISTED_COLUMNS."""
    return LISTED, ()


def people_first(fact: IdentityLinked, known: Collection[str]) -> list[PersonNamed]:
    """What is appended before a link to somebody whom no record has named: a person of the log."""
    person = fact.person
    named = isinstance(person, Sealed) or person in known
    return [] if named else [PersonNamed(name=person)]
