"""The signer, killed at every call that changes a file: the next start goes on, and signs.

A child process signs and hands the head to a file; before or after its n-th changing call it ends
without a word, as a kill would end it. n runs until the child comes through.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from eventlog.evidence import heads_file
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.log_tree import root_at
from eventlog.evidence.proving import require_secret
from eventlog.evidence.signed_heads import SignedHead, head_of
from eventlog.evidence.signing import HeadSigner
from eventlog.reactors.head_places import FilePlace
from eventlog.storage.connections import connect_reader
from tests.evidence.signed_logs import make_keys, sign
from tests.support import logs

CHANGING: Final = (
    *("open", "write", "pwrite", "fsync", "fdatasync", "rename", "replace", "unlink"),
    *("ftruncate", "link"),
)
THROUGH: Final = 0
KILLED: Final = 9
CALLS_MAX: Final = 200


def doomed(work: Callable[[], None], at: int, *, after: bool) -> int:
    """Run work in a child that dies at its n-th changing call; its exit code."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:  # pragma: no cover - the child is not measured
        count = 0

        def counted(real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **kwargs: Any) -> Any:
                nonlocal count
                count += 1
                mine = count
                if mine == at and not after:
                    os._exit(KILLED)
                try:
                    return real(*args, **kwargs)
                finally:
                    if mine == at:
                        os._exit(KILLED)

            return call

        for name in CHANGING:
            setattr(os, name, counted(getattr(os, name)))
        work()
        os._exit(THROUGH)
    except BaseException:  # noqa: BLE001 - the child must never come back into the tests
        os._exit(1)


def grow(path: Path, seed: int) -> None:
    """Some records more."""
    with logs.writing(path) as connection:
        made = [msgspec.structs.replace(one, key=None) for one in logs.appends(120, seed)]
        logs.put(connection, made)
        logs.write_head(path, connection, durable=0)


def outside_of(place: FilePlace, name: str) -> list[SignedHead]:
    """The heads that have left."""
    return [head for head in heads_file.read_heads(place.path) if head.origin == name]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.faults)])
def test_a_signer_killed_at_any_call_contradicts_no_head(
    tmp_path: Path, *, after: bool, step: int
) -> None:
    """No head leaves before `.signed` has it, and every start after a kill signs what is there."""
    (tmp_path / "log").mkdir()
    path = logs.build_log(tmp_path / "log" / "events.db", 3)
    keys: KeysDir = make_keys(path, tmp_path / "keys")
    place = FilePlace(name="nas", path=tmp_path / "nas.heads")
    sign(path, keys)

    def work() -> None:
        with HeadSigner(path, keys) as signer:
            signer.read_to_end()
            head = signer.sign()
            place.take(head, lambda _: [])
            signer.add_signatures(head.note)

    for call in range(1, CALLS_MAX, step):
        grow(path, call)
        code = doomed(work, call, after=after)
        name = keys.signing_keys()[0].name
        signed = keys.signed()
        assert signed is not None
        left = outside_of(place, name)
        assert all(head.size <= head_of(signed).size for head in left)
        newest = sign(path, keys)
        with closing(connect_reader(path)) as connection:
            secret = require_secret(connection)
            for head in [*left[-2:], newest]:
                assert root_at(connection, secret, head.size) == head.root
        assert not list(keys.path.glob("*.lock.*"))
        if code == THROUGH:
            break
        assert code == KILLED
    else:
        pytest.fail(f"the work makes more than {CALLS_MAX} calls")
    assert call > 10
