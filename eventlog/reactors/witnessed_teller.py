"""Records in the journal that a witness saw a head, at most once in ten minutes.

Every record that comes after such a fact is younger than the witness's time in it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Final, Protocol

from eventlog.evidence.note import Note, PublicKey
from eventlog.evidence.signed_heads import SignedHead
from eventlog.facts import Fact, HeadWitnessed

EVERY_S: Final = 600.0


class AppendFact(Protocol):
    """Appends a fact under an idempotency key: `EventStore.append`, or what is like it."""

    def __call__(self, fact: Fact, /, *, key: str) -> Awaitable[object]:
        """Append."""


class WitnessedTeller:
    """`append` puts a fact into the journal; None leaves it out. `now` is a monotonic clock."""

    def __init__(self, append: AppendFact | None, now: Callable[[], float]) -> None:
        """Nothing was recorded yet."""
        self._append = append
        self._now = now
        self._told_at = -EVERY_S

    async def tell(self, head: SignedHead, note: Note, key: PublicKey) -> None:
        """A note of a head came back with a witness's line. Raises what `append` raises."""
        seconds = key.cosigned_at(note)
        if self._append is None or seconds is None or self._now() - self._told_at < EVERY_S:
            return
        self._told_at = self._now()
        fact = HeadWitnessed(
            size=head.size,
            root=head.root,
            witness=key.name,
            time=datetime.fromtimestamp(seconds, UTC),
        )
        await self._append(fact, key=f"head_witnessed:{head.size}:{key.key_id.hex()}")
