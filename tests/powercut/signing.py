"""A run that is recorded: a store appends, and its notary signs heads that leave for outside.

    python -m tests.powercut.signing FOLDER ACKS SEED STEPS FAULT

FOLDER holds `log/` and `keys/`. For each head that leaves, a line "head NAME SIZE ROOT" goes to
ACKS by one write: ACKS is the place outside. FAULT is "none", or breaks a rule of signing on
purpose: "no-sync" signs records that are not on the disk, "late" keeps `.signed` without a sync.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from random import Random
from typing import Any, Final

import anyio

from eventlog.evidence import keys as keys_module
from eventlog.evidence.keys import KeysDir, new_key
from eventlog.evidence.note import Signature
from eventlog.evidence.signed_heads import LogName, SignedHead
from eventlog.facts import Ding, UnlockAction
from eventlog.journal import table as journal
from eventlog.reactors import notary as notary_module
from eventlog.reactors import signing_pace
from eventlog.reactors.head_places import IsGenuine, Kind, PlaceFailed, ProveFrom
from eventlog.reactors.notary import Notary
from eventlog.storage import wal_file
from eventlog.store.event_store import EventStore
from tests.powercut.workload import START, Acks, hurry_wal_checkpoints

# A block of the tree is full after some more.
BEFORE: Final = 252
GIVE_UP_S: Final = 60.0
LOG: Final = "log/events.db"
KEYS: Final = "keys"


class AckPlace:
    """The place outside: it can't be asked, so that only `.signed` knows what has left."""

    name = "outside"
    kind: Kind = "exec"
    every_s = 0.0

    def __init__(self, acks: Acks) -> None:
        self._acks = acks

    def newest(self, origin: str, is_genuine: IsGenuine) -> SignedHead | None:
        """It can't be asked."""
        raise PlaceFailed(f"{origin} {is_genuine}")

    def take(self, head: SignedHead, _: ProveFrom) -> Sequence[Signature]:
        """The head leaves."""
        self._acks.say("head", head.origin, head.size, head.root.hex())
        return ()


async def prepare(folder: Path) -> None:
    """A log of some records and its keys, before anything is recorded."""
    async with _store(folder) as store:
        for _ in range(BEFORE):
            await store.append(
                Ding(camera_id="front_door", recorded_at=START), durability="relaxed"
            )
        keys = KeysDir(folder / KEYS, await store.reader.run(journal.log_id))
    keys.make(folder / LOG)
    keys.write_signing_keys([new_key(str(LogName(keys.log_id)))])


async def live(folder: Path, acks: Acks, seed: int, steps: int) -> None:
    """Appends of both durabilities, and a head after some of them."""
    random = Random(seed)
    async with _store(folder) as store:
        keys = KeysDir(folder / KEYS, await store.reader.run(journal.log_id))
        notary = Notary(folder / LOG, keys, [AckPlace(acks)], nudge=store.reader.nudge)
        task = asyncio.create_task(notary.run())
        try:
            for _ in range(steps):
                await _step(store, keys, notary, random)
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def _step(store: EventStore, keys: KeysDir, notary: Notary, random: Random) -> None:
    durable = random.random() < 0.3
    end = 0
    for _ in range(random.randint(1, 3)):
        receipt = await store.append(
            Ding(camera_id="front_door", recorded_at=START),
            durability="durable" if durable else "relaxed",
        )
        end = receipt.positions[-1]
    if random.random() < 0.2:
        receipt = await store.append(
            Ding(camera_id="front_door", recorded_at=START),
            UnlockAction(granted=True, door_action="unlocked"),
        )
        end = receipt.positions[-1]
    if random.random() < 0.8:
        keys.ask()
        with anyio.move_on_after(GIVE_UP_S):  # a disk that refuses everything
            while notary.known.kept < end:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.002)


def _store(folder: Path) -> EventStore:
    return EventStore(str(folder / LOG), str(folder / "log/thumbnails"))


# ── the settings of a run ──────────────────────────────────────────────────────────────────


def no_sync() -> None:
    """Break a rule: records are signed that a power cut can take."""
    vars(wal_file)["sync"] = lambda _: None


def late() -> None:
    """Break a rule: `.signed` is written, and not synced, before the head leaves."""

    def unsynced(path: Path, content: bytes) -> None:
        path.write_bytes(content)

    vars(keys_module)["replace"] = unsynced


FAULTS: Final[dict[str, Callable[[], None]]] = {
    "none": lambda: None,
    "no-sync": no_sync,
    "late": late,
}


def main() -> None:
    """Run with the arguments of the command line."""
    folder, acks, seed, steps, fault = sys.argv[1:]
    pace: Any = vars(signing_pace)
    pace["BETWEEN_HEADS_S"] = 0.0
    vars(notary_module)["AGAIN_S"] = 0.05
    hurry_wal_checkpoints()
    FAULTS[fault]()
    asyncio.run(live(Path(folder), Acks(Path(acks)), int(seed), int(steps)))


if __name__ == "__main__":
    main()
