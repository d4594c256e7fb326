"""`eventlog events` lists what the filters ask for, newest first, for people and for programs."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError

import pytest
from rich.console import Console

from eventlog.cli import moments
from eventlog.cli.context import Context, Settings
from eventlog.cli.events import print_events
from eventlog.facts import Detection, Ding, FaceResult, Fact, Motion, PersonNamed, UnlockAction
from eventlog.journal.append import Append, prepare
from tests.cli.command_line import CommandLine
from tests.support.logs import T0, build_log, put, writing

HOSTILE = "eve\x1b[31m\u202e\nb"


def visit(minute: int, *facts: Fact, rang: bool = False, camera: str = "front_door") -> Append:
    """A visit so many minutes after T0."""
    opener = Ding if rang else Motion
    return prepare([opener(camera_id=camera, recorded_at=T0 + timedelta(minutes=minute)), *facts])


LOG = [
    prepare([PersonNamed(name="ada", display_name="Ada L.")]),
    visit(
        0,
        Detection(label="person", confidence=0.9),
        Detection(label="person", confidence=0.8),
        FaceResult(name="ada", distance=0.3),
        UnlockAction(granted=True, door_action="unlocked", person="ada"),
    ),
    visit(1, Detection(label="cat", confidence=0.7), camera="garden"),
    visit(2, FaceResult(name=None, distance=0.7), UnlockAction(granted=False), rang=True),
    visit(3, FaceResult(name="ben", distance=0.4)),
    visit(60 * 24),
]


@pytest.fixture
def eventlog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line over five visits."""
    return CommandLine(capsys, build_log(tmp_path / "door.db", LOG))


def test_the_list_is_a_table_for_people(eventlog: CommandLine) -> None:
    """One line each, newest first, with who, what was seen, and what the door did."""
    said = eventlog("events")
    assert (said.code, said.err) == (0, "")
    assert said.lines == [
        "ID  TIME (UTC)           WHAT   WHO                       SEEN      DOOR      CAMERA",
        " 5  2026-02-26 10:30:00  moved                                                front_door",
        " 4  2026-02-25 10:33:00  moved  ben                                           front_door",
        " 3  2026-02-25 10:32:00  rang   stranger                            refused   front_door",
        " 2  2026-02-25 10:31:00  moved                            cat                 garden",
        " 1  2026-02-25 10:30:00  moved  Ada L. (recorded as ada)  2 person  unlocked  front_door",
    ]


@pytest.mark.parametrize("width", [40, 72, 80, 120])
def test_no_terminal_is_too_narrow_for_ids_and_times(width: int) -> None:
    """What is long is broken within its column; what leads on to `show` is never left out."""
    context = Context(lambda: Settings(db_path="", thumbnails_dir=""))
    out = StringIO()
    context.out = Console(file=out, force_terminal=True, color_system=None, width=width)
    labels = ["person", "car", "package", "dog", "bicycle", "umbrella"]
    event = {
        "id": 123456,
        "recorded_at": "2026-02-25T10:30:00",
        "event_type": "motion",
        "person_name": "ada auguste",
        "camera_id": "back door of the summer house",
        "outcome": "granted",
        "door_action": "unlocked",
        "detections": [{"label": label} for label in labels],
    }
    print_events(context, [event], {})
    text = out.getvalue()
    assert "123456  2026-02-25 10:30:00  moved" in text
    assert all(len(line) <= width for line in text.splitlines())
    words = text.split()
    assert {"ada", "unlocked", "person,", "summer", "house"} <= set(words)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--camera", "garden"], [2]),
        (["--type", "ding"], [3]),
        (["--type", "motion"], [5, 4, 2, 1]),
        (["--person", "ben"], [4]),
        (["--person", "ada"], [1]),
        (["--person", "Ada L."], [1]),
        (["--person", "nobody"], []),
        (["--stranger"], [3]),
        (["--label", "person"], [1]),
        (["--outcome", "granted"], [1]),
        (["--granted"], [1]),
        (["--refused"], [3]),
        (["--outcome", "none"], [5, 4, 2]),
        (["--since", "2026-02-26"], [5]),
        (["--until", "2026-02-25T10:31"], [1]),
        (["--since", "2026-02-25T11:31+01:00", "--until", "2026-02-25 10:33"], [3, 2]),
        (["--limit", "2"], [5, 4]),
        (["-n", "2", "--before", "4"], [3, 2]),
        (["-n", "0"], []),
        (["--before", "1"], []),
    ],
)
def test_a_filter_leaves_what_it_asks_for(
    eventlog: CommandLine, options: list[str], expected: list[int]
) -> None:
    """Each of the filters, the page's length, and the page after an event."""
    said = eventlog("events", "--json", *options)
    assert said.code == 0
    assert [event["id"] for event in said.json] == expected


def test_json_is_one_event_a_line_with_its_detections(eventlog: CommandLine) -> None:
    """All columns of the read table, as a program wants them."""
    (event,) = eventlog("events", "--label", "cat", "--json").json
    assert event["camera_id"] == "garden"
    assert event["recorded_at"] == "2026-02-25T10:31:00"
    assert [detection["label"] for detection in event["detections"]] == ["cat"]


def test_a_page_that_is_not_the_last_says_how_to_go_on(eventlog: CommandLine) -> None:
    """On the standard error, so that what is piped stays a list."""
    assert "--before 4 goes on" in eventlog("events", "-n", "2").err
    assert eventlog("events", "-n", "5").err == ""


def test_an_empty_answer_says_so(eventlog: CommandLine) -> None:
    """Nothing on the standard output, a remark on the other."""
    said = eventlog("events", "--camera", "roof")
    assert (said.code, said.out) == (0, "")
    assert said.err == (
        "eventlog: no such events: there is no camera 'roof'; there are: front_door, garden\n"
    )
    assert eventlog("events", "--camera", "garden", "--refused").err == "eventlog: no such events\n"


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--label", "Cat"], "there is no label 'Cat'; there is 'cat'"),
        (["--label", "dog"], "there is no label 'dog'; there are: cat, person"),
        (["--person", "eve"], "there is no person 'eve'; there are: Ada L., ada, ben"),
        (["--camera", "Garden", "--label", "x"], "'Garden'; there is 'garden'; there is no label"),
    ],
)
def test_what_does_not_exist_is_answered_with_what_does(
    eventlog: CommandLine, options: list[str], hint: str
) -> None:
    """In one line, in JSON too; what is spelt otherwise is named."""
    for more in ([], ["--json"]):
        said = eventlog("events", *options, *more)
        assert (said.code, said.out, said.err.count("\n")) == (0, "", 1)
        assert hint in said.err


def test_a_shown_name_that_two_persons_share_is_asked_back(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Nothing would be found, and it would not be said why."""
    log = [
        prepare([PersonNamed(name="ada", display_name="Ada")]),
        prepare([PersonNamed(name="ada_b", display_name="Ada")]),
        visit(0, FaceResult(name="ada_b", distance=0.3)),
    ]
    eventlog = CommandLine(capsys, build_log(tmp_path / "two.db", log))
    said = eventlog("events", "--person", "Ada")
    assert (said.code, said.out) == (2, "")
    assert said.err == (
        "eventlog: --person: 2 persons are shown as 'Ada'; ask for one by name: ada, ada_b\n"
    )
    assert eventlog("events", "--json", "--person", "ada_b").json[0]["id"] == 1


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("today", [5]),
        ("yesterday", [5, 4, 3, 2, 1]),
        ("2h", [5]),
        ("1d", [5]),
        ("1501m", [5, 4, 3, 2, 1]),
        ("2 d ago", [5, 4, 3, 2, 1]),
        ("90 min", [5]),
        ("1h", []),
    ],
)
def test_a_time_may_be_said_as_people_say_it(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch, since: str, expected: list[int]
) -> None:
    """Today and yesterday are days of the deployment's zone; 2h is two hours ago."""
    monkeypatch.setattr(Context, "now", lambda _: T0 + timedelta(days=1, hours=1, seconds=1))
    found = eventlog("events", "--json", "--since", since).json
    assert [event["id"] for event in found] == expected


@pytest.mark.parametrize("command", [["events", "--since", "soon"], ["tail", "--after", "soon"]])
def test_arguments_are_checked_before_the_database(
    eventlog: CommandLine, command: list[str]
) -> None:
    """A wrong argument is reported even if there is no log."""
    eventlog.db = eventlog.db.with_name("nowhere.db")
    said = eventlog(*command)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"eventlog: {command[1]}: ")


def test_a_log_that_is_not_there_is_told_with_what_to_do(eventlog: CommandLine) -> None:
    """Which option and which setting name the log, and which commands make one."""
    eventlog.db = eventlog.db.with_name("nowhere.db")
    for command in (["events"], ["status"], ["verify"], ["backup", "x.db"], ["export"]):
        said = eventlog(*command)
        assert said.code == 2
        for word in ("--db", "DB_PATH", "`eventlog ingest`", "`eventlog demo`"):
            assert word in said.err


def test_an_hour_that_comes_twice_is_shown_with_its_offset(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """When summer time ends; the hours around it are shown as ever."""
    at = datetime(2025, 10, 25, 23, 10, tzinfo=UTC)
    log = [
        prepare([Motion(camera_id="front_door", recorded_at=at + timedelta(hours=hours))])
        for hours in range(4)
    ]
    path = build_log(tmp_path / "october.db", log)
    eventlog = CommandLine(capsys, path, time_zone="Europe/Berlin")
    assert [line[4:29].rstrip() for line in eventlog("events").lines[:0:-1]] == [
        "2025-10-26 01:10:00",
        "2025-10-26 02:10:00+02:00",
        "2025-10-26 02:10:00+01:00",
        "2025-10-26 03:10:00",
    ]
    assert "2025-10-26 02:10:00+01:00" in eventlog("show", 3).out


def test_utc_needs_no_database_of_time_zones(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slim container has no zone database; for another zone, the error says what to install."""

    def missing(name: str) -> None:
        raise ZoneInfoNotFoundError(name)

    monkeypatch.setattr(moments, "ZoneInfo", missing)
    for name in ("UTC", "Etc/UTC"):
        eventlog.time_zone = name
        assert eventlog("events").code == 0
    eventlog.time_zone = "Europe/Berlin"
    said = eventlog("events")
    assert said.code == 2
    assert "pip install tzdata" in said.err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--granted", "--refused"], "give one of them"),
        (["--outcome", "none", "--refused"], "give one of them"),
        (["--since", "soon"], "'soon' is not a date or time"),
        (["--since", "999999999w"], "--since: '999999999w' is not a date or time"),
        (["--until", "2026-13-01"], "--until: '2026-13-01' is not a date or time"),
        (["--before", "99"], "there is no event 99"),
        (["--limit", "-1"], "--limit"),
        (["--before", str(2**63)], "--before"),
        (["--limit", "many"], "many"),
        (["--type", "knock"], "knock"),
        (["--colour"], "--colour"),
        (["17"], "17"),
    ],
)
def test_wrong_use_is_one_line_and_code_2(
    eventlog: CommandLine, options: list[str], sentence: str
) -> None:
    """The line names what is wrong; nothing is listed."""
    said = eventlog("events", *options)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_times_are_shown_and_read_in_the_deployments_zone(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """Half past ten in UTC is half past eleven in Berlin; JSON stays in UTC."""
    path = build_log(tmp_path / "door.db", LOG)
    eventlog = CommandLine(capsys, path, time_zone="Europe/Berlin")
    said = eventlog("events", "--until", "2026-02-25T11:31")
    assert "TIME (Europe/Berlin)" in said.lines[0]
    assert "2026-02-25 11:30:00" in said.lines[1]
    (event,) = eventlog("events", "--until", "2026-02-25T11:31", "--json").json
    assert event["recorded_at"] == "2026-02-25T10:30:00"


def test_a_zone_that_is_none_is_an_error(eventlog: CommandLine) -> None:
    """A setting that is wrong is named."""
    eventlog.time_zone = "Europe/Atlantis"
    said = eventlog("events")
    assert said.code == 2
    assert "no time zone 'Europe/Atlantis'" in said.err


def test_names_cannot_move_the_cursor(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """Control characters and marks of direction are shown as escapes; each event is one line."""
    log = [
        visit(0, FaceResult(name=HOSTILE), Detection(label="\u202edog", confidence=1.0)),
        visit(1, camera="[bold]x[/bold]\x07"),
    ]
    eventlog = CommandLine(capsys, build_log(tmp_path / "door.db", log))
    said = eventlog("events")
    assert said.out.isascii()
    assert len(said.lines) == 3
    assert r"eve\x1b[31m\u202e\nb" in said.lines[2]
    assert r"\u202edog" in said.lines[2]
    assert r"[bold]x[/bold]\x07" in said.lines[1]


def test_json_says_the_same_name_without_its_marks(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """A program reads the name unchanged, and control characters do not reach a terminal."""
    eventlog = CommandLine(
        capsys, build_log(tmp_path / "door.db", [visit(0, FaceResult(name=HOSTILE + "é🙂"))])
    )
    said = eventlog("events", "--json")
    assert said.json[0]["person_name"] == HOSTILE + "é🙂"
    assert said.out.isascii()
    assert "\x1b" not in said.out


def test_views_that_lag_are_said_to(eventlog: CommandLine) -> None:
    """What is listed is less than what is known; that is a remark, and no error."""
    with writing(eventlog.db) as connection:
        put(connection, [visit(9)])
    said = eventlog("events")
    assert said.code == 0
    assert len(said.lines) == 6
    assert said.err == (
        "eventlog: the read tables are 1 record behind the journal; the next writer catches up\n"
    )


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("DROP TABLE detections", "the read table detections is missing"),
        ("UPDATE checkpoints SET version = 9", "another version of the program filled events"),
        ("DELETE FROM checkpoints", "another version of the program filled events"),
    ],
)
def test_views_that_are_not_there_are_named(
    eventlog: CommandLine, damage: str, sentence: str
) -> None:
    """With the command that makes them."""
    with closing(sqlite3.connect(eventlog.db, isolation_level=None)) as connection:
        connection.execute(damage)
    said = eventlog("events")
    assert said.code == 2
    assert f"{sentence}: run `eventlog replay`" in said.err
