"""`eventlog tail` shows the journal's last records, and with --follow those that come."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from eventlog.facts import AlertSent, Motion, PersonNamed
from eventlog.journal.append import prepare
from eventlog.record import StoredRecord
from tests.cli.command_line import CommandLine
from tests.support.logs import T0, build_log, put, rewrite, writing

CHECKOUT = Path(__file__).resolve().parent.parent.parent
OPENER = Motion(camera_id="front_door", recorded_at=T0)
LOG = [prepare([PersonNamed(name="ada")]), *[prepare([OPENER, AlertSent()])] * 8]


@pytest.fixture
def eventlog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line over 17 records."""
    return CommandLine(capsys, build_log(tmp_path / "door.db", LOG))


def test_the_last_ten_are_shown(eventlog: CommandLine) -> None:
    """A line each: position, time of append, event, what it says."""
    said = eventlog("tail")
    assert (said.code, said.err) == (0, "")
    assert [int(line.split()[0]) for line in said.lines] == list(range(8, 18))
    assert said.lines[-1] == "    17  2026-02-25 10:30:00  event 8     Alert sent"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["-n", "2"], [16, 17]),
        (["--limit", "0"], []),
        (["--limit", "99"], list(range(1, 18))),
        (["--after", "15"], [16, 17]),
        (["--after", "0"], list(range(1, 18))),
        (["--after", "17"], []),
    ],
)
def test_a_part_is_shown_on_demand(
    eventlog: CommandLine, options: list[str], expected: list[int]
) -> None:
    """So many of the last ones, or all after a position."""
    assert [record["position"] for record in eventlog("tail", "--json", *options).json] == expected


def test_json_is_a_record_a_line(eventlog: CommandLine) -> None:
    """With the fact, and no event if there is none."""
    record, *_ = eventlog("tail", "--after", "0", "--json").json
    assert (record["position"], record["event_id"]) == (1, None)
    assert record["fact"]["name"] == "ada"


@pytest.mark.parametrize("options", [["-n", "-1"], ["--after", "-1"]])
def test_what_is_before_the_beginning_is_wrong(eventlog: CommandLine, options: list[str]) -> None:
    """Positions begin at 1."""
    said = eventlog("tail", *options)
    assert (said.code, said.out) == (2, "")


def test_a_cursor_is_taken_and_given(eventlog: CommandLine) -> None:
    """The cursor of each record in JSON is what --after takes, also with the start of its hash."""
    shown = eventlog("tail", "--json", "-n", "2").json
    for after in (shown[0]["cursor"], shown[0]["cursor"][:11]):
        assert eventlog("tail", "--json", "--after", after).json == shown[1:]


@pytest.mark.parametrize(
    ("after", "reason"),
    [
        ("16:00000000", "position 16 of the journal is another record than the cursor's"),
        ("18", "position 18 is past the end of the journal, which is 17"),
        ("x", "--after: a cursor is a position"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--follow"], ["--json"]])
def test_a_cursor_that_the_log_does_not_know_is_wrong(
    eventlog: CommandLine, after: str, reason: str, more: list[str]
) -> None:
    """One of another history, or past the end: an error and not a wait."""
    said = eventlog("tail", "--after", after, *more)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"eventlog: {reason}")


def unreadable(stored: list[StoredRecord]) -> None:
    """Make a record one of a later program."""
    stored[15] = stored[15]._replace(kind="gait")


def test_a_record_that_cannot_be_read_is_passed(eventlog: CommandLine) -> None:
    """It has its line, and those after it come."""
    rewrite(eventlog.db, unreadable)
    said = eventlog("tail", "-n", "3")
    assert said.code == 0
    assert "can't be read" in said.lines[1]
    assert len(said.lines) == 3


@pytest.mark.usefixtures("signals_by_default")
def test_following_goes_on_with_what_another_process_appends(eventlog: CommandLine) -> None:
    """Past a record that can't be read; Ctrl-C ends it, quietly."""
    rewrite(eventlog.db, unreadable)
    command = [sys.executable, "-m", "eventlog", "tail", "--follow", "-n", "1"]
    command += ["--db", str(eventlog.db), "--json"]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=CHECKOUT
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert '"position":17' in process.stdout.readline()
        with writing(eventlog.db) as connection:
            put(connection, [prepare([OPENER, AlertSent(channel="telegram")])])
        assert '"position":18' in process.stdout.readline()
        assert '"channel":"telegram"' in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 130
        assert process.stderr.read() == ""
