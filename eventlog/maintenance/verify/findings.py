"""A finding of a check: where, what, and how severe.

The report of a log with a million damaged records has a bounded size: the first findings are kept
and the rest are counted. Does not know what is checked.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from msgspec import Struct

# damage: what is stored is not what was written. relaxed: only appends are missing whose
# callers did not ask for more. note: worth knowing, and nothing is wrong with the log.
Severity: TypeAlias = Literal["damage", "relaxed", "note"]

KEPT_MAX: Final = 1000


class Finding(Struct, frozen=True, omit_defaults=True):
    """One thing found. `where` names a position, table, index or file; `what` is a sentence."""

    where: str
    what: str
    severity: Severity = "damage"
    position: int | None = None


class Report(Struct, frozen=True):
    """What a check of a log found.

    `records` were read. `omitted` and `omitted_notes` count those past the first KEPT_MAX.
    """

    findings: tuple[Finding, ...]
    notes: tuple[Finding, ...]
    records: int
    omitted: int = 0
    omitted_notes: int = 0

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong; notes do not count."""
        return not self.findings


class Findings:
    """Collects findings, in the order in which they are made."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []
        self._notes: list[Finding] = []
        self._omitted = 0
        self._omitted_notes = 0

    def at(self, position: int, what: str, severity: Severity = "damage") -> None:
        """A finding that hits a record."""
        self.add(Finding(f"position {position}", what, severity, position))

    def on(self, where: str, what: str, severity: Severity = "damage") -> None:
        """A finding on a table, index or file, where no record is hit."""
        self.add(Finding(where, what, severity))

    def add(self, finding: Finding) -> None:
        """Keep a finding, or count it."""
        is_note = finding.severity == "note"
        kept = self._notes if is_note else self._findings
        if len(kept) < KEPT_MAX:
            kept.append(finding)
        elif is_note:
            self._omitted_notes += 1
        else:
            self._omitted += 1

    def report(self, records: int) -> Report:
        """All that was found, in a log of so many records."""
        return Report(
            tuple(self._findings),
            tuple(self._notes),
            records,
            self._omitted,
            self._omitted_notes,
        )
