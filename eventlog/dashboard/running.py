"""The protocol by which the dashboard asks `eventlog run` about its parts."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from eventlog.facts import Fact


class SourceFigures(Struct, frozen=True, kw_only=True):
    """A source's figures for Prometheus. Times are seconds since 1970, None for never."""

    last_seconds: float | None
    reconciled: int
    silent: bool


class Running(Protocol):
    """The process around the dashboard."""

    def health(self) -> Struct:
        """How every part and every source is, as plain values for JSON."""

    def troubles(self) -> list[str]:
        """A sentence for each part that is down and each source that is silent."""

    def kept(self) -> list[str]:
        """What is kept for how long, in sentences."""

    def sources(self) -> dict[str, SourceFigures]:
        """The figures of each source."""

    def restarts(self) -> dict[str, int]:
        """How often each part was started again."""

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
