"""A house with a log, rules, a clock that the test sets, and channels that note what they send.

Support code. `House.restart` is what a kill leaves: a new ledger over the same journal.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from eventlog import codecs
from eventlog.facts import Fact
from eventlog.followers import checkpoints
from eventlog.reactors.alerts.channels import Channel, NotSent, Unsure
from eventlog.reactors.alerts.ledger import Ledger
from eventlog.reactors.alerts.rules import Doors, Rule
from eventlog.reactors.alerts.teller import Teller
from eventlog.reactors.alerts.wording import Message
from eventlog.record import Receipt, Record, StoredRecord
from eventlog.run import recorded
from eventlog.run.alerts import make_reactor
from eventlog.store.event_store import EventStore


class Killed(BaseException):
    """The process was killed here."""


class Phone:
    """A channel that notes its messages. `mode` says what becomes of the next ones."""

    def __init__(self, *, can_edit: bool = False) -> None:
        self.can_edit = can_edit
        self.got: list[Message] = []
        self.mode = "sends"

    async def send(self, message: Message) -> str | None:
        """Note the message, or fail as the mode says."""
        if self.mode == "killed before":
            raise Killed
        if self.mode == "away":
            raise NotSent
        self.got.append(message)
        if self.mode == "killed after":
            raise Killed
        if self.mode == "slow":
            raise Unsure
        return "m1"

    def forget(self) -> None:
        """Nothing waits here."""

    @property
    def titles(self) -> list[str]:
        """What was sent."""
        return [message.title for message in self.got]


class House:
    """An open log, a teller over it, and the time."""

    def __init__(self, store: EventStore, rules: Sequence[Rule], **phones: Channel) -> None:
        self.store = store
        self.rules = {rule.name: rule for rule in rules}
        self.phones = phones
        self.now = datetime.now(UTC)
        self.kill_at_append: type[Fact] | None = None
        self.doors = Doors({"front_door": "front", "front lock": "front"})
        self.restart()

    def restart(self) -> None:
        """A new process over the same journal."""
        ledger = Ledger(self.rules, self.doors, ZoneInfo("Europe/Berlin"))
        self.teller = Teller(
            ledger, self.phones, self, self.story, self.armed, clock=lambda: self.now
        )
        self.reactor = make_reactor(self.store, self.teller)

    async def append(
        self, *facts: Fact, event_id: int | None = None, key: str | None = None
    ) -> Receipt:
        """The teller's own appends; killed before the one that the test names."""
        if self.kill_at_append is not None and isinstance(facts[0], self.kill_at_append):
            raise Killed
        return await self.store.append(*facts, event_id=event_id, key=key)

    async def receipt(self, key: str) -> Receipt | None:
        """The receipt of a key."""
        return await self.store.receipt(key)

    async def story(self, event_id: int) -> list[Record]:
        """An event's records."""
        rows = await self.store.reader.story(event_id)
        return await self.store.reader.opened([_decoded(row) for row in rows])

    async def armed(self) -> list[Record]:
        """Every rule that was armed."""
        return await self.store.reader.run(lambda c: recorded.of_kinds(c, ("rule_armed",)))

    async def tell(self) -> None:
        """Fold to the end, then let every channel do what it can now."""
        await self.reactor.run_to_end()
        for name in self.phones:
            while await self.teller.step(name):
                await self.reactor.run_to_end()
        await self.reactor.run_to_end()

    async def forget_checkpoint(self) -> None:
        """As if the checkpoint's row had been deleted."""
        await self.store._engine.writer.run(
            lambda c: checkpoints.reset(c, f"{checkpoints.REACTOR}alerts", 1)
        )
        self.restart()

    def pass_time(self, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)

    def picture(self, name: str) -> Path:
        """The path that a thumbnail of this name has."""
        return Path(self.store.thumbnails_dir) / name


def _decoded(row: StoredRecord) -> Record:
    fact = codecs.decode(row.kind, row.version, row.body, position=row.position)
    return Record(row.position, row.event_id, row.appended_at, row.key, fact)  # type: ignore[arg-type]  # plain ints as NewTypes
