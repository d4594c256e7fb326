"""Decides whether an event's time can be believed, and which time a list shows instead.

A machine without a clock of its own is in 1970 until the network sets it, and a camera may be years
ahead. The meta of each append has the time since the boot, which no change of the wall clock moves:
two appends of one boot show by how much the wall clock was set between them, and so when the
earlier one was really appended. An event in doubt is listed by when it was appended:

    ahead    its own time is more than a day later than that of its append
    unset    it was appended before the clock was set for the first time
    jumped   the clock was set by more than a minute, later in the same boot

If a boot does not show how late it was, an event of an unset clock is listed at the latest time
that any record before it has. Pure: knows one view's tables by their columns, and no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from eventlog import codecs
from eventlog.facts import OPENER_TYPES, Opener
from eventlog.projections.projection import Statement, insert_into
from eventlog.projections.times import since_epoch_us
from eventlog.record import Record

Doubt: TypeAlias = Literal["ahead", "unset", "jumped"]

AHEAD_US: Final = 86_400_000_000
JUMP_US: Final = 60_000_000
FIRST_US: Final = 1_577_836_800_000_000  # the year 2020: no log is older than this program

WORDS: Final[dict[str, str]] = {
    "ahead": "its own time is more than a day later than when it was appended",
    "unset": "the clock was not set when it was recorded",
    "jumped": "the clock was set after it was recorded",
}

# For each event, the times that decide a doubt; for each boot, the two clocks.
SCHEMA: Final = """
CREATE TABLE {p}event_clocks (
    id          INTEGER PRIMARY KEY REFERENCES {p}events(id) ON DELETE CASCADE,
    position    INTEGER NOT NULL,
    boot        TEXT    NOT NULL,
    recorded_us INTEGER NOT NULL,
    appended_us INTEGER NOT NULL,
    floor_us    INTEGER,
    shift_us    INTEGER NOT NULL DEFAULT 0,
    moved_by    INTEGER
) STRICT;
CREATE INDEX {p}idx_event_clocks_moved_by ON {p}event_clocks (moved_by) WHERE moved_by IS NOT NULL;
CREATE TABLE {p}event_boots (
    id          INTEGER PRIMARY KEY,
    boot        TEXT    NOT NULL UNIQUE,
    offset_us   INTEGER NOT NULL,
    greatest_us INTEGER NOT NULL
) STRICT
"""


class Clocks(NamedTuple):
    """The clocks of an append: which boot, and the wall clock less the time since that boot."""

    boot: str  # in hex
    offset_us: int


def clocks_of(record: Record) -> Clocks | None:
    """The clocks in the meta of a record; None if it has none."""
    try:
        meta = codecs.decode_meta(record.meta)
    except ValueError:
        return None
    # A record with an origin was appended on another machine.
    clock = None if "origin" in meta else codecs.clock_of(meta)
    if clock is None:
        return None
    return Clocks(clock[0].hex(), record.appended_at_us - clock[1] // 1000)


def doubt(record: Record, opener: Opener) -> Doubt | None:
    """What speaks against the time of an event, by its opener's record alone."""
    appended_us = record.appended_at_us
    if appended_us < FIRST_US and clocks_of(record) is not None:
        return "unset"
    return "ahead" if since_epoch_us(opener.recorded_at) > appended_us + AHEAD_US else None


# ── statements ─────────────────────────────────────────────────────────────────────────────

_INSERT: Final = insert_into(
    "event_clocks", ("id", "position", "boot", "recorded_us", "appended_us", "floor_us")
)
_FLOOR: Final = (
    "UPDATE {p}event_clocks SET floor_us = max(appended_us, coalesce(floor_us, appended_us),"
    " coalesce((SELECT max(greatest_us) FROM {p}event_boots), appended_us)) WHERE id = ?"
)
_SHIFT: Final = (
    "UPDATE {p}event_clocks SET shift_us = shift_us + ?2, moved_by = ?3"
    " WHERE boot = ?1 AND position < ?3"
)
# The batch before is known to the table only. The boot comes first in the join: where its clock did
# not jump, no event is looked at.
_SHIFT_SINCE: Final = (
    "UPDATE {p}event_clocks SET moved_by = ?3,"
    " shift_us = shift_us + ?2 - (SELECT offset_us FROM {p}event_boots WHERE boot = ?1)"
    " WHERE id IN (SELECT c.id FROM {p}event_boots b CROSS JOIN {p}event_clocks c"
    f" WHERE b.boot = ?1 AND abs(?2 - b.offset_us) > {JUMP_US}"
    " AND c.boot = b.boot AND c.position < ?3)"
)
_KEEP: Final = (
    "INSERT INTO {p}event_boots (id, boot, offset_us, greatest_us) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (boot) DO UPDATE SET id = excluded.id, offset_us = excluded.offset_us,"
    " greatest_us = max(greatest_us, excluded.greatest_us)"
)
_LISTED_US: Final = f"""
    CASE WHEN abs(shift_us) > {JUMP_US} THEN appended_us + shift_us
        WHEN appended_us < {FIRST_US} THEN coalesce(floor_us, appended_us)
        WHEN recorded_us > appended_us + {AHEAD_US} THEN appended_us ELSE recorded_us END
"""
_DOUBT: Final = f"""
    CASE WHEN appended_us < {FIRST_US} THEN 'unset'
        WHEN abs(shift_us) > {JUMP_US} THEN 'jumped'
        WHEN recorded_us > appended_us + {AHEAD_US} THEN 'ahead' END
"""
# As `times.canonical_us` writes it, also before 1970.
_PART: Final = "((us % 1000000 + 1000000) % 1000000)"
_TEXT: Final = (
    f"strftime('%Y-%m-%dT%H:%M:%S', (us - {_PART}) / 1000000, 'unixepoch')"
    f" || iif({_PART}, printf('.%06d', {_PART}), '')"
)
_RELIST: Final = f"""
UPDATE {{p}}events SET (listed_at, clock) = (
    SELECT {_TEXT}, doubt FROM (
        SELECT {_LISTED_US} AS us, {_DOUBT} AS doubt
        FROM {{p}}event_clocks c WHERE c.id = {{p}}events.id
    )
) WHERE id """
_MOVED: Final = "(SELECT id FROM {p}event_clocks WHERE moved_by BETWEEN ? AND ?)"


def statements(records: Sequence[Record]) -> list[Statement]:
    """What a batch does to the times of the events in it, and of those before it."""
    opened: list[tuple[Any, ...]] = []
    unset: list[tuple[Any, ...]] = []
    since: list[tuple[Any, ...]] = []
    inside: list[tuple[Any, ...]] = []
    last: dict[str, tuple[int, Clocks, int]] = {}
    greatest_us: int | None = None
    for record in records:
        # Only the first record of an append has a meta.
        if record.meta is None or (clocks := clocks_of(record)) is None:
            continue
        at_us, position, fact = record.appended_at_us, record.position, record.fact
        if isinstance(fact, OPENER_TYPES) and record.event_id is not None:
            recorded_us = since_epoch_us(fact.recorded_at)
            floor_us = greatest_us if at_us < FIRST_US else None
            opened.append((record.event_id, position, clocks.boot, recorded_us, at_us, floor_us))
            if at_us < FIRST_US:
                unset.append((record.event_id,))
        before = last.get(clocks.boot)
        if before is None:
            since.append((clocks.boot, clocks.offset_us, position))
        elif abs(by_us := clocks.offset_us - before[1].offset_us) > JUMP_US:
            inside.append((clocks.boot, by_us, position))
        of_boot_us = at_us if before is None else max(before[2], at_us)
        last[clocks.boot] = (position, clocks, of_boot_us)
        greatest_us = at_us if greatest_us is None else max(greatest_us, at_us)
    kept: list[tuple[Any, ...]] = [
        (position, boot, clocks.offset_us, of_boot_us)
        for boot, (position, clocks, of_boot_us) in last.items()
    ]
    edges = [(records[0].position, records[-1].position)] if since else []
    return [
        Statement(_INSERT, opened, changes_each=False, joinable=True),
        Statement(_FLOOR, unset, changes_each=False),
        Statement(_SHIFT_SINCE, since, changes_each=False),
        Statement(_SHIFT, inside, changes_each=False),
        Statement(_RELIST + "= ?", unset, changes_each=False),
        Statement(_RELIST + "IN " + _MOVED, list[tuple[Any, ...]](edges), changes_each=False),
        Statement(_KEEP, kept, changes_each=False),
    ]
