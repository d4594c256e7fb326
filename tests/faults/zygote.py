"""Runs the cycle again and again in children of one warm process, each under its own strace.

    python -m tests.faults.zygote

reads a job as a line of JSON, runs it, opens what it left in a further child, and answers with a
line of JSON. Starting Python for every run would take longer than the run itself.
"""

from __future__ import annotations

import asyncio
import atexit
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from eventlog import codecs
from eventlog.facts import Motion
from eventlog.followers import compare as replay_check
from eventlog.journal import table as journal
from eventlog.storage.connections import connect_reader
from eventlog.storage.paths import head_path
from eventlog.store.event_store import EventStore
from tests.faults.cycle import BACKUP, DB, PICTURES, Part, facts_of, key_of, run_part
from tests.powercut.looks import chain_error, view_rows

TRACED: Final = (
    "write,pwrite64,pwritev2,fsync,fdatasync,ftruncate,fallocate,rename,renameat,renameat2,link,linkat"
    ",unlink,unlinkat"
)
# A cycle takes a fifth of a second; one that waits for a lock nobody holds would take five.
TIMEOUT_S: Final = 60.0


class Job(NamedTuple):
    """What to inject, as strace's option has it, into which part, and for calls on which files.

    Without files, for calls on any. The whole cycle has been through before a part of it begins.
    """

    part: Part
    inject: str
    files: list[str]


class Answer(NamedTuple):
    """What came of a job: what the cycle said, what is wrong, and the calls of a dry run."""

    said: list[str]
    wrong: list[str]
    calls: list[tuple[str, str, str]]  # thread, call, path


def run(job: Job) -> Answer:
    """Run the cycle with one fault, and look at what it leaves."""
    with tempfile.TemporaryDirectory(dir=_memory()) as name:
        folder = Path(name) / "log"
        acks, output = Path(name) / "acks", Path(name) / "strace"
        acks.touch()
        said: list[str] = []
        if job.part == "cycle":
            folder.mkdir()
        else:
            before, lines = _prepared()
            shutil.copytree(before, folder)
            said = [*lines]
        started = time.monotonic()
        status = _traced(lambda: run_part(job.part, folder, acks), job, folder, output)
        took_s = time.monotonic() - started
        said += acks.read_text().splitlines()
        wrong = [line for line in said if line.startswith("raised")]
        if took_s > TIMEOUT_S:
            wrong.append(f"the cycle took {took_s:.0f} s")
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) != signal.SIGKILL:
            wrong.append(f"the cycle died of signal {os.WTERMSIG(status)}")
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0:
            wrong.append(f"the cycle ended with {os.WEXITSTATUS(status)}")
        found = Path(name) / "found"
        if _fork(lambda: found.write_text(json.dumps(look(folder, said)))) != 0:
            wrong.append("looking at what was left failed")
        else:
            wrong += json.loads(found.read_text())
        calls = [] if job.inject else _calls(output, folder)
        return Answer(said, wrong, calls)


@cache
def _prepared() -> tuple[Path, list[str]]:
    """A log that has been through the whole cycle, without its backup, and what the cycle said."""
    home = Path(tempfile.mkdtemp(dir=_memory()))
    atexit.register(shutil.rmtree, home, ignore_errors=True)
    folder, acks = home / "log", home / "acks"
    folder.mkdir()
    if _fork(lambda: run_part("cycle", folder, acks)) != 0:
        raise SystemExit("the cycle failed without a fault")
    for path in (folder / BACKUP, head_path(folder / BACKUP)):
        path.unlink()
    return folder, [line for line in acks.read_text().splitlines() if line != "backup"]


# ── what is left ───────────────────────────────────────────────────────────────────────────


def look(folder: Path, said: list[str]) -> list[str]:
    """What is wrong with a log that a fault left: open it plainly, retry everything, compare."""
    logging.disable(logging.CRITICAL)
    try:
        return asyncio.run(_look(folder, said))
    except Exception as error:  # noqa: BLE001 - whatever the product raises is a finding
        return [f"opening it again raised {type(error).__name__}: {error}"]


async def _look(folder: Path, said: list[str]) -> list[str]:
    wrong = []
    acked = [line.split(" ") for line in said]
    async with EventStore(str(folder / DB), str(folder / PICTURES)) as store:
        for words in acked:
            if words[0] == "append":
                known = await store.receipt(key_of(int(words[1])))
                if known is None or [known.positions[0], known.event_id] != list(
                    map(int, words[2:])
                ):
                    wrong.append(f"{' '.join(words)} was acknowledged; its receipt is {known}")
            elif words[0] == "event" and await store.get_event(int(words[1])) is None:
                wrong.append(f"event {words[1]} was acknowledged and is not there")
        for number in range(4):  # the retry of a caller that died, or gave up
            await store.append(*facts_of(number), key=key_of(number))
        await store.caught_up(await store.reader.last_position())
        before = await store.reader.run(view_rows)
        await store.replay()
        if await store.reader.run(view_rows) != before:
            wrong.append("the views differ from a replay of them")
    wrong += [f"the views are wrong: {found}" for found in replay_check.check(folder / DB)]
    wrong += _look_at_journal(folder / DB)
    wrong += [
        f"the picture {words[1]} was acknowledged and is not whole"
        for words in acked
        if words[0] == "picture" and _sha256(folder / words[1]) != words[2]
    ]
    if ["backup"] in acked:
        wrong += _look_at_journal(folder / BACKUP, whole=False)
    return wrong


def _sha256(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _look_at_journal(path: Path, *, whole: bool = True) -> list[str]:
    with closing(connect_reader(path)) as connection:
        wrong = [str(row) for row in connection.execute("PRAGMA integrity_check")]
        wrong = [] if wrong == ["('ok',)"] else wrong
        rows = list(journal.read_all(connection))
        if chain_error(journal.log_id(connection), rows):
            wrong.append("the chain is broken")
        facts = [codecs.decode_record(row).fact for row in rows]
        ids = [fact.recording_id for fact in facts if isinstance(fact, Motion)]
        numbers = sorted(number for number in ids if number is not None)
        if whole and numbers != ["0", "1", "2", "3"]:
            wrong.append(f"the appends stand there as {numbers}")
        return wrong


# ── processes ──────────────────────────────────────────────────────────────────────────────


def _traced(child: Callable[[], object], job: Job, folder: Path, output: Path) -> int:
    """Fork, attach strace to the child, let it go, and answer its status."""
    ready, go = os.pipe()
    pid = os.fork()
    if pid == 0:
        _run_child(lambda: (os.read(ready, 1), child()))
    command = ["strace", "-f", "-y", "-e", "signal=none", "-o", str(output), "-p", str(pid)]
    command += ["-e", f"trace={TRACED}"]
    command += ["-e", f"inject={job.inject}"] if job.inject else []
    for name in job.files:
        command += ["-P", str(folder / name)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as strace:
        if strace.stderr is not None:
            while "attached" not in strace.stderr.readline():
                pass
        os.write(go, b"x")
        _, status = os.waitpid(pid, 0)
    os.close(ready)
    os.close(go)
    return status


def _fork(child: Callable[[], object]) -> int:
    pid = os.fork()
    if pid == 0:
        _run_child(child)
    return os.waitpid(pid, 0)[1]


def _run_child(child: Callable[[], object]) -> None:
    try:
        child()
    except BaseException as error:  # noqa: BLE001 - a forked child must end here
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        os._exit(1)
    os._exit(0)


_CALL: Final = re.compile(r"(\d+) +(\w+)\((?:(?:AT_FDCWD|\d+)<([^>]*)>)?(?:, )?(?:\"([^\"]*)\")?")


def _calls(output: Path, folder: Path) -> list[tuple[str, str, str]]:
    """Each call on the log's folder: the thread, the call, and the file's name."""
    found = []
    for line in output.read_text(errors="replace").splitlines():
        match = _CALL.match(line)
        if match and str(folder) in line:
            name = match[4] if match[2][:2] in {"re", "li", "un"} else match[3]
            found.append((match[1], match[2], Path(name or "").name))
    return found


def _memory() -> str | None:
    memory = Path("/dev/shm")  # noqa: S108 - the folder in it is made by mkdtemp
    return str(memory) if memory.is_dir() else None


def main() -> None:
    """Work off jobs until there are no more."""
    logging.disable(logging.CRITICAL)
    for line in sys.stdin:
        answer = run(Job(*json.loads(line)))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
