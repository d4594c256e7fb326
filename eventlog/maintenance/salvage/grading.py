"""Decides which of the found rows are undamaged.

The chain proves a row: hashed with the hash before it, its columns must give its own hash. If the
row before is missing, nothing proves the columns. Such a row is accepted, and reported as unproved,
if a leaf's pointer led to it, its body is a fact of its kind and version, and no record
contradicts it.

- proved: its hash follows from its columns and the hash before it.
- repaired: its own hash is damaged, and the next record, or the head file, proves the right one.
- unproved: the record before it is missing. For `followed` ones the record after confirms at least
  the hash.

A row that contradicts the hash of an accepted record is damaged and not accepted. Pure: rows in,
rows out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

from eventlog import codecs
from eventlog.errors import BadRecord, UnknownKind
from eventlog.journal import chain
from eventlog.journal.head_file import HeadMark
from eventlog.maintenance.salvage.staging import CURRENT, STALE, Candidate
from eventlog.record import StoredRecord

Grade: TypeAlias = Literal["proved", "repaired", "followed", "unproved"]
Group: TypeAlias = tuple[int, list[Candidate]]

UNPROVED: Final = frozenset({"followed", "unproved"})


class Whole(NamedTuple):
    """A row that is taken, its digest, and how sure it is."""

    row: StoredRecord
    digest: bytes
    grade: Grade


class _Before(NamedTuple):
    """What is known of the hash at a position.

    `hashes` are candidates: a damaged row's hash may be undamaged. The hash of an accepted row is
    `sure`.
    """

    position: int
    hashes: frozenset[bytes]
    sure: frozenset[bytes]


def grade(
    groups: Iterable[Group], *, log_id: bytes | None, mark: HeadMark | None, reached: int
) -> Iterator[Whole]:
    """The undamaged rows among candidates in order of position, at most one for each.

    `log_id` is None unless it is certain. `mark` is the log's own head file. After position
    `reached` no unproved row is accepted: a flipped bit can turn a position into any number.
    """
    genesis = frozenset() if log_id is None else frozenset({chain.genesis(log_id)})
    before = _Before(0, genesis, genesis)
    for (position, group), following in _with_next(groups):
        if before.position != position - 1:
            before = _Before(position - 1, frozenset(), frozenset())
        after = following if following is not None and following[0] == position + 1 else None
        whole = _choose(group, before, [] if after is None else after[1], mark)
        if whole is not None and whole.grade in UNPROVED and position > reached:
            whole = None
        hashes = frozenset(candidate.row.hash for candidate in group)
        sure: frozenset[bytes] = frozenset()
        if whole is not None:
            yield whole
            sure = frozenset({whole.row.hash})
        before = _Before(position, hashes | sure, sure)


def _choose(
    group: list[Candidate],
    before: _Before,
    after: list[Candidate],
    mark: HeadMark | None,
) -> Whole | None:
    known = [c for c in group if c.level != STALE or _was_committed(c, after, mark)]
    linked = [c for c in known if _links(before.hashes, c)]
    if linked:
        best = min(linked, key=lambda c: (c.level, not _follows(c.row.hash, after)))
        return Whole(best.row, best.digest, "proved")
    for candidate in known:
        repaired = _repaired(candidate, before, after, mark)
        if repaired is not None:
            return Whole(candidate.row._replace(hash=repaired), candidate.digest, "repaired")
    if before.sure:
        return None
    plausible = [c for c in known if c.level == CURRENT and _speaks_for_itself(c.row)]
    followed = [c for c in plausible if _follows(c.row.hash, after)]
    chosen = followed or plausible
    if len(chosen) != 1:  # two copies that differ, and nothing says which is right
        return None
    return Whole(chosen[0].row, chosen[0].digest, "followed" if followed else "unproved")


def _repaired(
    candidate: Candidate, before: _Before, after: list[Candidate], mark: HeadMark | None
) -> bytes | None:
    """The hash that the row should have, where something else confirms it."""
    for previous in before.hashes:
        right = chain.link(previous, candidate.digest)
        if _follows(right, after):
            return right
        if mark is not None and (mark.position, mark.hash) == (candidate.row.position, right):
            return right
    return None


def _links(hashes: Iterable[bytes], candidate: Candidate) -> bool:
    return any(chain.link(h, candidate.digest) == candidate.row.hash for h in hashes)


def _follows(previous: bytes, after: Iterable[Candidate]) -> bool:
    return any(chain.link(previous, c.digest) == c.row.hash for c in after)


def _speaks_for_itself(row: StoredRecord) -> bool:
    if row.format != chain.FORMAT or codecs.signs(row.body) != (row.kind, row.version):
        return False
    try:
        codecs.decode(row.kind, row.version, row.body)
    except UnknownKind:
        return True  # a later program's: its names agree, and no more can be checked
    except BadRecord:
        return False
    return True


def _was_committed(stale: Candidate, after: list[Candidate], mark: HeadMark | None) -> bool:
    """Whether a row of a frame that SQLite would not read was acknowledged once.

    The head file must name it or a later one, and what came after it must follow.
    """
    if mark is None or stale.row.position > mark.position:
        return False
    current = [c for c in after if c.level == CURRENT]
    return not current or _follows(stale.row.hash, current)


def _with_next(groups: Iterable[Group]) -> Iterator[tuple[Group, Group | None]]:
    iterator = iter(groups)
    current = next(iterator, None)
    while current is not None:
        following = next(iterator, None)
        yield current, following
        current = following
