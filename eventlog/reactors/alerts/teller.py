"""Sends the alerts that are due: records the intent, sends, records the outcome.

Each channel has one message under way at a time, so that order holds. What fails is tried again
after 1 s, then ever later up to 10 min, for 24 h; then `gave_up`. Stopped between intent and
outcome, the next process finds the intent in the journal and does what the rule says of it.

Does not know the kinds of channels, or which alerts are due.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, Protocol

from msgspec import Struct

from eventlog.errors import EventLogError
from eventlog.facts import AlertIntended, AlertSent, Fact
from eventlog.journal.nudge import Nudge
from eventlog.reactors.alerts.channel_test import send_test, test_message
from eventlog.reactors.alerts.channels import (
    GIVE_UP_S,
    Channel,
    NotSent,
    Refused,
    Unsure,
    retry_wait_s,
)
from eventlog.reactors.alerts.erased import forget_names
from eventlog.reactors.alerts.ledger import Ledger
from eventlog.reactors.alerts.schedule import next_for
from eventlog.reactors.alerts.telling import Intent, Send
from eventlog.reactors.alerts.wording import Message, compose
from eventlog.record import Receipt, Record

log = logging.getLogger("eventlog")

TICK_S: Final = 1.0

Outcome = Literal["sent", "refused", "gave_up", "unknown"]


class Store(Protocol):
    """What a teller needs of a store."""

    async def append(
        self, *facts: Fact, event_id: int | None = None, key: str | None = None
    ) -> Receipt:
        """Append facts under a key."""

    async def receipt(self, key: str) -> Receipt | None:
        """What became of the append with this key."""


class _Try(Struct):
    """How often an intent was tried, and when it may be tried again."""

    tries: int = 0
    next_at: datetime | None = None
    doubtful: bool = False


def now_utc() -> datetime:
    """The wall time."""
    return datetime.now(UTC)


class Teller:
    """Sends alerts over channels. `recall` returns the earlier records of an event."""

    def __init__(
        self,
        ledger: Ledger,
        channels: Mapping[str, Channel],
        store: Store,
        recall: Callable[[int], Awaitable[Sequence[Record]]],
        armed: Callable[[], Awaitable[Sequence[Record]]],
        *,
        clock: Callable[[], datetime] = now_utc,
        head_line: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Touch nothing yet.

        Args:
            ledger: The alerts that are due.
            channels: The channels, by the names that rules use.
            store: where intents and outcomes go.
            recall: an async function from an event's id to its records.
            armed: an async function to every `rule_armed` of the journal, in order.
            clock: the wall time.
            head_line: the newest signed head as a line of text, None if heads aren't signed.
        """
        self.ledger = ledger
        self.channels = channels
        self._store = store
        self._recall = recall
        self._armed: Callable[[], Awaitable[Sequence[Record]]] | None = armed
        self._clock = clock
        self.head_line = head_line
        self._tries: dict[int, _Try] = {}
        self._at_end = False
        self._more = Nudge()

    # ── the reactor's side ─────────────────────────────────────────────────────────────────

    async def act(self, records: Sequence[Record]) -> int:
        """Fold records; at the end of the journal the channels may send. See `Reactor`."""
        if self._armed is not None:
            for record in await self._armed():
                self.ledger.arm(record)
            self._armed = None
        for record in records:
            event_id = record.event_id
            if event_id is not None and event_id not in self.ledger.visits:
                earlier = await self._recall(event_id)
                self.ledger.visits.recall(one for one in earlier if one.position < record.position)
            self.ledger.apply(record)
        await forget_names(records, self.ledger, self.channels.values(), self._recall)
        self._at_end = not records
        if self._at_end:
            await self._arm()
            self._more.give()
        now = self._clock()
        self.ledger.forget_settled(now)
        return self.ledger.low_water(now)

    async def _arm(self) -> None:
        """Record the rules that are new or changed, which arms them."""
        for rule in self.ledger.rules.values():
            armed = rule.armed
            if self.ledger.recorded.get(rule.name) == armed.digest:
                continue
            receipt = await self._store.append(armed)
            self.ledger.armed.setdefault(rule.name, receipt.positions[0])
            self.ledger.recorded[rule.name] = armed.digest

    # ── the channels' side ─────────────────────────────────────────────────────────────────

    async def run_channel(self, name: str) -> None:
        """Send over one channel until cancelled. Raises DatabaseError."""
        while True:
            seen = self._more.count
            if not await self.step(name):
                await self._more.wait(seen, timeout_s=TICK_S)

    async def step(self, name: str) -> bool:
        """Do the next thing on a channel; whether there was one that could be done now."""
        if not self._at_end:
            return False
        now, channel = self._clock(), self.channels[name]
        send = next_for(self.ledger, name, now, can_edit=channel.can_edit)
        if send is None:
            return False
        if send.intent is None:
            intent = await self._intend(send, name)
            if intent is None:
                return False
            send = Send(send.tellings, send.revision, send.why, intent)
        return await self._tell(channel, send, now)

    async def _intend(self, send: Send, channel: str) -> Intent | None:
        """Record an intent; None if the journal has it already.

        One that the fold has passed was settled before this process began: an event that was told
        long ago gets a late record. One that it has not come to is brought by it.
        """
        known = await self._store.receipt(send.key)
        if known is not None:
            if known.positions[0] <= self.ledger.position:
                for telling in send.tellings:
                    telling.settled = True
            return None
        receipt = await self._store.append(
            AlertIntended(
                rule=send.rule, channel=channel, revision=send.revision, covers=send.covers
            ),
            event_id=send.event_id,
            key=send.key,
        )
        intent = Intent(
            position=receipt.positions[0],
            at=self._clock(),
            key=send.key,
            tellings=list(send.tellings),
            revision=send.revision,
            why=send.why,
            ours=True,
        )
        self.ledger.intend(intent, channel)
        return intent

    async def _tell(self, channel: Channel, send: Send, now: datetime) -> bool:
        intent = send.intent
        assert intent is not None  # noqa: S101 - `step` has made it
        found = self._tries.setdefault(intent.position, _Try(doubtful=not intent.ours))
        if found.next_at is not None and now < found.next_at:
            return False
        if found.doubtful and self._is_never(send):
            await self._settle(send, intent, "unknown", found.tries)
            return True
        message = compose(send, self.ledger.visits, self.ledger.zone, again=found.doubtful)
        found.tries += 1
        try:
            message_id = await channel.send(self._with_head(message))
        except Refused:
            await self._settle(send, intent, "refused", found.tries)
            return True
        except NotSent as error:
            await self._try_later(send, intent, found, now, error.retry_after_s)
            return False
        except Unsure:
            found.doubtful = True
            await self._try_later(send, intent, found, now)
            return self._is_never(send)
        await self._settle(send, intent, "sent", found.tries, message_id)
        return True

    async def _try_later(
        self,
        send: Send,
        intent: Intent,
        found: _Try,
        now: datetime,
        asked_s: float | None = None,
    ) -> None:
        if (now - intent.at).total_seconds() >= GIVE_UP_S:
            await self._settle(send, intent, "gave_up", found.tries)
            return
        wait_s = retry_wait_s(found.tries, asked_s)
        found.next_at = datetime.fromtimestamp(now.timestamp() + wait_s, UTC)

    async def _settle(
        self,
        send: Send,
        intent: Intent,
        outcome: Outcome,
        tries: int,
        message_id: str | None = None,
    ) -> None:
        first = send.tellings[0]
        await self._store.append(
            AlertSent(
                channel=first.channel,
                rule=send.rule,
                revision=send.revision,
                outcome=outcome,
                tries=tries,
                message_id=message_id,
                intended=intent.position,
                recorded_at=self._clock(),
            ),
            event_id=send.event_id,
        )
        self.ledger.settle(intent.position)
        self._tries.pop(intent.position, None)

    def _is_never(self, send: Send) -> bool:
        return all(self.ledger.rules[one.rule].unsure == "never" for one in send.tellings)

    def _with_head(self, message: Message) -> Message:
        line = self.head_line()
        if line is None:
            return message
        return Message(
            id=message.id,
            revision=message.revision,
            rule=message.rule,
            title=message.title,
            body=f"{message.body}\n{line}",
            event_id=message.event_id,
            door=message.door,
            at=message.at,
            picture=message.picture,
            again=message.again,
        )

    async def test(self, name: str) -> str | None:
        """Send a test over a channel, without a record; what went wrong, None if nothing did."""
        return await send_test(self.channels[name], self._with_head(test_message(self._clock())))


async def follow(
    teller: Teller,
    channels: Sequence[str],
    others: Sequence[Callable[[], Coroutine[None, None, None]]],
) -> None:
    """Run every channel and the reactor among `others` until one fails. Raises its error."""
    try:
        async with asyncio.TaskGroup() as tasks:
            for other in others:
                tasks.create_task(other())
            for name in channels:
                tasks.create_task(teller.run_channel(name))
    except* EventLogError as group:
        raise group.exceptions[0] from group
