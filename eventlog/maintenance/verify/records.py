"""Checks that each record is unchanged and in its place.

Takes the journal's rows in order and compares each with the one before: position, digest and hash,
then its columns with each other. Memory stays flat however long the log is. If a record's hash does
not follow, nothing else of it is checked: its columns prove nothing.

Knows rows and the kinds of facts, not SQLite.
"""

from __future__ import annotations

from typing import Any, Final

from eventlog import codecs
from eventlog.facts import FACT_TYPES, OPENERS, STANDALONE, kind_of
from eventlog.journal import chain
from eventlog.maintenance.verify.findings import Findings
from eventlog.maintenance.verify.walk import Gap
from eventlog.record import StoredRecord, shape_error

_KNOWN: Final = frozenset(kind_of(fact_type) for fact_type in FACT_TYPES)


class RecordChecks:
    """What is known of the journal so far.

    `log_id` is None if it can't be read: the first hash is then accepted as it is. `watched` is a
    position whose hash is wanted afterwards, as `watched_hash`.
    """

    def __init__(self, log_id: bytes | None, found: Findings, *, watched: int = 0) -> None:
        self._found = found
        self._watched = watched
        self.watched_hash: bytes | None = None
        self.end = 0  # the newest position in its order
        self.count = 0
        self._hash = None if log_id is None else chain.genesis(log_id)
        if watched == 0:
            self.watched_hash = self._hash
        self._append: StoredRecord | None = None
        # None after a gap: an opener may have been in it.
        self._last_event: int | None = 0

    def take(self, row: StoredRecord) -> dict[str, Any] | None:
        """Check the next row. Answers its meta if the row is undamaged, else None."""
        self.count += 1
        misshapen = shape_error(row)
        if misshapen:
            self._place(row, None)
            self._found.at(self.end, misshapen)
            stored: object = row.hash  # whatever its type says
            self._lose_track(stored if isinstance(stored, bytes) else None)
            return None
        try:
            digest = chain.digest(row)
        except ValueError:
            digest = None
        if digest is None:
            self._place(row, None)
            self._found.at(self.end, "its text is not UTF-8")
            self._lose_track(row.hash)
            return None
        if not self._place(row, digest):
            self._lose_track(row.hash)
            return None
        if row.format != chain.FORMAT:
            self._found.at(row.position, f"its format is {row.format}; this program knows 1")
            self._lose_track(row.hash)
            return None
        if self._hash is not None and chain.link(self._hash, digest) != row.hash:
            self._found.at(
                row.position, "its hash does not follow from its columns and the hash before it"
            )
            self._lose_track(row.hash)
            return None
        self._hash = row.hash
        return self._content(row)

    def skip(self, gap: Gap) -> None:
        """Positions at which nothing can be read."""
        self._found.at(gap.first, f"{_range(gap.first, gap.last)} can't be read: {gap.reason}")
        self.end = gap.last
        self._lose_track(None)

    def finish(self) -> None:
        """After the last row."""
        last = self._append
        if last is not None and last.append_index + 1 < last.append_size:
            self._found.at(
                last.position,
                f"the journal ends after record {last.append_index + 1} of an append that had"
                f" {last.append_size}",
            )

    # ── place ──────────────────────────────────────────────────────────────────────────────

    def _place(self, row: StoredRecord, digest: bytes | None) -> bool:
        """Whether the row can be compared with the one before; if not, that is a finding."""
        expected = self.end + 1
        self.end = row.position
        whole = digest is not None
        if row.position != expected:
            if digest is None or self._links_as(row, expected):
                self._found.at(expected, f"its row says that it is record {row.position}")
                self.end = expected
                whole = False
            elif row.position > expected:
                missing = _range(expected, row.position - 1)
                verb = "is" if expected == row.position - 1 else "are"
                self._found.at(expected, f"{missing} {verb} missing: {row.position} comes next")
                self._lose_track(None)
            else:
                self._found.at(expected, f"record {row.position} is in its place")
                self._lose_track(None)
        if self.end == self._watched:
            self.watched_hash = row.hash
        return whole

    def _links_as(self, row: StoredRecord, position: int) -> bool:
        if self._hash is None:
            return False
        return chain.link(self._hash, chain.digest(row._replace(position=position))) == row.hash

    def _lose_track(self, known_hash: bytes | None) -> None:
        self._hash = known_hash
        self._append = None
        self._last_event = None

    # ── content ────────────────────────────────────────────────────────────────────────────

    def _content(self, row: StoredRecord) -> dict[str, Any] | None:
        if codecs.signs(row.body) != (row.kind, row.version):
            self._found.at(row.position, "its kind and version are not those that its body names")
        try:
            meta = codecs.decode_meta(row.meta)
        except ValueError:
            self._found.at(row.position, "its meta is not a MessagePack map")
            meta = {}
        # What was carried over from another log keeps its events, whose openers may be lost.
        if "origin" not in meta:
            self._check_event(row)
        if row.event_id is not None and self._last_event is not None:
            self._last_event = max(self._last_event, row.event_id)
        self._check_append(row)
        self._append = row
        return meta

    def _check_event(self, row: StoredRecord) -> None:
        last, event_id = self._last_event, row.event_id
        if row.kind not in _KNOWN:
            return
        if row.kind in OPENERS:
            if event_id is None:
                self._found.at(row.position, f"a {row.kind} opens no event")
            elif last is not None and event_id <= last:
                self._found.at(
                    row.position, f"a {row.kind} opens event {event_id}, which was used before"
                )
        elif event_id is None and row.kind not in STANDALONE:
            self._found.at(row.position, f"a {row.kind} belongs to no event")
        elif event_id is not None and last is not None and event_id > last:
            self._found.at(row.position, f"it belongs to event {event_id}, which nothing opened")

    def _check_append(self, row: StoredRecord) -> None:
        before = self._append
        if row.append_index == 0:
            if before is not None and before.append_index + 1 < before.append_size:
                self._found.at(
                    row.position,
                    f"a new append begins after record {before.append_index + 1} of one that had"
                    f" {before.append_size}",
                )
            return
        if row.key is not None:
            self._found.at(row.position, "it has a key and is not the first of its append")
        if before is None:
            if self._hash is not None and row.position == 1:
                self._found.at(row.position, "it is the first record and not first of its append")
            return
        same = (
            row.append_index == before.append_index + 1
            and row.append_size == before.append_size
            and row.appended_at == before.appended_at
            and row.event_id == before.event_id
        )
        if not same:
            self._found.at(row.position, "it does not continue the append of the record before")


def _range(first: int, last: int) -> str:
    return f"record {first}" if first == last else f"records {first} to {last}"
