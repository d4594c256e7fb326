"""`eventlog show` shows one event: why the door opened or did not, and every record in order."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from eventlog import codecs
from eventlog.facts import AlertSent, Ding, FaceResult, Motion, PersonNamed, UnlockAction
from eventlog.journal import table as journal
from eventlog.journal.append import Append, prepare
from eventlog.record import StoredRecord
from tests.cli.command_line import CommandLine
from tests.support.logs import BOOT, T0, T0_US, build_log, rewrite, rows

AT = T0 + timedelta(seconds=1)
LOG = [
    prepare([PersonNamed(name="ada", display_name="Ada L.")]),
    prepare(
        [
            Ding(camera_id="front_door", recorded_at=T0),
            FaceResult(name="ada", distance=0.38, tolerance=0.6, recorded_at=AT),
            UnlockAction(
                granted=True,
                door_action="unlocked",
                person="ada",
                distance=0.38,
                actor="face",
                rule="by day",
                recorded_at=AT + timedelta(days=1),
            ),
        ],
        key="ring:1",
    ),
    prepare([Motion(camera_id="garden", recorded_at=T0)]),
    Append(prepare([AlertSent(channel="telegram")], event_id=1).facts, opens=False, event_id=1),
]


@pytest.fixture
def eventlog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line over two visits."""
    return CommandLine(capsys, build_log(tmp_path / "door.db", LOG))


def test_the_story_has_its_sentence_on_top_and_a_line_a_record(eventlog: CommandLine) -> None:
    """Positions, times where the camera knew them, what was said, and short hashes."""
    said = eventlog("show", "1")
    hashes = [row[-1].hex()[:8] for row in rows(eventlog.db)]
    assert (said.code, said.err) == (0, "")
    sentence = (
        "  The door was unlocked for Ada L. (recorded as ada): asked by face, distance 0.38"
        ' within the tolerance of 0.6; rule: "by day".'
    )
    assert said.lines[:4] == [
        "Event 1 · a ring at front_door · Wednesday, 2026-02-25 10:30:00",
        "",
        sentence,
        "",
    ]
    face = "Face: Ada L. (recorded as ada), distance 0.38 within the tolerance of 0.6"
    asked = (
        'Asked to unlock by face for Ada L. (recorded as ada): granted, unlocked; rule: "by day"'
    )
    assert [re.split(r"\s{2,}", line.strip()) for line in said.lines[4:9]] == [
        ["RECORD", "TIME", "WHAT", "HASH"],
        ["2", "10:30:00.000", "Somebody rang at front_door", hashes[1]],
        ["3", "10:30:01.000", face, hashes[2]],
        ["4", "2026-02-26 10:30:01.000", asked, hashes[3]],
        ["6", "Alert sent by telegram", hashes[5]],
    ]
    assert said.lines[9:] == ["", "Times are UTC. The journal got it at 2026-02-25 10:30:00."]


def test_json_holds_the_facts_and_whole_hashes(eventlog: CommandLine) -> None:
    """One object: the outcome, the sentence, and every record with its fact."""
    (shown,) = eventlog("show", "1", "--json").json
    assert shown["event_id"] == 1
    assert shown["outcome"] == "granted"
    assert shown["why"].startswith("The door was unlocked for ada")
    assert [record["position"] for record in shown["records"]] == [2, 3, 4, 6]
    assert shown["records"][0]["key"] == "ring:1"
    assert shown["records"][1]["fact"]["distance"] == 0.38
    assert [record["hash"] for record in shown["records"]] == [
        row[-1].hex() for row in rows(eventlog.db) if row[1] == 1
    ]


@pytest.mark.parametrize("event", ["3", "0", str(2**63), str(10**30)])
def test_an_event_that_is_not_there_is_an_error(eventlog: CommandLine, event: str) -> None:
    """In one line, whatever the number."""
    said = eventlog("show", event)
    assert (said.code, said.out) == (2, "")
    assert said.err == f"eventlog: there is no event {event}\n"


def test_a_story_needs_no_view(eventlog: CommandLine) -> None:
    """It is computed from the journal; without the read tables, names are those of the facts."""
    with closing(sqlite3.connect(eventlog.db, isolation_level=None)) as connection:
        connection.execute("DROP TABLE persons")
    said = eventlog("show", "1")
    assert said.code == 0
    assert "unlocked for ada: asked by face" in said.out
    assert "the read table persons is missing" in said.err


def test_a_record_that_cannot_be_read_stays_in_the_story(eventlog: CommandLine) -> None:
    """A later program's kind has its line, and no traceback."""

    def later(stored: list[StoredRecord]) -> None:
        stored[2] = stored[2]._replace(kind="gait\x1b")

    rewrite(eventlog.db, later)
    said = eventlog("show", "1")
    assert said.code == 0
    assert "1 record of the event can't be read." in said.out
    assert "can't be read: this program does not know the kind" in said.out
    (shown,) = eventlog("show", "1", "--json").json
    assert shown["records"][1]["kind"] == "gait\x1b"
    assert shown["records"][1]["error"]


def test_a_clock_that_was_set_soon_after_casts_doubt_on_the_times(eventlog: CommandLine) -> None:
    """The note says by how much, and which records it concerns."""

    def jump(stored: list[StoredRecord]) -> None:
        meta = codecs.encode_meta({"boot": BOOT, "clock_ns": 5_000_000})
        stored[4] = stored[4]._replace(appended_at=T0_US + 3_600_000_000, meta=meta)

    rewrite(eventlog.db, jump)
    said = eventlog("show", "1")
    assert (
        "Note: the wall clock was set by +3600.0 s between records 2 and 5: the times of this"
        " event's records up to 2 are uncertain." in said.out
    )
    (shown,) = eventlog("show", "1", "--json").json
    assert len(shown["notes"]) >= 1
    assert "Note: the wall clock was set by +3600" not in eventlog("show", "2").out


def test_texts_of_a_story_are_escaped(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A camera, a rule, a name and a scale come from outside."""
    hostile = "a\x1b]0;x\x07\u2066b"
    log = [
        prepare(
            [
                Motion(camera_id=hostile, recorded_at=T0),
                FaceResult(name=hostile),
                UnlockAction(granted=True, person=hostile, rule=hostile, actor=hostile),
            ]
        )
    ]
    eventlog = CommandLine(capsys, build_log(tmp_path / "door.db", log))
    said = eventlog("show", "1")
    assert "\x1b" not in said.out
    assert "\u2066" not in said.out
    assert r"a\x1b]0;x\x07\u2066b" in said.out


def test_the_journals_rows_are_not_changed_by_looking(eventlog: CommandLine) -> None:
    """Reading commands read."""
    before = rows(eventlog.db)
    eventlog("show", "1")
    assert rows(eventlog.db) == before
    with closing(sqlite3.connect(eventlog.db)) as connection:
        assert journal.last_position(connection) == 6
