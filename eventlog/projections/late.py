"""Finds the facts that were added late, to an event or by themselves, and who added them: pure.

A visit is a matter of minutes. A record that joins it later may change its story, so the story
says when it was added and by whom. Two appends of one boot are compared by the clock of that boot,
which no change of the wall time moves. A fact that stands by itself, and an event that a token
brings in as a whole, are late where they were appended long after their own time. Knows no
account: the caller gives the words for a writer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

from eventlog import codecs
from eventlog.errors import BadRecord
from eventlog.facts import happened_at
from eventlog.projections.clocks import FIRST_US
from eventlog.projections.times import since_epoch_us
from eventlog.record import Author, StoredRecord, shape_error

Words: TypeAlias = Callable[[Author | None], str]

LATE_S: Final = 600.0  # a record that comes later than this after the event was opened is late
_UNITS: Final = (
    (365 * 86400.0, "year"),
    (30 * 86400.0, "month"),
    (86400.0, "day"),
    (3600.0, "hour"),
    (60.0, "minute"),
)


class Late(NamedTuple):
    """How long after its own time a fact was appended, and by whom."""

    seconds: float
    author: Author | None

    @property
    def by_token(self) -> bool:
        """Whether it came in through the API, and not from the machine itself."""
        return self.author is not None and self.author.token is not None

    def said(self, words: Words) -> str:
        """In words: `added 9 months later by token 4`."""
        return f"added {_in_words(self.seconds)} later by {words(self.author)}"


def words_for(author: Author | None) -> str:
    """A writer in words, by ids alone."""
    if author is None:
        return "an unknown writer"
    if author.token is not None:
        return f"token {author.token}"
    if author.user is not None:
        return f"account {author.user}"
    if author.kind == "library":
        return "a program that imports eventlog"
    return f"the {author.kind} {author.name or 'of no name'}"


def authors(stored: Sequence[StoredRecord]) -> dict[int, Author | None]:
    """Who appended each of an event's records, by position."""
    firsts = _firsts(stored)
    metas = {first.meta for first in firsts.values() if first is not None}
    made = {meta: codecs.decode_author(meta) for meta in metas}
    return {
        position: None if first is None else made[first.meta] for position, first in firsts.items()
    }


def remarks(stored: Sequence[StoredRecord], words: Words = words_for) -> dict[int, str]:
    """What is to be said of each late record of an event: `added 9 months later by token 4`."""
    firsts = _firsts(stored)
    opener = next(iter(firsts.values()), None)
    if opener is None:
        return {}
    found = {}
    late_s = _opened_late_s(stored[0], opener)
    for position, first in firsts.items():
        if first is None or (first.position == opener.position and not late_s):
            continue
        seconds = seconds_between(opener, first)
        if seconds is None:
            found[position] = f"added later by {words(codecs.decode_author(first.meta))}"
        elif seconds + late_s > LATE_S:
            found[position] = Late(seconds + late_s, codecs.decode_author(first.meta)).said(words)
    return found


def after_its_time(first: StoredRecord, own_us: int) -> Late | None:
    """How late a fact is that a list shows at its own time; None if it is not.

    `first` is the first record of its append. By the wall time, as a device knows no other clock;
    one that was not set says nothing.
    """
    seconds = (first.appended_at - own_us) / 1e6
    if first.appended_at < FIRST_US or seconds <= LATE_S:
        return None
    return Late(seconds, codecs.decode_author(first.meta))


def _opened_late_s(row: StoredRecord, first: StoredRecord) -> float:
    """How long after its time an event was opened by a token; 0 if it was not."""
    if shape_error(row) is not None:
        return 0.0
    try:
        own = happened_at(codecs.decode_record(row).fact)
    except (BadRecord, OverflowError):
        return 0.0
    late = None if own is None else after_its_time(first, since_epoch_us(own))
    return late.seconds if late is not None and late.by_token else 0.0


def summary(found: Mapping[int, str]) -> str:
    """One sentence for all late records of an event; '' if there is none."""
    if not found:
        return ""
    kinds = list(dict.fromkeys(found.values()))
    count = f"{len(found)} record{'' if len(found) == 1 else 's'} of the event"
    was = "was" if len(found) == 1 else "were"
    more = "" if len(kinds) == 1 else " and at other times"
    return f"{count} {was} {kinds[0]}{more}."


def seconds_between(earlier: StoredRecord, later: StoredRecord) -> float | None:
    """The seconds between two appends, by their first records; None if no clock can say it."""
    ours, theirs = _boot(earlier), _boot(later)
    if ours is not None and theirs is not None and ours[0] == theirs[0]:
        return (theirs[1] - ours[1]) / 1e9
    # A machine that has not set its clock yet is in 1970, and durations by it mean nothing.
    if min(earlier.appended_at, later.appended_at) < FIRST_US:
        return None
    return (later.appended_at - earlier.appended_at) / 1e6


def _boot(row: StoredRecord) -> tuple[bytes, int] | None:
    try:
        return codecs.clock_of(codecs.decode_meta(row.meta))
    except ValueError:
        return None


def _firsts(stored: Sequence[StoredRecord]) -> dict[int, StoredRecord | None]:
    """Each record's append, by the first record of it, which alone has a meta."""
    rows = {row.position: row for row in stored if shape_error(row) is None}
    return {position: rows.get(position - row.append_index) for position, row in rows.items()}


def _in_words(seconds: float) -> str:
    for size, unit in _UNITS:
        count = int(seconds // size)
        if count:
            return f"{count} {unit}{'' if count == 1 else 's'}"
    return "a moment"
