"""`eventlog ingest` takes in the events of other programs, each once, and counts what it leaves."""

from __future__ import annotations

import base64
import io
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.cli.command_line import CommandLine

CHECKOUT = Path(__file__).resolve().parents[2]
RING = [
    {"id": 7330963245622279024, "kind": "ding", "created_at": "2026-02-25T10:30:00Z"},
    {"id": 7330963245622279025, "kind": "motion", "created_at": "2026-02-25T10:31:00Z"},
    {"id": 7330963245622279026, "kind": "on_demand", "created_at": "2026-02-25T10:32:00Z"},
]
FRIGATE = {"id": "1772015400.5-abc123", "camera": "garden", "label": "cat", "top_score": 0.8}


@pytest.fixture
def eventlog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line, and no log yet."""
    return CommandLine(capsys, tmp_path / "door.db")


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    """A file of Ring's: a ring, a motion, and what is not a visit."""
    path = tmp_path / "history.json"
    path.write_text(json.dumps(RING), encoding="utf-8")
    return path


def test_a_file_goes_in_and_a_second_time_changes_nothing(
    eventlog: CommandLine, ring: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What is new, what was known and what was skipped is counted, by reason."""
    said = eventlog("ingest", "ring", ring)
    assert said.code == 0
    assert f"a new log is made at {eventlog.db}" in caplog.messages
    assert said.lines == [
        f"{ring}: 2 events, 2 facts new; 0 known already",
        "  1 skipped: kind on_demand",
    ]
    assert eventlog("ingest", "ring", ring).lines[0] == (
        f"{ring}: 0 events, 0 facts new; 2 known already"
    )
    assert len(eventlog("events", "--json").json) == 2


def test_json_is_one_tally_a_file(eventlog: CommandLine, ring: Path) -> None:
    """Counts by reason, for programs."""
    (tally,) = eventlog("ingest", "ring", ring, "--json").json
    assert tally == {
        "file": str(ring),
        "events": 2,
        "facts": 2,
        "known": 0,
        "skipped": {"kind on_demand": 1},
        "unknown": {},
        "refused": {},
    }


def test_the_standard_input_is_a_file_too(
    eventlog: CommandLine, ring: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hyphen means standard input, with options before and after it."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(ring.read_bytes())))
    said = eventlog("ingest", "ring", "--camera", "gate", "-", "--json")
    assert said.code == 0
    assert said.json[0]["file"] == "-"
    assert {event["camera_id"] for event in eventlog("events", "--json").json} == {"gate"}


def test_options_after_the_files_are_options(
    eventlog: CommandLine, ring: Path, tmp_path: Path
) -> None:
    """A file's name does not swallow what follows it."""
    elsewhere = tmp_path / "elsewhere.db"
    assert eventlog("ingest", "ring", ring, "--db", elsewhere).code == 0
    assert elsewhere.exists()
    assert not eventlog.db.exists()


def test_frigates_threshold_can_be_given(eventlog: CommandLine, tmp_path: Path) -> None:
    """A face with a lower score gives no name."""
    messages = [
        {**FRIGATE, "start_time": 1772015400.5},
        {
            "type": "face",
            "id": FRIGATE["id"],
            "name": "John",
            "score": 0.7,
            "camera": "garden",
            "timestamp": 1772015401.5,
        },
    ]
    path = tmp_path / "frigate.jsonl"
    path.write_text("\n".join(json.dumps(message) for message in messages), encoding="utf-8")
    assert eventlog("ingest", "frigate", path, "--recognition-threshold", "0.6").code == 0
    (event,) = eventlog("events", "--json").json
    assert event["person_name"] == "John"


def test_a_bad_message_among_others_is_a_finding(eventlog: CommandLine, tmp_path: Path) -> None:
    """The sound ones go in, the bad one is counted with its reason, and the code is 1."""
    path = tmp_path / "history.json"
    path.write_text(json.dumps([*RING[:1], {"kind": "ding"}]), encoding="utf-8")
    said = eventlog("ingest", "ring", path)
    assert said.code == 1
    assert said.lines[0].startswith(f"{path}: 1 event, 1 fact new")
    assert "1 refused: " in said.lines[1]


def test_a_file_of_another_kind_stops_no_other(
    eventlog: CommandLine, ring: Path, tmp_path: Path
) -> None:
    """It is named, the others go in, and the code is 2."""
    bad = tmp_path / "bad.json"
    bad.write_bytes(b"\x00")
    said = eventlog("ingest", "ring", bad, ring)
    assert said.code == 2
    assert f"eventlog: {bad}: ring: " in said.err
    assert said.lines[0] == f"{ring}: 2 events, 2 facts new; 0 known already"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["ring", "nowhere.json"], "nowhere.json can't be read: No such file"),
        (["ring", "."], ". can't be read: Is a directory"),
        (["ring"], "FILE"),
        ([], "SOURCE"),
        (["nest", "x.json"], "nest"),
        (["frigate", "-", "--camera", "gate"], "--camera is for"),
        (
            ["ring", "-", "--recognition-threshold", "0.5"],
            "--recognition-threshold is for compreface, frigate",
        ),
        (["frigate", "-", "--recognition-threshold", "7"], "--recognition-threshold is 0 to 1"),
        (["frigate", "-", "--recognition-threshold", "nan"], "--recognition-threshold is 0 to 1"),
    ],
)
def test_wrong_use_makes_no_log(eventlog: CommandLine, arguments: list[str], sentence: str) -> None:
    """One line, code 2, and nothing is left on the disk."""
    said = eventlog("ingest", *arguments)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
    assert not eventlog.db.exists()


def test_fifty_recorded_events_of_a_front_door_go_in_once(
    eventlog: CommandLine, shared_data: Path
) -> None:
    """The recorded list of Frigate's makes 50 events, and none the second time."""
    file = shared_data / "frigate-hass-integration" / "events_front_door.json"
    assert eventlog("ingest", "frigate", file, "--json").json[0]["events"] == 50
    assert eventlog("ingest", "frigate", file, "--json").json[0]["events"] == 0
    assert len(eventlog("events", "--limit", "100", "--json").json) == 50


def test_a_bad_first_message_makes_no_log(eventlog: CommandLine, tmp_path: Path) -> None:
    """A list of bad messages and a message without facts make no log either."""
    path = tmp_path / "history.json"
    for data in ({"kind": "ding"}, [{"kind": "ding"}], [{**RING[0], "kind": "on_demand"}]):
        path.write_text(json.dumps(data), encoding="utf-8")
        eventlog("ingest", "ring", path)
        assert not eventlog.db.exists()


def test_explaining_says_what_each_message_would_become_and_writes_nothing(
    eventlog: CommandLine, ring: Path
) -> None:
    """Place, fact and key; why one is skipped."""
    said = eventlog("ingest", "ring", "--explain", ring)
    assert (said.code, eventlog.db.exists()) == (0, False)
    assert said.lines[0] == f"{ring}, element 1:"
    assert said.lines[1].startswith("  opens an event: ding, camera_id front_door, recorded_at")
    assert said.lines[1].endswith(":ding)")
    assert said.lines[-1] == "  skipped: kind on_demand"
    answers = eventlog("ingest", "ring", "--explain", ring, "--json").json
    assert [item["becomes"] for answer in answers for item in answer["items"]] == [
        "visit",
        "visit",
        "skipped",
    ]


@pytest.mark.usefixtures("signals_by_default")
def test_a_pipe_is_stored_as_it_comes_and_ctrl_c_keeps_it(
    eventlog: CommandLine, tmp_path: Path
) -> None:
    """A line is in the log before the next one is written; after Ctrl-C all of them are."""
    command = [sys.executable, "-m", "eventlog", "ingest", "ring", "-", "--json"]
    where = ["--db", str(eventlog.db), "--thumbnails", str(tmp_path / "thumbnails")]
    with subprocess.Popen(
        [*command, *where],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=CHECKOUT,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for number in (1, 2):
            line = {**RING[0], "id": number}
            process.stdin.write(json.dumps(line).encode() + b"\n")
            process.stdin.flush()
            while len(_stored(eventlog)) < number:
                assert process.poll() is None
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=30)
        assert process.returncode == 130
    assert json.loads(told)["events"] == 2
    assert _stored(eventlog) == ["1", "2"]


def _stored(eventlog: CommandLine) -> list[str]:
    if not eventlog.db.exists():
        return []
    said = eventlog("events", "--json")
    return sorted(event["recording_id"] for event in said.json) if said.code == 0 else []


def test_a_device_without_end_is_refused(eventlog: CommandLine) -> None:
    """/dev/zero holds no text: it is refused at its first bytes, and no log is made."""
    said = eventlog("ingest", "frigate", "/dev/zero")
    assert said.code == 2
    assert "is binary data" in said.err
    assert not eventlog.db.exists()


def test_a_line_without_end_can_be_interrupted(tmp_path: Path) -> None:
    """SIGTERM ends the reading of a device that never ends, though it is always readable."""
    if not Path("/dev/urandom").exists():
        pytest.skip("there is no /dev/urandom here")
    db = str(tmp_path / "door.db")
    command = [sys.executable, "-m", "eventlog", "ingest", "frigate", "/dev/urandom", "--db", db]
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline()  # a first message was refused: it reads
        process.terminate()
        process.stderr.read()
        assert process.wait(timeout=60) != 0


def test_a_picture_of_a_message_becomes_the_thumbnail_of_its_event_once(
    eventlog: CommandLine, tmp_path: Path
) -> None:
    """Fed again, it is known, and no second file is written."""
    frame = io.BytesIO()
    Image.new("RGB", (32, 24), "teal").save(frame, "JPEG")
    event = {
        **FRIGATE,
        "start_time": 1772015400.5,
        "thumbnail": base64.b64encode(frame.getvalue()).decode(),
    }
    path = tmp_path / "events.json"
    path.write_text(json.dumps([event]), encoding="utf-8")
    assert eventlog("ingest", "frigate", path, "--json").json[0]["facts"] == 3
    assert eventlog("ingest", "frigate", path, "--json").json[0]["facts"] == 0
    (shown,) = eventlog("events", "--json").json
    assert shown["thumbnail_path"].startswith("thumbnails/2026-02-25T10-30-00")
    assert len(list(eventlog.thumbnails.glob("*.jpg"))) == 1
