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
    "actuator_outcome": (2, "8a768710e1c07b69a03291d270bfe5e7e4c402985166e63ade0dc3eaabbd8705"),
    "alert_intended": (2, "8784feafa76d70d70f11c9ba31f311ebaf57bcf2b3cd08975cc63b423d63052a"),
    "alert_sent": (5, "9cccecf8853bc07db37f35aa7d215f6e834387a2a196267db5eed4e76a8cacd9"),
    "credential_presented": (2, "4eb0e9d76bd35013ab0c05ef17eb4be6ac15d1ae3a80e9afc2c7b35db1484919"),
    "detection": (11, "ee55fb28bee74c5375a642d8b269c2bbc84e6baa0184fa2752d3c423c7c4baa7"),
    "device_state": (2, "fd8c29c1a413de9b0027428cca6fccac9cbbb897c43b772cfaf7ffa629b41671"),
    "ding": (2, "0f05e5c033e292641b9eac2c575812cbde4571382690b55f25bc74ebf9a8a5f8"),
    "door_state": (2, "b97d04f262401f9cfaab2ca56b7538626be1f4df8e913d99fdbd7f964d3cab21"),
    "era_begun": (2, "0a5a0ad732ce329bd5c742fed48cd56ceddc3ea37523ea7506a9b770d018c423"),
    "face_enrolled": (2, "780b34906ec0f45fb53827138398079e897cd9616cef7257bf1d406c33638910"),
    "face_result": (8, "c9729cbf6c32065cdfed755880f0bc641c59e73ddef66620c2e026bb122ee039"),
    "head_seen": (1, "9ce18229898a7d22fbee4e015f8affd1347c27bb18dae889ac9a60ead0cff0fe"),
    "head_witnessed": (1, "f7182062eda121002f5ce5101bf01f2dd79149a27c4a46106c5253e235b3c23f"),
    "identity_linked": (3, "11b88e401b9a322a5e65bbaf8394cbe518fa1afdf53eebb722374f3c9762f34d"),
    "lock_state": (2, "cca11a8671170129b2ba5e0172c51ab666b68f8ec4a57197b33d23b3e1b0367a"),
    "motion": (3, "ba934145f3f3451c3866f368097e07f94fd1f0211da761d62a7b7e9e0fa3a930"),
    "observation": (2, "af53bd8ee579fc0345d28fc49e614294d88db80d7e738d2b54349ec4ce270e87"),
    "part_back": (1, "4a1fc8cc35b104bf07d135f3bb870555814d919cb8c99dac2a46f6a92c646765"),
    "part_stopped": (1, "892e713e3e3bdefbef1586086baa97e66e753e4c642f7e759b71bdcfe91f3026"),
    "person_erased": (2, "5aad959004427032c5587f0e6a400aa3fa203d86443ebb7d05eaf6db7f7f5cdd"),
    "person_named": (5, "77aa495253f4342acf63f57fe8b6e9e0136f43d7a28547b4f2e9f6dc49fa8e87"),
    "picture_removed": (2, "87fa8aa6edad45af5be004f35b619abc2da2a6de1bb2b4129dbdd89318a8e5c3"),
    "rule_armed": (2, "9800b4962120f9540e680a2365697c20d51bf2e5f1ca6626ea569b4f1d3f4616"),
    "signing_key": (2, "de672ea58854bc11dea5e2153621765c62a82589d2d9d41734827d22af4cc746"),
    "source_back": (2, "b9d1f06817488ba8a8e249bfff464bc3ba1873cb5f8e7e9c5fd4be0783feedab"),
    "source_silent": (1, "c6ff6ecd9996ec2048b2e1d931cafc29dc58fb638e62e075d49e91357fe5ec33"),
    "thumbnail_saved": (2, "54daa5028618941bcd68b78438086b180968adfedbf0de0310934272988f2256"),
    "unclean_stop": (2, "ec4f9a45810a0656982b6d1e2a9bf0e354312ee71ba7aa976c882732959bc0da"),
    "unlock_action": (8, "e67aa242776551ebdad5a619bf3e373953a4f185bb040040b247d555304eb7bb"),
    "visit_ended": (2, "21a51c9bce1e592400ffb743dd279d5bd89263c29171a07f5aa5ca6e4a085178"),
}
# The same before the second versions were added: what was written then stays as it was.
FIRST_HASHES: Final = {
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
    """What the program writes today is kept as bytes, so that it can be read forever."""
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
    count, first_hash = FIRST_HASHES.get(kind, (count, last_hash))
    assert rows[count - 1].stored.hash.hex() == first_hash


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
    """Every old body decodes to the fact next to it, converted to the current version."""
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
    """A body with floats for the integers that they equal."""
    plain = msgspec.msgpack.decode(body)
    for name in ("x1", "y1", "x2", "y2"):
        if isinstance((plain.get("box") or {}).get(name), int):
            plain["box"][name] = float(plain["box"][name])
    return msgspec.msgpack.encode(plain)
