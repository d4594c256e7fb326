"""Eleven attacks on a log by somebody who may write every file of it, and lacks the signing key.

Each forged log is chained anew, with a head file that agrees, and without tree file and local
heads: the chain alone finds none of them. Up to the last head that was kept outside, every one is
found; behind it, none is claimed to be.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from eventlog.errors import EvidenceError
from eventlog.evidence.keys import KeysDir
from eventlog.evidence.signed_heads import SignedHead, parse_line
from eventlog.maintenance.verify.evidence import Evidence
from eventlog.maintenance.verify.findings import Report
from eventlog.maintenance.verify.log import verify
from eventlog.record import StoredRecord
from eventlog.storage.paths import head_path
from tests.evidence.signed_logs import make_keys, public_key, sign, signed_log
from tests.support import logs

SEEDS = 200
FEW_SEEDS = 8
Rows = list[StoredRecord]
Attack = Callable[[Rows, random.Random, int], None]


def edit(rows: Rows, rng: random.Random, last: int) -> None:
    """Change what a record says."""
    at = rng.randrange(last)
    flipped = bytearray(rows[at].body)
    flipped[-1] ^= 1
    rows[at] = rows[at]._replace(body=bytes(flipped))


def delete(rows: Rows, rng: random.Random, last: int) -> None:
    """Take a record away; those behind it move up."""
    del rows[rng.randrange(last)]
    renumber(rows)


def delete_and_fill(rows: Rows, rng: random.Random, last: int) -> None:
    """Take a record away, and put a harmless one in at the end."""
    del rows[rng.randrange(last)]
    rows.append(rows[-1])
    renumber(rows)


def insert(rows: Rows, rng: random.Random, last: int) -> None:
    """Put a record in that never was."""
    at = rng.randrange(last)
    rows.insert(at, rows[rng.randrange(len(rows))]._replace(key=None))
    renumber(rows)


def swap(rows: Rows, rng: random.Random, last: int) -> None:
    """Exchange two records, each with another time."""
    first, second = rng.sample(range(last), 2)
    rows[first], rows[second] = (
        rows[second]._replace(appended_at=rows[first].appended_at),
        rows[first]._replace(appended_at=rows[second].appended_at + 1),
    )
    renumber(rows)


def backdate(rows: Rows, rng: random.Random, last: int) -> None:
    """Give a record another time."""
    at = rng.randrange(last)
    rows[at] = rows[at]._replace(appended_at=rows[at].appended_at - 3_600_000_000)


def another_person(rows: Rows, rng: random.Random, last: int) -> None:
    """Put another name of the same length into a record."""
    named = [
        at
        for at in range(last)
        if b"anna" in rows[at].body and rows[at].kind in {"face_result", "unlock_action"}
    ]
    at = rng.choice(named) if named else 0
    body = rows[at].body.replace(b"anna", b"anne", 1) if named else rows[at].body + b"\0"
    rows[at] = rows[at]._replace(body=body)


def cut(rows: Rows, rng: random.Random, last: int) -> None:
    """Cut the tail, into what was signed."""
    del rows[rng.randrange(1, last) :]


def old_copy(rows: Rows, rng: random.Random, last: int) -> None:
    """Put an old copy back: the same as a cut, and the old head file with it."""
    del rows[last // 2 + rng.randrange(2) :]


def old_copy_and_forged_rows(rows: Rows, rng: random.Random, last: int) -> None:
    """Put an old copy back, and let other records grow on it."""
    size = len(rows)
    del rows[rng.randrange(1, last) :]
    while len(rows) < size:
        rows.append(rows[-1]._replace(position=len(rows) + 1, key=None))


def another_log(rows: Rows, rng: random.Random, last: int) -> None:
    """Put another log's records under this log's id."""
    assert last
    for at, row in enumerate(rows):
        rows[at] = row._replace(appended_at=row.appended_at + rng.randrange(1, 10**9))


ATTACKS: tuple[Attack, ...] = (
    edit,
    delete,
    delete_and_fill,
    insert,
    swap,
    backdate,
    another_person,
    cut,
    old_copy,
    old_copy_and_forged_rows,
    another_log,
)


def renumber(rows: Rows) -> None:
    """Positions without a hole; no key twice."""
    keys = set()
    for at, row in enumerate(rows):
        key = None if row.key in keys else row.key
        keys.add(row.key)
        rows[at] = row._replace(position=at + 1, key=key)


class Victim:
    """A log with a head outside over its first part, and records behind that head."""

    def __init__(self, folder: Path) -> None:
        self.db_path, self.keys, self.head = signed_log(folder, 12)
        with logs.writing(self.db_path) as connection:
            made = [one for one in logs.appends(6, seed=9) if one.key is None]
            self.end = logs.put(connection, made).position
            logs.write_head(self.db_path, connection)
        self.db_path.with_name("events.db.tree").unlink()
        self.db_path.with_name("events.db.heads").unlink()

    def copied(self, folder: Path) -> Path:
        """A copy to be forged."""
        path = folder / "events.db"
        shutil.copy(self.db_path, path)
        shutil.copy(head_path(self.db_path), head_path(path))
        return path


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Victim:
    """One log for all attacks."""
    return Victim(tmp_path_factory.mktemp("victim"))


def evidence(keys: KeysDir, head: SignedHead) -> Evidence:
    """A head that was kept outside, and the key that signs it."""
    return Evidence(heads=(("nas", head),), keys=(public_key(keys),))


def of_evidence(report: Report) -> list[str]:
    """What was found by heads."""
    return [finding.what for finding in report.findings if "signed" in finding.what]


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_every_attack_below_the_last_outside_head_is_found(
    attack: Attack, victim: Victim, tmp_path: Path
) -> None:
    """Each is found, with the range of records that were changed; the chain alone finds none."""
    attack_by(attack, victim, tmp_path, FEW_SEEDS)


@pytest.mark.faults
@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.__name__)
def test_of_200_attacks_of_each_kind_200_are_found(
    attack: Attack, victim: Victim, tmp_path: Path
) -> None:
    """200 of 200 each, as the specification demands."""
    attack_by(attack, victim, tmp_path, SEEDS)


def attack_by(attack: Attack, victim: Victim, folder: Path, seeds: int) -> None:
    """Forge a copy by each seed, and hold it against the head outside."""
    chain_found = 0
    for seed in range(seeds):
        path = victim.copied(folder)
        rng = random.Random(seed)
        logs.rewrite(path, lambda rows, rng=rng: attack(rows, rng, victim.head.size))  # type: ignore[misc]  # mypy can't infer a lambda with a default
        report = verify(path, heads=evidence(victim.keys, victim.head))
        assert of_evidence(report), f"seed {seed} was not found"
        chain_found += any("hash does not follow" in one.what for one in report.findings)
    assert chain_found == 0


def test_behind_the_last_outside_head_nothing_is_claimed(victim: Victim, tmp_path: Path) -> None:
    """What is changed behind the last head is not found by heads, and the range says so."""
    for seed in range(FEW_SEEDS):
        path = victim.copied(tmp_path)
        rng = random.Random(seed)

        def backdate_behind(rows: Rows, rng: random.Random = rng) -> None:
            at = rng.randrange(victim.head.size, len(rows))
            rows[at] = rows[at]._replace(appended_at=rows[at].appended_at + 1)

        logs.rewrite(path, backdate_behind)
        report = verify(path, heads=evidence(victim.keys, victim.head))
        assert of_evidence(report) == []
        assert any(
            f"{victim.head.size + 1} to {victim.end} are in none" in note.what
            for note in report.notes
        )


def test_the_machine_itself_finds_a_log_that_was_put_back(victim: Victim, tmp_path: Path) -> None:
    """Without any outside head, the last head next to the keys refuses each attack at the open."""
    for attack in ATTACKS:
        folder = tmp_path / attack.__name__
        folder.mkdir()
        path = victim.copied(folder)
        rng = random.Random(1)
        logs.rewrite(path, lambda rows, a=attack, rng=rng: a(rows, rng, victim.head.size))  # type: ignore[misc]  # likewise
        with pytest.raises(EvidenceError):
            sign(path, victim.keys)


def test_a_forged_head_is_refused(victim: Victim, tmp_path: Path) -> None:
    """A head that another key signed, or that says another size or root, is a finding."""
    (tmp_path / "log").mkdir()
    path = victim.copied(tmp_path / "log")
    forged = sign(path, make_keys(path, tmp_path / "forger"))
    report = verify(path, heads=Evidence((("nas", forged),), (), (public_key(victim.keys),)))
    assert {one.what for one in report.findings} == {
        f"its head of {forged.size} records is not signed by the log's key"
    }


def test_a_line_on_a_phone_finds_as_well_as_a_note(victim: Victim, tmp_path: Path) -> None:
    """The unsigned line that came with an alert finds a rewritten log."""
    line = parse_line(victim.head.line())
    path = victim.copied(tmp_path)
    honest = verify(path, heads=Evidence(lines=(("phone", line),)))
    assert honest.ok, honest.findings
    logs.rewrite(path, lambda rows: edit(rows, random.Random(2), victim.head.size))
    assert of_evidence(verify(path, heads=Evidence(lines=(("phone", line),))))


def test_the_age_of_the_newest_outside_head_can_be_demanded(victim: Victim, tmp_path: Path) -> None:
    """A log without an outside head, or with an old one only, fails where a young one is asked."""
    path = victim.copied(tmp_path)
    hour_us = 3_600_000_000
    heads = (("nas", victim.head),)
    young = Evidence(heads=heads, require_s=3600, now_us=logs.T0_US + hour_us // 2)
    old = Evidence(heads=heads, require_s=3600, now_us=logs.T0_US + 3 * hour_us)
    none = Evidence(require_s=3600, now_us=logs.T0_US)
    assert verify(path, heads=young).ok
    assert "old" in verify(path, heads=old).findings[0].what
    assert "no outside head" in verify(path, heads=none).findings[0].what
