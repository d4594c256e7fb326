"""`eventlog expire`: says what it deletes, deletes it once, and deletes nothing unasked."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventlog.facts import Motion
from eventlog.journal.append import prepare
from eventlog.pictures.thumbnails import Thumbnails
from tests.cli.command_line import CommandLine
from tests.pictures.hostile_frames import jpeg
from tests.support.logs import T0, build_log


@pytest.fixture
def eventlog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line over a log with three pictures."""
    folder = Thumbnails(tmp_path / "thumbnails")
    saved = [folder.save(jpeg(), f"2026-02-25T10:3{n}:00") for n in range(3)]
    log = [
        prepare([Motion(camera_id="front_door", recorded_at=T0), one])
        for one in saved
        if one is not None
    ]
    assert len(log) == 3
    return CommandLine(capsys, build_log(tmp_path / "door.db", log))


def pictures(eventlog: CommandLine) -> int:
    """How many pictures are in the folder."""
    return len(list(eventlog.thumbnails.glob("*.jpg")))


def test_a_dry_run_deletes_nothing(eventlog: CommandLine) -> None:
    """It says what would go."""
    said = eventlog("expire", "--bytes", "0B", "--dry-run", "--trust-clock")
    assert said.code == 0
    assert said.lines[0].startswith("Would delete 3 pictures (")
    assert pictures(eventlog) == 3


def test_what_was_deleted_is_said_and_recorded(eventlog: CommandLine) -> None:
    """A second run has nothing to do, and the log is sound."""
    (answer,) = eventlog("expire", "--bytes", "0B", "--trust-clock", "--json").json
    assert (answer["by_bytes"], answer["kept"], answer["dry_run"]) == (3, 0, False)
    assert pictures(eventlog) == 0
    (again,) = eventlog("expire", "--bytes", "0B", "--trust-clock", "--json").json
    assert (again["by_bytes"], again["unfinished"]) == (0, 0)
    assert eventlog("verify").code == 0
    assert eventlog("replay", "--check").code == 0


def test_young_pictures_stay(eventlog: CommandLine) -> None:
    """Whatever is younger than the age."""
    said = eventlog("expire", "--pictures", "80y", "--trust-clock")
    assert (said.code, pictures(eventlog)) == (0, 3)
    assert said.lines[-1].startswith("3 pictures kept (")


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ([], "say what may be deleted"),
        (["--pictures", "soon"], "--pictures: 'soon' is not an age"),
        (["--bytes", "many"], "--bytes: 'many' is not a size"),
        (["--label", "car"], "--label: 'car' should be a label and an age"),
    ],
)
def test_wrong_use_is_named_and_deletes_nothing(
    eventlog: CommandLine, options: list[str], complaint: str
) -> None:
    """Code 2, one line."""
    said = eventlog("expire", *options)
    assert said.code == 2
    assert complaint in said.err
    assert pictures(eventlog) == 3


def test_a_missing_log_is_named(eventlog: CommandLine) -> None:
    """And none is made."""
    eventlog.db.unlink()
    said = eventlog("expire", "--bytes", "1GB")
    assert said.code == 2
    assert not eventlog.db.exists()
