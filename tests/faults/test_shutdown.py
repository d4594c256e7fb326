"""Every way to end: what was answered is there, who waited is answered, the process is gone.

SIGTERM, Ctrl-C, a task that crashes, a store that nobody closed: no thread keeps the process
alive, and a stop that was not clean is a fact at the next start.
"""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import threading
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import NoReturn

import pytest

from eventlog import codecs
from eventlog.errors import DatabaseError, StoreClosed
from eventlog.facts import PersonNamed, UncleanStop
from eventlog.followers.projector import Projector
from eventlog.journal import table as journal
from eventlog.maintenance.verify.log import verify
from eventlog.record import Receipt
from eventlog.storage.connections import connect_reader
from eventlog.store.event_store import EventStore

CHECKOUT = Path(__file__).resolve().parents[2]
END_S = 5.0

# 64 callers append without end; each answer goes out, and each caller's last word. What ends by
# itself does so when a hundred answers are out.
PIPELINE = """
import asyncio, json, signal, sys
from datetime import UTC, datetime
from eventlog.facts import Motion
from eventlog.store.event_store import EventStore

busy = asyncio.Event()

def say(*words):
    print(json.dumps(words), flush=True)

async def caller(store, name):
    number = 0
    try:
        while True:
            now = datetime(2026, 2, 25, tzinfo=UTC)
            key = f"{name}:{number}"
            receipt = await store.append(Motion(camera_id="door", recorded_at=now), key=key)
            say("append", key, receipt.positions[0])
            number += 1
            if receipt.positions[0] >= 100:
                busy.set()
    except BaseException as error:
        say("last", name, type(error).__name__)
        raise

async def crash():
    await busy.wait()
    raise RuntimeError("a task of the pipeline crashed")

async def pipeline(path, crashes):
    async with EventStore(path, path + ".thumbnails") as store:
        say("ready")
        async with asyncio.TaskGroup() as tasks:
            for name in range(64):
                tasks.create_task(caller(store, name))
            if crashes:
                tasks.create_task(crash())

async def unclosed(path):
    store = EventStore(path, path + ".thumbnails")
    await store.initialize()
    say("ready")
    callers = [asyncio.create_task(caller(store, name)) for name in range(64)]
    await busy.wait()
    global kept
    kept = store, callers

async def main(path, how):
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    await (unclosed(path) if how == "unclosed" else pipeline(path, how == "crash"))

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""


class Ended:
    """A pipeline that has ended: its answers by key, its callers' last words, its complaints."""

    def __init__(self, path: Path, how: str, stop: signal.Signals | None) -> None:
        """Run it until it is stopped, or ends by itself; that takes at most END_S."""
        command = [sys.executable, "-c", PIPELINE, str(path), how]
        complaints = path.with_name("complaints")
        with (
            complaints.open("w") as errors,
            subprocess.Popen(
                command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=errors, text=True
            ) as process,
        ):
            assert process.stdout is not None
            lines = []
            if stop is not None:
                lines = list(islice(process.stdout, 200))
                process.send_signal(stop)
            # communicate() would read past what is buffered here already.
            too_late = threading.Timer(END_S, process.kill)
            too_late.start()
            lines += process.stdout
            self.code = process.wait()
            too_late.cancel()
        self.complaints = complaints.read_text()
        killed = self.code == -signal.SIGKILL
        assert killed is (stop is signal.SIGKILL), f"it did not end within {END_S} s"
        said = [json.loads(line) for line in lines]
        self.answers = {words[1]: words[2] for words in said if words[0] == "append"}
        self.last_words = {words[1]: words[2] for words in said if words[0] == "last"}
        assert self.answers

    def require_all_there(self, path: Path) -> None:
        """What was acknowledged is in the journal, and the log is undamaged."""
        with closing(connect_reader(path)) as connection:
            positions = {row.key: row.position for row in journal.read_all(connection)}
        for key, position in self.answers.items():
            assert positions[key] == position
        assert verify(path).findings == ()


def unclean_stops(path: Path) -> int:
    """How many unclean stops are in the journal."""
    with closing(connect_reader(path)) as connection:
        facts = [codecs.decode_record(row).fact for row in journal.read_all(connection)]
    return sum(isinstance(fact, UncleanStop) for fact in facts)


@pytest.mark.usefixtures("signals_by_default")
@pytest.mark.parametrize(
    ("how", "stop", "last_word"),
    [
        ("run", signal.SIGTERM, "CancelledError"),
        ("run", signal.SIGINT, "CancelledError"),
        ("crash", None, "CancelledError"),
    ],
)
def test_a_pipeline_that_is_stopped_ends_soon_and_keeps_its_word(
    tmp_path: Path, how: str, stop: signal.Signals | None, last_word: str
) -> None:
    """SIGTERM, Ctrl-C or a crash: 64 callers each hear something, and the stop is a clean one."""
    path = tmp_path / "events.db"
    ended = Ended(path, how, stop)
    assert ended.code != 0
    assert ended.last_words == dict.fromkeys(range(64), last_word)
    assert not list(tmp_path.glob("events.db.open-*"))
    assert not list(tmp_path.glob("events.db-wal"))
    ended.require_all_there(path)


def test_a_store_that_nobody_closed_keeps_no_process_alive(tmp_path: Path) -> None:
    """The interpreter exits while its threads run; the next start records an unclean stop."""
    path = tmp_path / "events.db"
    ended = Ended(path, "unclosed", None)
    assert ended.code == 0
    assert "Fatal" not in ended.complaints
    ended.require_all_there(path)
    asyncio.run(open_and_close(path))
    assert unclean_stops(path) == 1
    asyncio.run(open_and_close(path))
    assert unclean_stops(path) == 1


def test_a_killed_process_is_told_of_once_at_the_next_start(tmp_path: Path) -> None:
    """Kill -9: what was answered is there, and one unclean stop is a fact."""
    path = tmp_path / "events.db"
    ended = Ended(path, "run", signal.SIGKILL)
    ended.require_all_there(path)
    asyncio.run(open_and_close(path))
    asyncio.run(open_and_close(path))
    assert unclean_stops(path) == 1


async def open_and_close(path: Path) -> None:
    """A start and a clean stop."""
    async with EventStore(str(path), str(path) + ".thumbnails"):
        pass


@pytest.mark.anyio
async def test_whoever_waits_at_a_close_is_answered(tmp_path: Path) -> None:
    """Thousands of appends wait when the store is closed: each gets its receipt or StoreClosed."""
    store = EventStore(str(tmp_path / "events.db"), str(tmp_path / "thumbnails"))
    await store.initialize()
    facts = [PersonNamed(name="anna")] * 3
    waiting = [asyncio.create_task(store.append(*facts, durability="relaxed")) for _ in range(6000)]
    await asyncio.sleep(0)
    await store.close()
    async with asyncio.timeout(END_S):
        answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(answer) for answer in answers} <= {Receipt, StoreClosed}
    with closing(connect_reader(tmp_path / "events.db")) as connection:
        end = journal.last_position(connection)
    assert end == 3 * sum(isinstance(answer, Receipt) for answer in answers)


@pytest.mark.anyio
async def test_a_projector_that_died_leaves_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Callers that wait for the views get an error; appends continue, and the store closes."""

    async def die(_: Projector) -> NoReturn:
        raise MemoryError

    store = EventStore(str(tmp_path / "events.db"), str(tmp_path / "thumbnails"))
    await store.initialize()
    with monkeypatch.context() as patched:
        patched.setattr(Projector, "run_once", die)
        receipt = await store.append(PersonNamed(name="anna"))
        with pytest.raises(DatabaseError):
            async with asyncio.timeout(END_S):
                await store.caught_up(receipt.positions[-1])
        await store.append(PersonNamed(name="bert"))
    async with asyncio.timeout(END_S):
        await store.close()
    async with store:
        await store.caught_up(2)
