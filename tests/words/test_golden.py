"""Bytes of the past: every golden row is proved, by two implementations, and decoded."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from eventlog import codecs
from eventlog.facts import FACT_TYPES, kind_of, version_of
from eventlog.journal import chain
from eventlog.record import StoredRecord
from eventlog.upcasters import lift
from tests.journal.plain_chain import plain_digest, plain_genesis, plain_hash

GOLDEN: Final = Path(__file__).resolve().parent.parent / "golden"
TODAY: Final = {kind_of(t): version_of(t) for t in FACT_TYPES}

# How many rows each file had when it was last added to, and the hash of the last of them. An
# edit of what was written can't keep it; an addition moves it on.
LAST_HASHES: Final = {
    "alert_sent": (2, "0e3986df5b4f42c0c81d34f5c7286beee3c9b0376a7fff7eb983167bddf40dbb"),
    "detection": (4, "0310030c2601e3e39e1f9b4cd38111dd7635b551cbf9ff3407d794cf96d7ba95"),
    "ding": (2, "0f05e5c033e292641b9eac2c575812cbde4571382690b55f25bc74ebf9a8a5f8"),
    "face_result": (3, "0232d3499f879884836b3559082595cf7fefea159f939e3f1a0ddae71faa5c39"),
    "motion": (3, "ba934145f3f3451c3866f368097e07f94fd1f0211da761d62a7b7e9e0fa3a930"),
    "person_named": (2, "e4104caed801993af902f112ec5b5e5653637dec866920496fcc726bcdce9ece"),
    "thumbnail_saved": (2, "54daa5028618941bcd68b78438086b180968adfedbf0de0310934272988f2256"),
    "unclean_stop": (2, "ec4f9a45810a0656982b6d1e2a9bf0e354312ee71ba7aa976c882732959bc0da"),
    "unlock_action": (3, "b3877f3f21dd5d6086435e33d1398267f42cc50408d2f791188c5fff54fc9de2"),
}


class GoldenRow(NamedTuple):
    """A row as it was written, and the fact that it held, in plain JSON."""

    stored: StoredRecord
    fact: dict[str, Any]


@cache
def golden(kind: str) -> tuple[bytes, list[GoldenRow]]:
    """The log id and the rows of one golden file."""
    first, *lines = (GOLDEN / f"{kind}.jsonl").read_text(encoding="utf-8").splitlines()
    rows = []
    for line in lines:
        entry = json.loads(line)
        columns = entry["row"]
        for blob in ("meta", "body", "hash"):
            columns[blob] = None if columns[blob] is None else bytes.fromhex(columns[blob])
        rows.append(GoldenRow(StoredRecord(**columns), entry["fact"]))
    return bytes.fromhex(json.loads(first)["log_id"]), rows


def all_rows() -> list[GoldenRow]:
    """Every golden row of every kind."""
    return [row for path in sorted(GOLDEN.glob("*.jsonl")) for row in golden(path.stem)[1]]


def test_every_kind_and_version_of_today_has_golden_rows() -> None:
    """What the program writes today is kept as bytes, so that it can be read for ever."""
    written = {(row.stored.kind, row.stored.version) for row in all_rows()}
    assert set(TODAY.items()) <= written


def test_a_golden_file_holds_every_version_up_to_todays_without_a_hole() -> None:
    """A version that was written once does not leave the golden files again."""
    for kind, today in TODAY.items():
        versions = {row.stored.version for row in golden(kind)[1]}
        assert versions == set(range(1, today + 1)), kind


@pytest.mark.parametrize("kind", sorted(TODAY))
def test_golden_rows_stay_as_they_were_written(kind: str) -> None:
    """The hash of the last row that was there is there still, at its place."""
    _, rows = golden(kind)
    count, last_hash = LAST_HASHES[kind]
    assert len(rows) == count
    assert rows[-1].stored.hash.hex() == last_hash


@pytest.mark.parametrize("kind", sorted(TODAY))
def test_golden_rows_are_chained_from_their_own_log_id(kind: str) -> None:
    """Digest and hash of every row come out of its stored columns, by both implementations."""
    log_id, rows = golden(kind)
    previous = plain_genesis(log_id)
    for position, (stored, _) in enumerate(rows, start=1):
        assert stored.position == position
        digest = plain_digest(stored)
        assert chain.digest(stored) == digest
        assert stored.hash == plain_hash(previous, digest) == chain.link(previous, digest)
        previous = stored.hash


@pytest.mark.parametrize("kind", sorted(TODAY))
def test_golden_rows_decode_to_the_facts_that_they_were_made_from(kind: str) -> None:
    """Every body of the past is the fact that stands beside it, lifted to today's shape."""
    for stored, plain in golden(kind)[1]:
        assert stored.kind == kind
        assert codecs.signs(stored.body) == (kind, stored.version)
        lifted = lift(kind, stored.version, plain, to=TODAY[kind])
        record = codecs.decode_record(stored)
        assert record.fact == codecs.from_builtins(lifted)
        assert record.position == stored.position
        assert record.event_id == stored.event_id
        assert record.appended_at_us == stored.appended_at
        assert record.key == stored.key


@pytest.mark.parametrize("kind", sorted(TODAY))
def test_golden_rows_hold_the_very_bytes_that_are_written_today(kind: str) -> None:
    """A change of the encoder does not pass unseen, though old records would survive it."""
    for stored, plain in golden(kind)[1]:
        if stored.version == TODAY[kind]:
            assert codecs.encode(codecs.from_builtins(plain))[2] == _as_floats(stored.body)


def test_golden_meta_keeps_entries_that_are_not_known() -> None:
    """An entry of a later program is read, not dropped."""
    metas = [codecs.decode_meta(row.stored.meta) for row in all_rows() if row.stored.meta]
    assert any(meta.get("an entry of later") == [1, None, "x"] for meta in metas)
    assert all(meta.keys() & {"boot", "clock_ns"} for meta in metas if meta)


def test_golden_rows_cover_what_an_envelope_may_hold() -> None:
    """Records with and without an event, a key and a meta, and one from before 1970."""
    rows = [row.stored for row in all_rows()]
    for column in ("event_id", "key", "meta"):
        assert {getattr(row, column) is None for row in rows} == {True, False}
    assert any(row.appended_at < 0 for row in rows)


def _as_floats(body: bytes) -> bytes:
    """A body as it is written for a fact whose integers came back as the floats they equal."""
    plain = msgspec.msgpack.decode(body)
    for name in ("x1", "y1", "x2", "y2"):
        if isinstance((plain.get("box") or {}).get(name), int):
            plain["box"][name] = float(plain["box"][name])
    return msgspec.msgpack.encode(plain)
