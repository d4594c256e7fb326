"""Honest histories raise no alarm: restarts, power cuts, kills, jumping clocks, rotations.

Each run is a random history of one log. A power cut takes every record that was neither synced
when it was acknowledged nor synced by the signer, tears the files that are never synced, and
nothing else. Whatever happens, the next start signs, and no two heads contradict each other.
"""

from __future__ import annotations

import os
import random
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from eventlog.errors import HeadContradicted
from eventlog.evidence import heads_file
from eventlog.evidence.keys import KeysDir, new_key
from eventlog.evidence.log_tree import root_at
from eventlog.evidence.proving import require_secret
from eventlog.evidence.signed_heads import SignedHead
from eventlog.evidence.signing import HeadSigner
from eventlog.journal.append import Append
from eventlog.storage import wal_file
from eventlog.storage.connections import connect_reader
from eventlog.storage.paths import heads_path, tree_path
from tests.evidence.signed_logs import make_keys
from tests.support import logs

RUNS = 1000
FEW_RUNS = 25
STEPS = 14
YEARS_10_US = 10 * 365 * 24 * 3_600_000_000
MADE = [msgspec.structs.replace(one, key=None) for one in logs.appends(40, seed=11)]


class History:
    """One log, and what a disk that keeps its promises would have of it."""

    def __init__(self, folder: Path, rng: random.Random) -> None:
        (folder / "log").mkdir(parents=True)
        self.rng = rng
        self.path = logs.build_log(folder / "log" / "events.db", 1, project=False)
        self.keys: KeysDir = make_keys(self.path, folder / "keys")
        self.outside: list[SignedHead] = []
        self.end = self.durable = self._end()

    def _end(self) -> int:
        with closing(connect_reader(self.path)) as connection:
            (end,) = connection.execute("SELECT max(position) FROM journal").fetchone()
        return int(end)

    def append(self, *, durable: bool) -> None:
        """Some appends; the head file says how far durable ones reach."""
        some: list[Append] = self.rng.sample(MADE, self.rng.randint(1, 12))
        jump = self.rng.choice([0, 0, 0, YEARS_10_US, -YEARS_10_US])
        with logs.writing(self.path) as connection:
            at = logs.T0_US + self.end * 1000 + jump
            some = [msgspec.structs.replace(one, appended_at_us=at) for one in some]
            self.end = logs.put(connection, some).position
            if durable:
                self.durable = self.end
            logs.write_head(self.path, connection, durable=self.durable)

    def sign(self) -> None:
        """Sign, and keep the head outside."""
        with HeadSigner(self.path, self.keys) as signer:
            signer.read_to_end()
            self.outside.append(signer.sign())

    def sign_partly(self) -> None:
        """The notary reads some records on and is killed before it signs."""
        with HeadSigner(self.path, self.keys) as signer:
            signer.read_on(limit=self.rng.randint(1, 40))

    def power_cut(self) -> None:
        """What was not synced is lost; files that are never synced are torn."""
        with logs.guards_down(self.path) as connection:
            connection.execute("DELETE FROM journal WHERE position > ?", (self.durable,))
            logs.write_head(self.path, connection)
        self.end = self.durable
        for torn in (tree_path(self.path), heads_path(self.path)):
            if torn.exists():
                size = torn.stat().st_size
                os.truncate(torn, self.rng.randint(0, size))
                if self.rng.random() < 0.5:
                    with torn.open("ab") as file:
                        file.write(self.rng.randbytes(self.rng.randint(0, 70)))

    def lose_a_file(self) -> None:
        """A file that may be deleted is."""
        self.rng.choice([tree_path(self.path), heads_path(self.path)]).unlink(missing_ok=True)

    def rotate(self) -> None:
        """A new key next to the old one, or the end of a rotation."""
        pairs = self.keys.signing_keys()
        if len(pairs) > 1:
            self.sign()  # as `keys rotate --finish` does
            self.keys.write_signing_keys(pairs[:1])
        else:
            self.keys.write_signing_keys([new_key(pairs[0].name), pairs[0]])

    def check(self) -> None:
        """Every head that is outside, and the one next to the keys, is one of this log's."""
        with closing(connect_reader(self.path)) as connection:
            secret = require_secret(connection)
            for head in self.outside:
                assert head.size <= self.end
                assert root_at(connection, secret, head.size) == head.root
        for head in heads_file.read_heads(heads_path(self.path)):
            same = [one for one in self.outside if one.size == head.size]
            assert all(one.root == head.root for one in same)


@pytest.fixture
def synced(monkeypatch: pytest.MonkeyPatch) -> list[History]:
    """The history whose WAL the signer syncs: what is synced is durable from then on."""
    current: list[History] = []

    def sync(_: Path) -> None:
        current[0].durable = current[0].end

    monkeypatch.setattr(wal_file, "sync", sync)
    # What a disk would keep is this test's own affair: waiting for a real one shows nothing.
    monkeypatch.setattr(os, "fsync", lambda _: None)
    return current


def live(folder: Path, seed: int, synced: list[History]) -> None:
    """One history, from its beginning to a last signed head."""
    history = History(folder, random.Random(seed))
    synced[:] = [history]
    steps = (
        lambda: history.append(durable=True),
        lambda: history.append(durable=False),
        lambda: history.append(durable=False),
        history.sign,
        history.sign,
        history.sign_partly,
        history.power_cut,
        history.lose_a_file,
        history.rotate,
    )
    for _ in range(STEPS):
        history.rng.choice(steps)()
    history.sign()
    history.check()


def test_some_honest_histories_raise_no_alarm(tmp_path: Path, synced: list[History]) -> None:
    """No power cut, restart, clock or rotation makes a head that the log contradicts."""
    for seed in range(FEW_RUNS):
        live(tmp_path / str(seed), seed, synced)


@pytest.mark.faults
def test_a_thousand_honest_histories_raise_no_alarm(tmp_path: Path, synced: list[History]) -> None:
    """1,000 of them: 0 alarms, 0 heads that contradict each other."""
    for seed in range(RUNS):
        live(tmp_path / str(seed), seed, synced)


def test_the_test_would_find_a_signer_that_does_not_sync(
    tmp_path: Path, synced: list[History], monkeypatch: pytest.MonkeyPatch
) -> None:
    """If relaxed records were signed without a sync, a power cut would contradict a head."""
    monkeypatch.setattr(wal_file, "sync", lambda _: None)
    failed = 0
    for seed in range(FEW_RUNS):
        try:
            live(tmp_path / str(seed), seed, synced)
        except (AssertionError, HeadContradicted):
            failed += 1
    assert failed > 0
