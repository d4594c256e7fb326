"""Writes the golden files: whole rows of every kind and version, as the journal kept them.

    python tests/golden/make_golden.py

A file holds one kind. Its first line names a log id; each line after it is a row of that log,
positions 1, 2, 3, … chained from the id: `row` has the columns (blobs in hex), `fact` the fact
in plain JSON, in the shape of the row's own version. What is written stays: a kind that has a
file gets rows only for a version that the file lacks, behind the rows that stand there.
"""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from eventlog import codecs
from eventlog.facts import (
    FACT_TYPES,
    LARGEST,
    ActuatorOutcome,
    AlertIntended,
    AlertSent,
    Box,
    CredentialPresented,
    Detection,
    DeviceState,
    Ding,
    DoorState,
    EraBegun,
    FaceEnrolled,
    FaceResult,
    Fact,
    HeadSeen,
    HeadWitnessed,
    IdentityLinked,
    LockState,
    Motion,
    Observation,
    PartBack,
    PartStopped,
    PersonErased,
    PersonNamed,
    PictureRemoved,
    RuleArmed,
    Score,
    Sealed,
    SigningKey,
    SourceBack,
    SourceSilent,
    ThumbnailSaved,
    UncleanStop,
    UnlockAction,
    VisitEnded,
    kind_of,
    version_of,
)
from eventlog.journal import chain
from eventlog.record import StoredRecord

FOLDER: Final = Path(__file__).resolve().parent

_NOON: Final = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
_MICROS: Final = datetime(2026, 2, 25, 10, 30, 0, 123_456, tzinfo=UTC)
_FIRST: Final = datetime(1, 1, 1, tzinfo=UTC)
_LAST: Final = datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
_PIXELS: Final = Box(x1=12.5, y1=0.0, x2=640.0, y2=479.99)
_FRACTIONS: Final = Box(x1=0.1, y1=-0.0, x2=None, y2=1.0, unit="fractions")
_DIGEST: Final = sha256(b"a picture").digest()
_SEAL: Final = Sealed(sealed=sha256(b"a name and its opening").digest())
_FRAME: Final = Box(x1=1.0, y1=2.0, x2=3.5, y2=4.0, frame_width=1920, frame_height=1080)
_RULE: Final = 'who in (p0, p1) and time in "06:00-22:00"'

# The least, the usual and the borders of each kind.
EXAMPLES: Final[tuple[Fact, ...]] = (
    Motion(camera_id="front_door", recorded_at=_NOON),
    Motion(camera_id="front_door", recorded_at=_MICROS, recording_id="7209384750928374512"),
    Motion(camera_id="🚪" * 64, recorded_at=_FIRST, recording_id="r" * 256),
    Ding(camera_id="front_door", recorded_at=_NOON),
    Ding(camera_id="Haustür", recorded_at=_LAST, recording_id="1"),
    Detection(label="person", confidence=0.87),
    Detection(label="dog", confidence=1.0, box=_PIXELS, model="yolo11n", recorded_at=_MICROS),
    Detection(label="car", confidence=-0.0, box=_FRACTIONS),
    Detection(label="package", confidence=5e-324, box=Box(x1=-LARGEST, y1=LARGEST, x2=0, y2=1)),
    FaceResult(),
    FaceResult(
        name="anna",
        distance=0.31,
        tolerance=0.6,
        confidence=0.69,
        box=_PIXELS,
        model="face_recognition 1.3",
        recorded_at=_NOON,
    ),
    FaceResult(name="e\u0301", score=Score(value=-12.25, scale="frigate percent")),
    UnlockAction(granted=False),
    UnlockAction(
        granted=True,
        door_action="unlocked",
        person="anna",
        confidence=0.69,
        distance=0.31,
        rule="nearest face within 0.6",
        actor="face",
        door_id="front",
        recorded_at=_MICROS,
    ),
    UnlockAction(granted=False, door_action="locked", actor="keypad"),
    ThumbnailSaved(path="thumbnails/2026-02-25T10-30-00.jpg"),
    ThumbnailSaved(
        path="thumbnails/2026-02-25T10-30-00-1.jpg",
        sha256=_DIGEST,
        size_bytes=2**53,
        width_px=1920,
        height_px=0,
        recorded_at=_NOON,
    ),
    AlertSent(),
    AlertSent(channel="telegram", recorded_at=_NOON),
    PersonNamed(name="anna"),
    PersonNamed(name="anna", display_name="Anna 🌻 \u202eübung\0"),
    UncleanStop(journal_position=0),
    UncleanStop(journal_position=41, head_position=44, head_hash=_DIGEST),
    # What version 2 added.
    Detection(label="person"),
    Detection(
        label="car",
        confidence=0.5,
        box=_FRAME,
        sub_label="delivery_person",
        plate="B-AD 1815",
        zones=("porch", "z" * 64),
        track="1772015400.123456-abcdef",
    ),
    Detection(label="car", plate=_SEAL, zones=tuple(f"zone {n}" for n in range(16))),
    FaceResult(name=_SEAL, nearest=_SEAL, threshold=-LARGEST, given_by="model"),
    FaceResult(nearest="bela", threshold=0.9, track="t", given_by="person", box=_FRAME),
    UnlockAction(
        granted=True,
        door_action="unlatched",
        person=_SEAL,
        user_ref="u-1",
        actor="keypad",
        credential_kind="pin",
        credential_slot=2,
        reason="matched",
        frames=3,
        dry_run=True,
        intent="01JM2Q5V8K",
    ),
    UnlockAction(granted=False, user_ref=_SEAL, credential_slot=2**53, reason="one_frame"),
    AlertSent(
        channel="ntfy",
        rule="strangers at night",
        revision=0,
        outcome="gave_up",
        tries=9,
        message_id="m" * 256,
        intended=2**53,
    ),
    PersonNamed(name=_SEAL, display_name=_SEAL),
    # Kinds that came with it.
    Observation(camera_id="front_door", recorded_at=_NOON, label="bark", medium="sound"),
    Observation(
        camera_id="front_door",
        recorded_at=_MICROS,
        recording_id="r",
        label="doorbell_press",
        medium="by_hand",
    ),
    VisitEnded(ended_at=_NOON, reason="quiet"),
    VisitEnded(
        ended_at=_MICROS,
        reason="source_silent",
        answered=False,
        frames=180,
        looked=60,
        skipped=120,
        why_skipped="cpu",
    ),
    AlertIntended(rule="rings", channel="telegram", revision=0),
    AlertIntended(rule="rings", channel="ha", revision=1, covers=tuple(range(1, 65))),
    ActuatorOutcome(intent="01JM2Q5V8K", outcome="done"),
    ActuatorOutcome(
        intent="i" * 256, outcome="timed_out", took_ms=5000, detail="504", recorded_at=_NOON
    ),
    CredentialPresented(credential_kind="rfid"),
    CredentialPresented(
        door_id="front",
        credential_kind="pin",
        credential_slot=255,
        user_ref=_SEAL,
        person="anna",
        reason="invalid_credential",
        recorded_at=_NOON,
    ),
    PictureRemoved(path="thumbnails/2026-02-25T10-30-00.jpg", reason="age"),
    PictureRemoved(path="thumbnails/a.jpg", sha256=_DIGEST, size_bytes=1, reason="forgotten"),
    FaceEnrolled(person="anna", model="sface"),
    FaceEnrolled(person=_SEAL, picture_sha256=_DIGEST, model="sface", removed=True),
    LockState(door_id="front", state="jammed", source="zwave"),
    LockState(door_id="front", state="locked", source="zwave", recorded_at=_NOON),
    DoorState(door_id="front", state="open", source="nuki"),
    DoorState(door_id="front", state="forced_open", source="nuki", recorded_at=_NOON),
    DeviceState(device_id="front", what="battery", state="low"),
    DeviceState(
        device_id="bridge", what="connectivity", state="offline", value=-0.5, recorded_at=_NOON
    ),
    IdentityLinked(person="anna", source="front", identity="2"),
    IdentityLinked(person=_SEAL, linked=False, source="august", identity=_SEAL),
    IdentityLinked(person="anna", same_as="anna_l"),
    PersonErased(sealed=(_SEAL.sealed,), reason="asked", requested_at=_NOON),
    PersonErased(sealed=(_DIGEST,) * 64, reason="consent_withdrawn", requested_at=_MICROS),
    SourceSilent(source="frigate", since=_NOON, reason="offline"),
    SourceBack(source="frigate", until=_NOON),
    SourceBack(source="frigate", until=_MICROS, reconciled=12, late=3),
    PartStopped(part="frigate", error="ConnectionRefusedError 111", restarts=4),
    PartBack(part="frigate", restarts=0),
    RuleArmed(rule="rings", text="every ring", digest=sha256(b"every ring").digest()),
    RuleArmed(
        rule="known by day",
        text=_RULE,
        people=("anna", _SEAL),
        digest=sha256(_RULE.encode()).digest(),
    ),
    SigningKey(vkey="eventlog.invalid/00/0+abcdef01+AQ=="),
    SigningKey(vkey="k" * 4096, retired=True),
    EraBegun(era=1, reason="restored"),
    EraBegun(era=2, reason="key_lost", previous_size=4810, previous_root=_DIGEST),
    HeadWitnessed(size=4810, root=_DIGEST, witness="witness.example/1", time=_NOON),
    HeadSeen(name="eventlog.invalid/00/0", size=1, root=_DIGEST, key_id=b"\x00\x01\xfe\xff"),
)

# What an append may say of itself: with and without key, meta and an event.
_META: Final = codecs.encode_meta(
    {"boot": bytes(range(16)), "clock_ns": 123_456_789, "an entry of later": [1, None, "x"]}
)
_ENVELOPES: Final[tuple[dict[str, Any], ...]] = (
    {"event_id": 1, "appended_at": 1_772_015_400_123_456, "key": "ring:7209384:ding"},
    {"event_id": 2**40, "appended_at": -1, "meta": _META},
    {"event_id": None, "appended_at": 0, "key": "🔑\0", "meta": b"\x80"},
    {"event_id": 3, "appended_at": 2**53, "append_index": 7, "append_size": 300},
)


def main() -> int:
    """Write what is missing, and name the kinds that stay as they are."""
    for fact_type in FACT_TYPES:
        kind, version = kind_of(fact_type), version_of(fact_type)
        path = FOLDER / f"{kind}.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if any(json.loads(line)["row"]["version"] == version for line in lines[1:]):
            print(f"{path.name} has version {version}: it stays as it is")  # noqa: T201 - a script
            continue
        added = _added(kind, lines, [fact for fact in EXAMPLES if type(fact) is fact_type])
        with path.open("a", encoding="utf-8") as file:
            file.writelines(line + "\n" for line in added)
    return 0


def _added(kind: str, lines: list[str], facts: list[Fact]) -> list[str]:
    added: list[str] = []
    if lines:
        log_id = bytes.fromhex(json.loads(lines[0])["log_id"])
        last = json.loads(lines[-1])["row"]
        position, previous = last["position"], bytes.fromhex(last["hash"])
    else:
        log_id = sha256(kind.encode()).digest()[:16]
        added.append(json.dumps({"log_id": log_id.hex()}))
        position, previous = 0, chain.genesis(log_id)
    for fact in facts:
        position += 1
        row = _row(position, previous, fact)
        previous = row.hash
        added.append(json.dumps({"row": _plain(row), "fact": codecs.to_builtins(fact)}))
    return added


def _row(position: int, previous: bytes, fact: Fact) -> StoredRecord:
    kind, version, body = codecs.encode(fact)
    envelope: dict[str, Any] = {"key": None, "meta": None, "append_index": 0, "append_size": 1}
    envelope |= _ENVELOPES[(position - 1) % len(_ENVELOPES)]
    row = StoredRecord(
        position=position,
        kind=kind,
        version=version,
        format=chain.FORMAT,
        body=body,
        hash=b"",
        **envelope,
    )
    return row._replace(hash=chain.link(previous, chain.digest(row)))


def _plain(row: StoredRecord) -> dict[str, Any]:
    return {
        column: value.hex() if isinstance(value, bytes) else value
        for column, value in row._asdict().items()
    }


if __name__ == "__main__":
    sys.exit(main())
