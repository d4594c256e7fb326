"""Bad records, and ways to put them into a journal under the guards' nose.

Each maker answers columns as a broken disk or a later version might leave them, and the views
that have to park it. What no program can read is parked by every view; what can be read but
has no place is parked by the views that have no place for it, and passes the others by.

Knows rows as they are on the disk and the names of views; projects nothing.
"""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from eventlog import codecs
from eventlog.errors import BadRecord
from eventlog.facts import Fact, version_of
from eventlog.journal import chain
from eventlog.journal import table as journal
from eventlog.projections import VIEWS
from eventlog.record import StoredRecord
from tests.support.logs import BOOT, T0_US, guards_down, write_head
from tests.words.hostile_values import hostile_list
from tests.words.whole_facts import FIELDS, WHOLE

# Stands in bad records only, wherever a name could get into a sentence.
NAME: Final = "Zdenka"
NOBODYS: Final = 10**12  # events from here on were never opened
ALL: Final = frozenset(view.name for view in VIEWS)
TODAY: Final = {kind: version_of(type(fact)) for kind, fact in WHOLE.items()}
LAST_US: Final = 253_402_300_799_999_999  # the end of the year 9999

Columns = dict[str, Any]


class Bad(NamedTuple):
    """The columns of a bad record, and the views that can't apply it."""

    columns: Columns
    views: frozenset[str]


def columns(fact: Fact, event_id: int | None = None) -> Columns:
    """The columns of a fact, but for its place."""
    return _columns(*codecs.encode(fact), event_id)


def _columns(kind: Any, version: Any, body: Any, event_id: int | None = None) -> Columns:
    return {
        "event_id": event_id,
        "kind": kind,
        "version": version,
        "format": 1,
        "appended_at": T0_US,
        "append_index": 0,
        "append_size": 1,
        "key": None,
        "meta": codecs.encode_meta({"boot": BOOT, "clock_ns": 0}),
        "body": body,
    }


# ── what can't be read ─────────────────────────────────────────────────────────────────────


def _flipped(rng: random.Random, body: bytes) -> bytes:
    changed = bytearray(body)
    for _ in range(rng.randint(1, 4)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(rng: random.Random, body: bytes) -> bytes:
    return body[: rng.randrange(len(body))]


def _longer(rng: random.Random, body: bytes) -> bytes:
    return body + rng.randbytes(rng.randint(1, 20))


def _noise(rng: random.Random, _: bytes) -> bytes:
    return rng.randbytes(rng.randint(0, 200))


def _nested(rng: random.Random, _: bytes) -> bytes:
    return rng.choice([b"\x91", b"\x81\xa1x"]) * rng.choice([10, 1_000, 50_000])


def _other_map(rng: random.Random, body: bytes) -> bytes:
    plain = msgspec.msgpack.decode(body)
    change = rng.choice(["drop", "add", "swap", "value"])
    key = rng.choice(sorted(plain))
    if change == "drop":
        del plain[key]
    elif change == "add":
        plain[NAME] = NAME
    elif change == "swap":
        plain[str(plain.pop(key))] = key
    else:
        plain[key] = rng.choice([None, NAME, -1, 2**63, 1e400, [], {NAME: NAME}, b"x", True])
    return msgspec.msgpack.encode(plain)


def _hostile_value(rng: random.Random, _: bytes) -> bytes:
    kind, field = rng.choice(FIELDS)
    plain = msgspec.msgpack.decode(codecs.encode(WHOLE[kind])[2])
    try:
        return msgspec.msgpack.encode({**plain, field: rng.choice(hostile_list(field, kind)[:60])})
    except (TypeError, OverflowError, UnicodeError, ValueError, NotImplementedError):
        return b""  # what no encoder writes


BODIES: Final[list[Callable[[random.Random, bytes], bytes]]] = [
    _flipped,
    _cut,
    _longer,
    _noise,
    _nested,
    _other_map,
    _hostile_value,
]


def _bad_body(rng: random.Random) -> Columns:
    """The body of a fact, changed so that it can't be read."""
    while True:
        kind = rng.choice(sorted(WHOLE))
        body = rng.choice(BODIES)(rng, codecs.encode(WHOLE[kind])[2])
        try:
            codecs.decode(kind, TODAY[kind], body)
        except BadRecord:
            return _columns(kind, TODAY[kind], body)


def _another_kind(rng: random.Random) -> Columns:
    kind, other = rng.sample(sorted(WHOLE), 2)
    return _columns(kind, TODAY[kind], codecs.encode(WHOLE[other])[2])


def _later_kind(rng: random.Random) -> Columns:
    kind = rng.choice(
        ["parcel_left", "seal_broken", NAME, NAME.lower(), "", "a\0b", "\n", "k" * 100_000]
    )
    return _columns(kind, 1, msgspec.msgpack.encode({"kind": kind, "version": 1, "name": NAME}))


def _later_version(rng: random.Random) -> Columns:
    kind = rng.choice(sorted(WHOLE))
    version = rng.choice([TODAY[kind] + 1, 255, 2**31, 2**63 - 1])
    body = msgspec.msgpack.encode({"kind": kind, "version": version, "name": NAME})
    return _columns(kind, version, body)


def _no_date(rng: random.Random) -> Columns:
    at_us = rng.choice([2**63 - 1, -(2**63), LAST_US + 1, -(2**62)])
    return {**columns(WHOLE["person_named"]), "appended_at": at_us}


UNREADABLE: Final[list[Callable[[random.Random], Columns]]] = [
    _bad_body,
    _bad_body,
    _bad_body,
    _another_kind,
    _later_kind,
    _later_version,
    _no_date,
]

# What only a damaged file can hold: text that is not a UTF-8, and columns of other types. SQLite
# keeps them where the table's own rules were loosened.
MISSHAPEN: Final[dict[str, Columns]] = {
    "kind no UTF-8": _columns(b"di\xffng", 1, b"\x80"),
    "kind a name": _columns(NAME.lower(), 1, b"\x80"),
    "version a name": _columns("ding", NAME.lower(), b"\x80"),
    "version a name in the bytes too": _columns(
        "ding", NAME, msgspec.msgpack.encode({"kind": "ding", "version": NAME})
    ),
    "kind NULL": _columns(None, 1, b"\x80"),
    "kind a number": _columns(7, 1, b"\x80"),
    "version text": _columns("ding", "1", b"\x80"),
    "version NULL": _columns("ding", None, b"\x80"),
    "body NULL": _columns("ding", 1, None),
    "body text": _columns("ding", 1, "text"),
    "body a number": _columns("ding", 1, 1.5),
    "time NULL": {**columns(WHOLE["person_named"]), "appended_at": None},
    "time text": {**columns(WHOLE["person_named"]), "appended_at": "now"},
    "time a float": {**columns(WHOLE["person_named"]), "appended_at": 1e300},
}

# ── what can be read, and has no place ─────────────────────────────────────────────────────

_FACELESS: Final = msgspec.structs.replace(WHOLE["face_result"], name=None)
_NOBODY: Final = msgspec.structs.replace(WHOLE["unlock_action"], person=None)

# A fact and the views that miss its event; `persons` takes a name wherever it stands, so that
# these name nobody.
NEEDS_EVENT: Final[list[tuple[Fact, frozenset[str]]]] = [
    (WHOLE["detection"], frozenset({"detections"})),
    (_FACELESS, frozenset({"events", "face_results"})),
    (WHOLE["thumbnail_saved"], frozenset({"events"})),
]
OPENS: Final[list[Fact]] = [WHOLE["motion"], WHOLE["ding"], WHOLE["observation"]]


def _of_no_event(rng: random.Random, _: int) -> Bad:
    opens = [(fact, frozenset({"events"})) for fact in OPENS]
    fact, views = rng.choice([*NEEDS_EVENT, *opens])
    return Bad(columns(fact), views)


def _of_nobodys_event(rng: random.Random, _: int) -> Bad:
    unlock = (_NOBODY, frozenset({"events", "unlock_actions", "acts"}))
    fact, views = rng.choice([*NEEDS_EVENT, unlock])
    return Bad(columns(fact, NOBODYS + rng.randrange(1000)), views)


def _opened_again(rng: random.Random, last_event: int) -> Bad:
    return Bad(columns(rng.choice(OPENS), last_event), frozenset({"events"}))


UNFIT: Final[list[Callable[[random.Random, int], Bad]]] = [
    _of_no_event,
    _of_nobodys_event,
    _opened_again,
]


def bad_record(rng: random.Random, last_event: int) -> Bad:
    """Any bad record; `last_event` is one whose facts are all before it (0: there is none)."""
    if rng.random() < 0.8 or last_event == 0:
        return Bad(rng.choice(UNREADABLE)(rng), ALL)
    return rng.choice(UNFIT)(rng, last_event)


# ── into the journal ───────────────────────────────────────────────────────────────────────


def loosen(path: Path) -> None:
    """Take the types and checks from the journal's table, as only damage or malice would."""
    connection = sqlite3.connect(path, isolation_level=None)
    names = ", ".join(StoredRecord._fields[1:])
    sql = f"CREATE TABLE journal (position INTEGER PRIMARY KEY, {names})"
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_schema SET sql = ? WHERE name = 'journal'", (sql,))
    connection.execute("PRAGMA schema_version = 999")
    connection.close()


def put_rows(path: Path, rows: Sequence[Columns]) -> None:
    """Put these in place of all rows, positions 1, 2, 3, …, and the head file with them.

    The chain holds as far as the columns can be hashed.
    """
    with guards_down(path) as connection:
        connection.execute("BEGIN")
        connection.execute("DELETE FROM journal")
        previous = chain.genesis(journal.log_id(connection))
        for position, row in enumerate(rows, start=1):
            given = (position, *(row[name] for name in StoredRecord._fields[1:-1]))
            try:
                previous = chain.link(previous, chain.digest(given))
            except (ValueError, TypeError, AttributeError):
                previous = bytes(32)
            # A kind in bytes is meant as text that is not a UTF-8.
            marks = ["CAST(? AS TEXT)" if type(row["kind"]) is bytes else "?"]
            marks = ["?", "?", *marks, *["?"] * 9]
            connection.execute(
                f"INSERT INTO journal ({journal.COLUMNS}) VALUES ({', '.join(marks)})",
                (*given, previous),
            )
        connection.execute("COMMIT")
        write_head(path, connection)
