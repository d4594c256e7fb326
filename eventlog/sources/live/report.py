"""The state that a live source reports while it runs."""

from __future__ import annotations

from typing import Protocol

from eventlog.sources.feed import Tally


class Report(Protocol):
    """Where a live source says how it is. Sources are named as the config names them."""

    def connected(self, source: str, *, up: bool) -> None:
        """The connection that the source comes by was made, or was lost."""

    def sign(self, source: str) -> None:
        """The source gave a sign of life."""

    def available(self, source: str, *, up: bool) -> None:
        """The source was said to be there, or to be away."""

    def taken(self, source: str, tally: Tally) -> None:
        """Messages of the source are in the journal; the tally says what became of them."""

    def reconciled(self, source: str, tally: Tally, *, late: int) -> None:
        """The source's own history was asked; `late` of what it held had not come before."""
