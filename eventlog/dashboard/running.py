"""The protocol by which the dashboard asks `eventlog run` about its parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from msgspec import Struct

from eventlog.facts import Fact


class SourceFigures(Struct, frozen=True, kw_only=True):
    """A source's figures. Times are seconds since 1970, None for never.

    Attributes:
        last_seconds: when its last message came.
        reconciled: so many facts came by its history.
        silent: whether it gives no sign of life.
        late: so many of them were missed when they happened.
        left_out: so many messages and fields became no fact.
    """

    last_seconds: float | None
    reconciled: int
    silent: bool
    late: int
    left_out: int


class PartFigures(Struct, frozen=True, kw_only=True):
    """A part of the process: its state in a word, and the class and code of its last error."""

    state: str
    restarts: int
    error: str | None


class Running(Protocol):
    """The process around the dashboard."""

    def health(self, behind: Mapping[str, int]) -> Struct:
        """How every part and every source is, as plain values for JSON.

        `behind` says how many records a part has yet to read, for those that read the journal.
        """

    def troubles(self) -> list[str]:
        """A sentence for each part that is down and each source that is silent."""

    def kept(self) -> list[str]:
        """What is kept for how long, in sentences."""

    def sources(self) -> dict[str, SourceFigures]:
        """The figures of each source."""

    def parts(self) -> dict[str, PartFigures]:
        """The state of each part."""

    def read_hook(self, name: str, body: bytes) -> tuple[str, Fact]:
        """The key and the fact that a webhook's message becomes.

        Raises LookupError for a name that the config does not have, BadPayload.
        """

    def push_key(self) -> bytes | None:
        """The key that browsers subscribe with; None where no channel is web push."""

    def check_push(self, endpoint: str, public_key: bytes, auth_secret: bytes) -> None:
        """Raise BadArgument for a subscription that can't be sent to, LookupError without a key."""

    def channels(self) -> list[str]:
        """The channels that alerts are told over, by name."""

    async def test_channel(self, name: str) -> str | None:
        """Send a test over a channel; what went wrong, None for nothing. Raises LookupError."""
