"""The notary: when it signs, what it refuses to sign, and how heads get to their places."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

import anyio
import pytest

from eventlog import EventStore
from eventlog.errors import HeadContradicted, KeysMissing, SignerBusy
from eventlog.evidence import heads_file, outside
from eventlog.evidence.keys import KeyPair, KeysDir, new_key
from eventlog.evidence.note import COSIGNS, Note, Signature
from eventlog.evidence.outside import Outside
from eventlog.evidence.signed_heads import SignedHead, head_of, head_text, parse_name
from eventlog.evidence.signing import HeadSigner
from eventlog.evidence.witness_server import PREFIX
from eventlog.evidence.witnesses import Witness
from eventlog.facts import Ding, Fact, HeadWitnessed, Motion, UnlockAction
from eventlog.journal import table as journal
from eventlog.reactors.head_places import IsGenuine, Kind, PlaceFailed, ProveFrom
from eventlog.reactors.head_to import parse_places
from eventlog.reactors.notary import Notary
from eventlog.reactors.signing_pace import OLDEST_S
from eventlog.record import StoredRecord
from eventlog.storage.connections import connect_reader
from eventlog.storage.paths import heads_path
from tests.evidence.signed_logs import make_keys, public_key, sign, signed_log
from tests.evidence.test_witnesses import served
from tests.support import logs

pytestmark = pytest.mark.anyio

OPENED: list[Fact] = [
    Ding(camera_id="front_door", recorded_at=logs.T0),
    UnlockAction(granted=True, door_action="unlocked"),
]
SEEN: list[Fact] = [Motion(camera_id="front_door", recorded_at=logs.T0)]


class Clock:
    """A monotonic clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class MemoryPlace:
    """A place that a test looks into. `fails` makes it refuse."""

    name = "memory"
    kind: Kind = "file"
    every_s = 0.0

    def __init__(self) -> None:
        self.heads: list[SignedHead] = []
        self.fails = False

    def newest(self, origin: str, is_genuine: IsGenuine) -> SignedHead | None:
        assert is_genuine is not None
        if self.fails:
            raise PlaceFailed("it is away")
        return max(
            (head for head in self.heads if head.origin == origin),
            key=lambda head: head.size,
            default=None,
        )

    def take(self, head: SignedHead, prove_from: ProveFrom) -> Sequence[Signature]:
        assert prove_from is not None
        if self.fails:
            raise PlaceFailed("it is away")
        self.heads.append(head)
        return ()


class ForkedPlace(MemoryPlace):
    """A place that knows another log under the name of the first era."""

    def take(self, head: SignedHead, prove_from: ProveFrom) -> Sequence[Signature]:
        if parse_name(head.origin).era == 0:
            raise HeadContradicted("it knows another log")
        return super().take(head, prove_from)


def begin_era(db_path: Path, keys: KeysDir, pair: KeyPair) -> bool:
    """Begin an era where no notary holds the log; whether it did."""
    try:
        with HeadSigner(db_path, keys, new_era=True) as signer:
            signer.begin_era([pair])
    except SignerBusy:
        return False
    return True


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[tuple[EventStore, Path, KeysDir]]:
    """An open store, its path, and keys that sign it."""
    (tmp_path / "log").mkdir()
    db_path = tmp_path / "log" / "events.db"
    async with EventStore(str(db_path), str(tmp_path / "log" / "thumbnails")) as store:
        await store.append(*SEEN)
        yield store, db_path, make_keys(db_path, tmp_path / "keys")


@asynccontextmanager
async def running(notary: Notary) -> AsyncIterator[None]:
    """The notary, following."""
    task = asyncio.create_task(notary.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def until(true: Callable[[], bool]) -> None:
    """Return when it is true; the test fails where that takes forever."""
    with anyio.fail_after(60):
        while not true():  # noqa: ASYNC110 - what is waited for gives no event
            await asyncio.sleep(0.005)


def signed_size(keys: KeysDir) -> int:
    """How many records the newest signed head covers."""
    note = keys.signed()
    return 0 if note is None else head_of(note).size


# ── when ───────────────────────────────────────────────────────────────────────────────────


async def test_an_unlock_is_signed_at_once_and_the_rest_after_a_minute(
    door: tuple[EventStore, Path, KeysDir],
) -> None:
    """The first head at once, an unlock at once, and another record when it is 60 s old."""
    store, db_path, keys = door
    clock = Clock()
    notary = Notary(db_path, keys, nudge=store.reader.nudge, monotonic=clock)
    async with running(notary):
        await until(lambda: notary.known.signed == 1)
        await store.append(*OPENED)
        clock.now += 1
        await until(lambda: notary.known.signed == 3)
        await store.append(*SEEN)
        clock.now += 2
        await until(lambda: notary.signer.size == 4)
        assert signed_size(keys) == 3
        clock.now += OLDEST_S
        await until(lambda: notary.known.signed == 4)


async def test_at_most_one_head_a_second(door: tuple[EventStore, Path, KeysDir]) -> None:
    """Within a second of the last head, unlocks wait for the next one."""
    store, db_path, keys = door
    clock = Clock()
    notary = Notary(db_path, keys, nudge=store.reader.nudge, monotonic=clock)
    async with running(notary):
        await until(lambda: notary.known.signed == 1)
        for _ in range(5):
            await store.append(*OPENED)
        clock.now += 1
        await until(lambda: notary.known.signed == 11)
    assert len(heads_file.read_heads(heads_path(db_path))) == 2


async def test_facts_about_heads_alone_are_not_signed(
    door: tuple[EventStore, Path, KeysDir],
) -> None:
    """Two doors that witness each other come to rest."""
    store, db_path, keys = door
    clock = Clock()
    notary = Notary(db_path, keys, nudge=store.reader.nudge, monotonic=clock)
    async with running(notary):
        await until(lambda: notary.known.signed == 1)
        await store.append(HeadWitnessed(size=1, root=bytes(32), witness="w", time=logs.T0))
        await until(lambda: notary.signer.size == 2)
        clock.now += 10 * OLDEST_S
        await asyncio.sleep(0)
        seen = store.reader.nudge.count
        await store.append(*SEEN)
        await until(lambda: store.reader.nudge.count > seen and notary.signer.size == 3)
        assert signed_size(keys) == 1
        clock.now += OLDEST_S
        await until(lambda: notary.known.signed == 3)


async def test_what_is_asked_for_is_signed_and_the_end_is_signed(
    door: tuple[EventStore, Path, KeysDir],
) -> None:
    """A question of another process is answered by a head, and so is the end of the notary."""
    store, db_path, keys = door
    clock = Clock()
    notary = Notary(db_path, keys, nudge=store.reader.nudge, monotonic=clock)
    async with running(notary):
        await until(lambda: notary.known.signed == 1)
        await store.append(*SEEN)
        clock.now += 2
        keys.ask()
        await until(lambda: notary.known.signed == 2)
        await until(lambda: not keys.asked())
        await store.append(*SEEN)
    assert signed_size(keys) == 3


async def test_one_notary_a_log(door: tuple[EventStore, Path, KeysDir]) -> None:
    """While one signs, another one is idle, and takes over when the first has ended."""
    _, db_path, keys = door
    notary = Notary(db_path, keys)
    async with running(notary):
        await until(lambda: notary.known.signed == 1)
        with pytest.raises(SignerBusy):
            HeadSigner(db_path, keys).__enter__()
    assert sign(db_path, keys).size == 1


# ── what is not signed ─────────────────────────────────────────────────────────────────────


def test_a_log_that_was_cut_is_not_signed(tmp_path: Path) -> None:
    """A database with fewer records than were signed is refused at the open."""
    db_path, keys, head = signed_log(tmp_path)
    with logs.guards_down(db_path) as connection:
        connection.execute("DELETE FROM journal WHERE position > ?", (head.size - 3,))
    with pytest.raises(HeadContradicted, match="shorter"):
        sign(db_path, keys)


def test_a_log_that_was_rewritten_is_not_signed(tmp_path: Path) -> None:
    """A database whose rows were changed and chained again is refused, with any tree file."""
    db_path, keys, head = signed_log(tmp_path)

    def backdate(stored: list[StoredRecord]) -> None:
        stored[-1] = stored[-1]._replace(appended_at=5)

    logs.rewrite(db_path, backdate)
    assert head.size > 0
    with pytest.raises(HeadContradicted, match="another"):
        sign(db_path, keys)


def test_a_torn_or_missing_tree_file_costs_nothing(tmp_path: Path) -> None:
    """Without the tree file, or with any bytes in it, the rows give the same head."""
    db_path, keys, head = signed_log(tmp_path, 200)
    tree_file = db_path.with_name("events.db.tree")
    for content in (None, b"", b"x" * 1000, tree_file.read_bytes()[:40], bytes(64)):
        tree_file.unlink(missing_ok=True)
        if content is not None:
            tree_file.write_bytes(content)
        assert sign(db_path, keys) == head
    tree_file.write_bytes(tree_file.read_bytes()[:32] + bytes(64))
    assert sign(db_path, keys) == head


def test_a_break_of_the_chain_is_not_signed(tmp_path: Path) -> None:
    """A record behind the last head whose hash does not follow stops the notary."""
    db_path, keys, head = signed_log(tmp_path)
    with logs.writing(db_path) as connection:
        logs.put(connection, logs.appends(3, seed=4)[:1])
        logs.write_head(db_path, connection)
    with logs.guards_down(db_path) as connection:
        connection.execute(
            "UPDATE journal SET appended_at = 1 WHERE position = ?", (head.size + 1,)
        )
    with pytest.raises(Exception, match="does not follow"):
        sign(db_path, keys)
    assert signed_size(keys) == head.size


async def test_a_larger_head_outside_keeps_the_log_from_signing(
    door: tuple[EventStore, Path, KeysDir],
) -> None:
    """A card that was copied back finds at its start that more is known outside."""
    store, db_path, keys = door
    place = MemoryPlace()
    async with running(Notary(db_path, keys, [place])):
        await until(lambda: bool(place.heads))
    keys.file("signed").unlink()
    ahead = place.heads[-1]
    text = ahead.note.text.replace("\n1\n", "\n7\n", 1)
    pair = keys.signing_keys()[0]
    place.heads.append(head_of(Note(text, (pair.sign(text),))))
    await store.append(*SEEN)
    notary = Notary(db_path, keys, [place])
    async with running(notary):
        await until(lambda: notary.known.trouble is not None)
    assert "7 records are known outside, here are 2" in (notary.known.trouble or "")


async def test_a_forged_head_outside_keeps_nobody_from_signing(
    door: tuple[EventStore, Path, KeysDir], tmp_path: Path
) -> None:
    """Who may write to a place, and has no key, can't stop the log by a head that is larger."""
    _, db_path, keys = door
    pair = new_key(keys.signing_keys()[0].name)
    text = head_text(pair.name, 1000, bytes(32))
    nas = tmp_path / "nas.heads"
    nas.write_bytes(Note(text, (pair.sign(text),)).encode())
    notary = Notary(db_path, keys, parse_places(f"file:{nas}", db_path))
    async with running(notary):
        await until(lambda: notary.known.kept == 1)
    assert notary.known.trouble is None


async def test_after_a_new_era_the_notary_goes_on_by_itself(
    door: tuple[EventStore, Path, KeysDir], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A place that knew another log stops the signing, until the owner confirms the new era."""
    monkeypatch.setattr("eventlog.reactors.notary.AGAIN_S", 0.01)
    store, db_path, keys = door
    place = ForkedPlace()
    notary = Notary(db_path, keys, [place], nudge=store.reader.nudge)
    async with running(notary):
        await until(lambda: notary.known.trouble is not None)
        old = keys.signing_keys()[0]
        renamed = old.renamed(str(parse_name(old.name).in_era(1)))
        await until(lambda: begin_era(db_path, keys, renamed))
        await until(lambda: bool(place.heads))
        await until(lambda: notary.known.trouble is None)
    assert place.heads[0].origin == renamed.name
    assert notary.known.name == renamed.name


async def test_a_restart_knows_its_places_and_sends_no_head_twice(
    door: tuple[EventStore, Path, KeysDir], tmp_path: Path
) -> None:
    """What a place has is asked of it; since when it has it is remembered: its age goes on."""
    store, db_path, keys = door
    nas = tmp_path / "nas.heads"
    places = parse_places(f"file:{nas}", db_path)
    first = Notary(db_path, keys, places, nudge=store.reader.nudge)
    async with running(first):
        await until(lambda: first.known.kept == 1)
    kept = nas.read_bytes()
    again = Notary(db_path, keys, places, nudge=store.reader.nudge)
    async with running(again):
        await until(lambda: again.known.kept == 1)
    assert nas.read_bytes() == kept
    assert again.known.places[0].at_us == first.known.places[0].at_us is not None


async def test_heads_of_an_earlier_era_count_for_nothing_in_the_new_one(
    door: tuple[EventStore, Path, KeysDir],
) -> None:
    """A place that can't be asked is not said to keep records because of a larger, older era."""
    _, db_path, keys = door
    name = keys.signing_keys()[0].name
    there = outside.Place(name="memory", kind="file", size=1000, at_us=5)
    outside.write(db_path, Outside(name=f"{name}9", signed=1000, places=(there,)))
    place = MemoryPlace()
    place.fails = True
    notary = Notary(db_path, keys, [place])
    async with running(notary):
        await until(lambda: notary.known.signed == 1)
        assert notary.known.kept == 0


async def test_a_disk_that_refuses_the_keys_folder_once_ends_no_notary(
    door: tuple[EventStore, Path, KeysDir], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The question of another process can't be taken away: that is trouble, and it passes."""
    monkeypatch.setattr("eventlog.reactors.notary.AGAIN_S", 0.01)
    store, db_path, keys = door
    real, refused = Path.unlink, list[Path]()

    def unlink(path: Path, *, missing_ok: bool = False) -> None:
        if path.suffix == ".ask" and not refused:
            refused.append(path)
            raise OSError(errno.EIO, "Input/output error", str(path))
        real(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    notary = Notary(db_path, keys, nudge=store.reader.nudge)
    async with running(notary):
        await until(lambda: notary.known.signed == 1)
        keys.ask()
        await until(lambda: bool(refused))
        await until(lambda: not keys.asked())
        await until(lambda: notary.known.trouble is None)


async def test_a_slow_walk_once_a_day_finds_what_was_changed_below(
    door: tuple[EventStore, Path, KeysDir],
) -> None:
    """A row that is changed under a running notary, behind its back, is found within a day."""
    store, db_path, keys = door
    await store.append(*OPENED)
    clock = Clock()
    notary = Notary(db_path, keys, nudge=store.reader.nudge, monotonic=clock)
    async with running(notary):
        await until(lambda: notary.known.signed == 3)
        with logs.guards_down(db_path) as connection:
            connection.execute("UPDATE journal SET appended_at = 5 WHERE position = 2")
        clock.now += 25 * 3600
        await until(lambda: notary.known.trouble is not None)
        found = notary.known.trouble
    assert "another than what was signed" in (found or "")


async def test_without_a_key_nothing_is_signed_and_it_is_said(
    door: tuple[EventStore, Path, KeysDir],
) -> None:
    """A missing key is trouble that names what to do, and no crash."""
    _, db_path, keys = door
    keys.file("signing").unlink()
    with pytest.raises(KeysMissing, match="keys init"):
        sign(db_path, keys)
    notary = Notary(db_path, keys)
    async with running(notary):
        await until(lambda: notary.known.trouble is not None)
    assert "keys init" in (notary.known.trouble or "")


# ── places ─────────────────────────────────────────────────────────────────────────────────


async def test_a_place_that_was_away_gets_the_newest_head_only(
    door: tuple[EventStore, Path, KeysDir],
) -> None:
    """What failed is tried again, and heads that were overtaken are not sent any more."""
    store, db_path, keys = door
    clock, place = Clock(), MemoryPlace()
    place.fails = True
    notary = Notary(db_path, keys, [place], nudge=store.reader.nudge, monotonic=clock)
    async with running(notary):
        await until(lambda: notary.known.places[0].error is not None)
        assert notary.known.places[0].failing_since_us is not None
        await store.append(*OPENED)
        clock.now += 2
        await until(lambda: notary.known.signed == 3)
        place.fails = False
        await until(lambda: bool(place.heads))
    assert [head.size for head in place.heads] == [3]
    told = outside.read(db_path)
    assert told is not None
    assert (told.kept, told.places[0].error) == (3, None)


async def test_a_file_is_a_place(door: tuple[EventStore, Path, KeysDir], tmp_path: Path) -> None:
    """Heads are appended to a file, each one genuine, and read back at the next start."""
    store, db_path, keys = door
    nas = tmp_path / "nas"
    nas.mkdir()
    places = parse_places(f"file:{nas}/door.heads name=nas", db_path)
    async with running(Notary(db_path, keys, places, nudge=store.reader.nudge)):
        await until((nas / "door.heads").exists)
        await store.append(*OPENED)
    heads = heads_file.read_heads(nas / "door.heads")
    assert [head.size for head in heads] == [1, 3]
    assert all(public_key(keys).signs(head.note) for head in heads)


async def test_a_program_is_a_place(door: tuple[EventStore, Path, KeysDir], tmp_path: Path) -> None:
    """A program gets the note on its standard input, and its answer is kept by size."""
    _, db_path, keys = door
    program, got = tmp_path / "send", tmp_path / "got"
    program.write_text(f"#!/bin/sh\ncat > {got}\necho a receipt\n")
    program.chmod(0o700)
    async with running(Notary(db_path, keys, parse_places(f"exec:{program}", db_path))):
        await until((db_path.with_name("events.db.times") / "1").exists)
    assert head_of_bytes(got.read_bytes()).size == 1
    answer = db_path.with_name("events.db.times") / "1"
    assert answer.read_text() == "a receipt\n"


def head_of_bytes(data: bytes) -> SignedHead:
    """The head in these bytes."""
    (head,) = heads_file.heads_in(data)
    return head


async def test_a_witness_cosigns_over_http_and_the_journal_says_so(
    door: tuple[EventStore, Path, KeysDir], tmp_path: Path
) -> None:
    """A witness gets heads with proofs from its own size; its line comes back into the note."""
    store, db_path, keys = door
    witness = Witness(tmp_path / "seen", new_key("w.example/w", COSIGNS))
    witness.add(public_key(keys).encode())

    with served(witness) as connection:
        url = f"http://127.0.0.1:{connection.port}{PREFIX}"
        places = parse_places(
            f"witness:{url} {witness.key.encode()} every=0 name=neighbour", db_path
        )
        clock = Clock()
        notary = Notary(
            db_path, keys, places, append=store.append, nudge=store.reader.nudge, monotonic=clock
        )
        async with running(notary):
            await until(lambda: notary.known.witnessed >= 1)
            await store.append(*OPENED)
            clock.now += 2
            await until(lambda: notary.known.witnessed >= 4)
    note = keys.signed()
    assert note is not None
    assert witness.key.cosigned_at(note) is not None
    with closing(connect_reader(db_path)) as reader:
        kinds = [row.kind for row in journal.read_all(reader)]
    assert kinds.count("head_witnessed") == 1


async def test_a_fork_at_the_witness_stops_the_notary(
    door: tuple[EventStore, Path, KeysDir], tmp_path: Path
) -> None:
    """A log that was restored and grew otherwise is refused by the witness, and health is red."""
    store, db_path, keys = door
    witness = Witness(tmp_path / "seen", new_key("w.example/w", COSIGNS))
    witness.add(public_key(keys).encode())
    pair = keys.signing_keys()[0]
    with served(witness) as connection:
        url = f"http://127.0.0.1:{connection.port}{PREFIX}"
        places = parse_places(f"witness:{url} {witness.key.encode()} every=0", db_path)
        other = head_of_other(pair.name, 1)
        other = head_of(other.note.signed_also([pair.sign(other.note.text)]))
        assert witness.add_checkpoint(b"old 0\n\n" + other.note.encode()).status == 200
        notary = Notary(db_path, keys, places, nudge=store.reader.nudge)
        async with running(notary):
            await until(lambda: notary.known.trouble is not None)
    assert "known outside" in (notary.known.trouble or "")
    assert keys.signed() is None


def head_of_other(name: str, size: int) -> SignedHead:
    """An unsigned head of another log under this name."""
    return head_of(Note(head_text(name, size, b"\7" * 32), ()))


async def test_a_caller_may_wait_until_a_record_is_outside(
    door: tuple[EventStore, Path, KeysDir],
) -> None:
    """`witnessed` says whether an outside head covers a record; `head_line` is for an alert."""
    store, db_path, keys = door
    assert store.head_line() is None
    assert not await store.witnessed(1, 1)
    place = MemoryPlace()
    place.fails = True
    notary = Notary(db_path, keys, [place], nudge=store.reader.nudge)
    async with running(notary):
        await until(lambda: notary.known.places[0].error is not None)
        assert not await store.witnessed(1, 0.01)
        place.fails = False
        assert await store.witnessed(1, 20)
    line = store.head_line()
    assert line is not None
    assert line.startswith(f"evl1 {keys.log_id.hex()[:8]}/0 1 ")
