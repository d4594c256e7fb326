"""What holds of signing whatever happens: no append waits for it, and lost caches lose no proof."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from eventlog import EventStore
from eventlog.evidence.keys import KeyPair, KeysDir, new_key
from eventlog.evidence.note import COSIGNS
from eventlog.evidence.signing import HeadSigner
from eventlog.evidence.witness_server import PREFIX
from eventlog.evidence.witnesses import Witness, encode_submission
from eventlog.facts import Ding, Fact, UnlockAction
from eventlog.reactors.head_places import WitnessPlace
from eventlog.reactors.notary import Notary
from tests.cli.command_line import CommandLine
from tests.evidence.signed_logs import make_keys, public_key, signed_log, stranger
from tests.evidence.test_witnesses import NAME, FakeLog, served
from tests.storage.test_side_files import KINDS
from tests.support import logs

VISIT: list[Fact] = [
    Ding(camera_id="front_door", recorded_at=logs.T0),
    UnlockAction(granted=True, door_action="unlocked"),
]
PATIENCE_S = 60.0


@pytest.mark.anyio
async def test_no_append_waits_for_a_notary_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its signer is stuck on a disk that does not answer: appends are acknowledged all the same."""
    (tmp_path / "log").mkdir()
    db_path = tmp_path / "log" / "events.db"
    stuck, free = threading.Event(), threading.Event()

    def hang(*_: object, **__: object) -> object:
        stuck.set()
        free.wait(PATIENCE_S)
        raise OSError("the disk is gone")

    async with EventStore(str(db_path), str(tmp_path / "thumbnails")) as store:
        await store.append(*VISIT)
        keys = make_keys(db_path, tmp_path / "keys")
        monkeypatch.setattr(HeadSigner, "_make_durable", hang)
        notary = Notary(db_path, keys, nudge=store.reader.nudge)
        following = asyncio.create_task(notary.run())
        try:
            assert await asyncio.to_thread(stuck.wait, PATIENCE_S)
            async with asyncio.timeout(PATIENCE_S):
                receipts = await asyncio.gather(*(store.append(*VISIT) for _ in range(50)))
            assert not free.is_set()
            assert len({receipt.positions for receipt in receipts}) == 50
            assert notary.known.signed == 0
        finally:
            monkeypatch.undo()
            free.set()
            following.cancel()
            await asyncio.wait([following])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.anyio
async def test_no_append_looks_at_the_tree_or_the_heads(
    tmp_path: Path, kind: Callable[[Path], None]
) -> None:
    """Whatever lies in their places, a store opens, appends and closes."""
    db_path = tmp_path / "events.db"
    for ending in (".tree", ".heads", ".outside"):
        (tmp_path / "victim").unlink(missing_ok=True)
        kind(db_path.with_name(db_path.name + ending))
    async with EventStore(str(db_path), str(tmp_path / "thumbnails")) as store:
        receipt = await store.append(*VISIT)
    assert receipt.positions == (1, 2)


def test_lost_tree_and_heads_lose_no_proof(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every record is proved again, under the same head; the file beside the keys is enough."""
    db_path, keys, head = signed_log(tmp_path, 300)
    line = CommandLine(capsys, db_path, keys_dir=keys.path)
    before = {}
    for position in (1, 255, 256, 257, 300):
        assert line("prove", position, "--into", tmp_path).code == 0
        file = tmp_path / f"record-{position}.tlog-proof"
        before[position] = file.read_bytes()
        file.unlink()
    for ending in (".tree", ".heads", ".outside"):
        db_path.with_name(db_path.name + ending).unlink(missing_ok=True)
    for position, proof in before.items():
        said = line("prove", position, "--into", tmp_path)
        assert said.code == 0, said.err
        file = tmp_path / f"record-{position}.tlog-proof"
        assert file.read_bytes() == proof
        answer = stranger("proof", "--key", public_key(keys).encode(), file)
        assert answer.stdout.startswith(f"TRUE: record {position} of {head.origin}")


KILLED = """
import os, signal, sys
from collections.abc import Callable
from pathlib import Path
from eventlog.evidence import witnesses
from eventlog.evidence.keys import KeysDir

keep = witnesses.replace

def keep_and_die(path, content):
    keep(path, content)
    os.kill(os.getpid(), signal.SIGKILL)

keys = KeysDir(Path(sys.argv[1]), bytes(16))
witness = witnesses.Witness(keys.seen, keys.witness_key())
witnesses.replace = keep_and_die
witness.add_checkpoint(sys.stdin.buffer.read())
"""


def cut_off(folder: Path, body: bytes) -> int:
    """A witness in a process of its own that is killed when it has kept the head."""
    return subprocess.run(
        [sys.executable, "-c", KILLED, str(folder)],
        input=body,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    ).returncode


def test_a_witness_killed_between_keeping_and_answering_cosigns_at_the_next_try(
    tmp_path: Path,
) -> None:
    """The log's owner tries again and gets the cosignature; another history still gets none."""
    keys = KeysDir(tmp_path / "keys", bytes(16))
    keys.path.mkdir(mode=0o700)
    pair: KeyPair = keys.make_witness_key(NAME)
    log = FakeLog(new_key(str(NAME)))
    forked = FakeLog(log.pair, salt=b"another")
    Witness(keys.seen, pair).add(log.pair.public.encode())
    for old, size in ((0, 5), (5, 9)):
        assert cut_off(keys.path, encode_submission(log.submission(old, size))) == -9
        after = Witness(keys.seen, pair)
        kept = after.newest(str(NAME))
        assert kept is not None
        assert kept.note.text == log.head(size).note.text
        with served(after) as connection:
            place = WitnessPlace(
                name="w",
                url=f"http://127.0.0.1:{connection.port}{PREFIX}",
                key=pair.public,
                every_s=0,
            )

            def prove_from(at: int, size: int = size) -> list[bytes]:
                return list(log.submission(at, size).path)

            lines = place.take(log.head(size), prove_from)
        assert pair.public.type == COSIGNS
        assert len(lines) == 1
        assert after.submit(forked.submission(size, size + 1)).status in {409, 422}
