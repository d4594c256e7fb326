"""Power cuts and kills of the notary: no head that left is contradicted, and the next start signs.

A run with a notary is recorded and cut at every operation, as the store's own runs are; each
state that a cut can leave of the log, the tree, the heads beside it and the keys is opened by a
signer. Two runs that break a rule of signing on purpose show that the procedure would find it.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random, SystemRandom
from typing import NamedTuple

import pytest

from eventlog.errors import EventLogError
from eventlog.evidence import log_tree, proving
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.signing import HeadSigner
from eventlog.journal import table as journal
from eventlog.storage.connections import connect_reader
from tests.powercut import trace
from tests.powercut.disk import Disk, Files, identity
from tests.powercut.operations import Acknowledged, Operation, Sought
from tests.powercut.signing import KEYS, LOG, prepare

pytestmark = pytest.mark.skipif(trace.STRACE is None, reason="strace is not installed")

TIMEOUT_S = 300.0
STATES = 20_000


class Left(NamedTuple):
    """A head that has left: at which operation, and what it says."""

    at: int
    size: int
    root: str


class Look(NamedTuple):
    """What a signer found in a state: the last signed size, and the roots at the sizes asked."""

    signed: int
    roots: dict[int, str]
    wrong: str = ""


def command(folder: Path, acks: Path, seed: int, steps: int, fault: str = "none") -> list[str]:
    """What starts a run."""
    words = (folder, acks, seed, steps, fault)
    return [sys.executable, "-m", "tests.powercut.signing", *map(str, words)]


@contextmanager
def prepared() -> Iterator[Path]:
    """A folder with a log and its keys, in memory where the machine has some."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder in it is made by mkdtemp
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        folder = Path(name) / "run"
        (folder / "log").mkdir(parents=True)
        asyncio.run(prepare(folder))
        yield folder


def contents(folder: Path) -> Files:
    """The files in a folder, by path."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.endswith("-shm")
    }


def heads_left(operations: Sequence[Operation]) -> list[Left]:
    """The heads that have left, in order."""
    found = []
    for at, operation in enumerate(operations):
        if isinstance(operation, Acknowledged):
            _, _, size, root = operation.text.split()
            found.append(Left(at, int(size), root))
    return found


def look_at(folder: Path, sizes: Sequence[int]) -> Look:
    """Open what a cut has left, sign it, and answer what it says now."""
    path = folder / LOG
    try:
        with closing(connect_reader(path)) as connection:
            log_id = journal.log_id(connection)
        keys = KeysDir(folder / KEYS, log_id)
        with HeadSigner(path, keys) as signer:
            signed = 0 if signer.last is None else signer.last.size
            signer.read_to_end()
            signer.sign()
            with closing(connect_reader(path)) as connection:
                secret = proving.require_secret(connection)
                roots = {
                    size: log_tree.root_at(connection, secret, size).hex()
                    for size in sizes
                    if size <= signer.size
                }
    except EventLogError as error:
        return Look(0, {}, f"{type(error).__name__}: {error}")
    return Look(signed, roots)


def explored(seed: int, steps: int, fault: str = "none", every: int = 1) -> Counter[str]:
    """Record a run, and judge every state that a cut leaves: how many, and what is wrong."""
    logging.disable(logging.CRITICAL)
    found: Counter[str] = Counter()
    random = Random(seed)
    try:
        with prepared() as folder:
            acks = folder.parent / "acks"
            acks.touch()
            before = contents(folder)
            asked = command(folder, acks, seed, steps, fault)
            operations = trace.record(asked, folder, acks, timeout_s=TIMEOUT_S)
            given = heads_left(operations)
            found["heads"] = len(given)
            sizes = sorted({head.size for head in given})
            disk, looks = Disk(before), dict[bytes, Look]()
            for at, operation in enumerate(operations):
                disk.apply(operation)
                left = isinstance(operation, Acknowledged)
                if isinstance(operation, Sought) or (at % every and not left):
                    continue
                if fault != "none" and wrong(found):
                    break
                for files in disk.cuts(random, 2):
                    name = identity(files)
                    if name not in looks:
                        looks[name] = look_at(laid(folder.parent / "state", files), sizes)
                    found[judged(looks[name], [head for head in given if head.at <= at])] += 1
            found["states"] = len(looks)
    finally:
        logging.disable(logging.NOTSET)
    return found


def laid(folder: Path, files: Files) -> Path:
    """Put the files of a state into a folder."""
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "log").mkdir(parents=True)
    (folder / KEYS).mkdir(mode=0o700)
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o600)
    return folder


def judged(look: Look, left: Sequence[Left]) -> str:
    """What is wrong with a state, of which these heads have left; "" for nothing."""
    if look.wrong:
        return f"wrong: {look.wrong}"
    if any(head.size > look.signed for head in left):
        return "wrong: a head has left that `.signed` does not know"
    if any(look.roots.get(head.size) != head.root for head in left):
        return "wrong: a head has left that the log contradicts"
    return ""


def wrong(found: Counter[str]) -> list[str]:
    """The findings."""
    return [what for what in found if what.startswith("wrong")]


def test_no_power_cut_contradicts_a_head_that_has_left() -> None:
    """A short run: whatever a cut leaves of tree, heads, keys and log, the next start signs it."""
    found = explored(seed=3, steps=3, every=24)
    assert wrong(found) == []
    assert found["states"] > 100
    assert found["heads"] > 1


@pytest.mark.parametrize(("fault", "steps"), [("no-sync", 4), ("late", 2)])
def test_a_signer_that_breaks_a_rule_is_found_out(fault: str, steps: int) -> None:
    """Records that are not synced before they are signed are lost; so is a late `.signed`."""
    assert any(wrong(explored(seed, steps, fault, every=1000)) for seed in range(3, 8))


@pytest.mark.faults
def test_no_power_cut_of_many_runs_contradicts_a_head() -> None:
    """20,000 states of runs with both durabilities, unlocks and hundreds of records: 0 alarms."""
    first = SystemRandom().randrange(2**31)
    print(f"seeds {first} and up")  # noqa: T201 - a random test says its seed
    states = 0
    while states < STATES:
        found = explored(first, steps=6)
        assert wrong(found) == [], first
        states += found["states"]
        first += 1


# ── kills and a failing disk ───────────────────────────────────────────────────────────────

CALLS = ("openat", "write", "pwrite64", "fsync,fdatasync", "rename,renameat,unlink,ftruncate")
KILL = "signal=SIGKILL:when={n}"
REFUSED = ("error=EIO:when={n}", "error=ENOSPC:when={n}")
CALLS_MAX = 100
REFUSALS = 8


def cut_short(inject: str) -> tuple[int, str]:
    """Run with a fault in calls on the notary's files: its exit code, and what is wrong then."""
    with prepared() as folder:
        acks = folder.parent / "acks"
        acks.touch()
        files = [word for path in watched(folder) for word in ("-P", str(path))]
        done = subprocess.run(
            [
                *(trace.STRACE or "strace", "-f", "-qq", "-o", "/dev/null", *files),
                *("-e", f"inject={inject}", *command(folder, acks, 5, 3)),
            ],
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        lines = acks.read_text().splitlines()
        left = [Left(0, int(line.split()[2]), line.split()[3]) for line in lines]
        look = look_at(folder, sorted({head.size for head in left}))
        return done.returncode, judged(look, left)


def watched(folder: Path) -> list[Path]:
    """The notary's files: keys, tree, heads, and what it knows of its places."""
    log = folder / LOG
    with closing(connect_reader(log)) as connection:
        keys = KeysDir(folder / KEYS, journal.log_id(connection))
    beside = [log.with_name(log.name + ending) for ending in (".tree", ".heads", ".outside")]
    return [keys.path, *map(keys.file, ("signed", "secret", "signing", "ask")), *beside]


def test_a_notary_killed_at_some_calls_contradicts_no_head() -> None:
    """A few of the calls that `make faults` tries all of."""
    for inject in ("openat:signal=SIGKILL:when=9", "fsync,fdatasync:signal=SIGKILL:when=4"):
        code, found = cut_short(inject)
        assert (code != 0, found) == (True, "")


@pytest.mark.faults
@pytest.mark.parametrize("calls", CALLS)
def test_a_notary_killed_at_any_call_contradicts_no_head(calls: str) -> None:
    """Killed at each of its calls in turn: the next start signs what is there."""
    for number in range(1, CALLS_MAX):
        code, found = cut_short(f"{calls}:{KILL.format(n=number)}")
        assert found == "", number
        if code == 0:
            break
    else:
        pytest.fail(f"the notary makes more than {CALLS_MAX} calls")
    assert number > 1


@pytest.mark.faults
@pytest.mark.parametrize("fault", REFUSED)
@pytest.mark.parametrize("calls", CALLS)
def test_a_notary_that_the_disk_refuses_once_contradicts_no_head(calls: str, fault: str) -> None:
    """A call that fails is trouble that passes: no head leaves that the next start denies."""
    for number in range(1, REFUSALS + 1):
        _, found = cut_short(f"{calls}:{fault.format(n=number)}")
        assert found == "", number
