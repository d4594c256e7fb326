"""One of several processes on one log, each with a part of its own.

    python -m tests.faults.crowd PART FOLDER NAME UNTIL

Parts: "append" puts numbered facts into the log, several at once, each with a key, until number
UNTIL, and goes on after a kill where its file of receipts ends; "relaxed" does so without syncs;
"caller" writes UNTIL rows of its own through the store's connection; "replay" and "read" go on
until they are told by a file named "end", "follow" until one named "all-is-written": whoever
opens the log may still append that another was killed. What was answered stands in FOLDER/NAME,
a line for each answer, written at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from eventlog.errors import ReplayRunning
from eventlog.facts import Detection, Motion
from eventlog.journal.append import Durability
from eventlog.storage import writer
from eventlog.store.event_store import EventStore
from eventlog.store.reader import Reader

DB: Final = "events.db"
END: Final = "end"
ALL_WRITTEN: Final = "all-is-written"
AT: Final = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
# Appends of one process that wait at the same time.
AT_ONCE: Final = 8


class Member:
    """A process of the crowd."""

    def __init__(self, folder: Path, name: str, until: int) -> None:
        self.folder = folder
        self.path = folder / DB
        self.name = name
        self.until = until
        self.fd = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    @property
    def ended(self) -> bool:
        """Whether the crowd is told to go home."""
        return (self.folder / END).exists()

    def say(self, *words: object) -> None:
        """One answer."""
        os.write(self.fd, (json.dumps(words) + "\n").encode())

    def store(self) -> EventStore:
        """A store of the crowd's log."""
        return EventStore(str(self.path), str(self.folder / "thumbnails"))

    async def append(self, durability: Durability = "durable") -> None:
        """Append numbers, from the one after the last that was answered."""
        first = len((self.folder / self.name).read_text().splitlines())
        async with self.store() as store:
            for start in range(first, self.until, AT_ONCE):
                numbers = range(start, min(start + AT_ONCE, self.until))
                answers = await asyncio.gather(*(self._put(store, n, durability) for n in numbers))
                # In their order, so that the file's length says where to go on.
                for number, positions, event_id in answers:
                    self.say(number, positions, event_id)

    async def relaxed(self) -> None:
        """The same without syncs."""
        await self.append("relaxed")

    async def replay(self) -> None:
        """Rebuild the views again and again."""
        async with self.store() as store:
            while not self.ended:
                try:
                    replayed = await store.replay()
                except ReplayRunning:  # one that was killed a moment ago, and is not yet gone
                    await asyncio.sleep(0.01)
                else:
                    self.say(replayed.position)

    async def caller(self) -> None:
        """Write rows of one's own through the connection that a store shows."""
        async with self.store() as store:
            assert store.db is not None
            await store.db.execute("CREATE TABLE IF NOT EXISTS notes (text TEXT)")
            for number in range(self.until):
                await store.db.execute("INSERT INTO notes VALUES (?)", (f"{self.name} {number}",))
                await store.db.commit()
                self.say(number)

    async def follow(self) -> None:
        """Note the position of each record, as a program of its own would that follows."""
        seen = [json.loads(line)[0] for line in (self.folder / self.name).read_text().splitlines()]
        async with await Reader.open(self.path) as reader:
            records = reader.subscribe(after=seen[-1] if seen else 0)
            all_written = self.folder / ALL_WRITTEN
            while not all_written.exists() or await reader.last_position() > len(seen):
                try:
                    async with asyncio.timeout(1):
                        record = await anext(records)
                except TimeoutError:
                    # The timeout closed the iterator; go on after what was seen.
                    records = reader.subscribe(after=seen[-1] if seen else 0)
                    continue
                seen.append(record.position)
                self.say(record.position, record.key)

    async def read(self) -> None:
        """Ask as a dashboard does, and see that no event is half there."""
        async with await Reader.open(self.path) as reader:
            while not self.ended:
                events = await reader.events(limit=20)
                whole = all(len(event["detections"]) == 1 for event in events)
                self.say(whole, len(events))

    async def _put(self, store: EventStore, number: int, durability: Durability) -> Any:
        receipt = await store.append(
            Motion(
                camera_id=self.name,
                recorded_at=AT + timedelta(seconds=number),
                recording_id=str(number),
            ),
            Detection(label="person", confidence=0.5),
            key=f"{self.name}:{number}",
            durability=durability,
        )
        return number, list(receipt.positions), receipt.event_id


def main() -> None:
    """Play the part that the command line names."""
    part, folder, name, until = sys.argv[1:]
    wal_limit = os.environ.get("CROWD_WAL_LIMIT")
    if wal_limit is not None:
        defaults: Any = writer.Writer.__init__
        defaults.__kwdefaults__["wal_limit_bytes"] = int(wal_limit)
        vars(writer)["WRITES_PER_LOOK"] = 1
    member = Member(Path(folder), name, int(until))
    parts = {
        "append": member.append,
        "relaxed": member.relaxed,
        "caller": member.caller,
        "replay": member.replay,
        "follow": member.follow,
        "read": member.read,
    }
    asyncio.run(parts[part]())


if __name__ == "__main__":
    main()
