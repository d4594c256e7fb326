"""`eventlog demo` shows the main job on a log of its own, and touches no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventlog.cli import demo
from tests.command_line import CommandLine
from tests.logs import build_log, contents


@pytest.fixture
def eventlog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line of an owner who has a log."""
    return CommandLine(capsys, build_log(tmp_path / "door.db", 3))


@pytest.fixture
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No recorded payloads beside the checkout."""
    monkeypatch.setattr(demo, "RECORDED", tmp_path / "nowhere")


@pytest.mark.usefixtures("alone")
def test_a_day_goes_in_and_comes_out(eventlog: CommandLine, tmp_path: Path) -> None:
    """Events in, the list and a story out, rebuilt, verified; and what to try next is true."""
    folder = tmp_path / "demo"
    said = eventlog("demo", "--into", folder)
    assert (said.code, said.err) == (0, "")
    assert "yesterday, made up" in said.out
    assert "12 of 24 events" in said.out
    assert "The door was unlocked" in said.out
    assert "The door was not unlocked" in said.out
    assert "All is whole." in said.out
    tried = [line.split(" --db ")[1].split() for line in said.lines if " --db " in line]
    assert len(tried) == 4
    for database, command, *rest in tried:
        if "--follow" not in rest:
            assert eventlog("--db", database, command, *rest).code == 0
    (status,) = eventlog("--db", folder / "events.db", "status", "--json").json
    assert status["last_event"] == 24
    assert all(view["lag"] == 0 for view in status["views"])


def test_recorded_payloads_go_in_where_they_are(
    eventlog: CommandLine, tmp_path: Path, shared_data: Path
) -> None:
    """Those of real cameras, each once though they are fed twice, and the made-up day."""
    assert shared_data == demo.RECORDED
    said = eventlog("demo", "--into", tmp_path / "demo")
    assert said.code == 0
    assert "50 events; fed again: 0" in said.out
    assert said.out.count("fed again: 0") == len(demo.PAYLOADS)
    assert "All is whole." in said.out


@pytest.mark.usefixtures("alone")
def test_the_owners_log_is_never_touched(eventlog: CommandLine, tmp_path: Path) -> None:
    """Whatever DB_PATH and --db say."""
    before = contents(eventlog.db)
    assert eventlog("demo", "--into", tmp_path / "demo", "--db", eventlog.db).code == 0
    assert contents(eventlog.db) == before
    assert not eventlog.thumbnails.exists()


@pytest.mark.usefixtures("alone")
def test_a_demo_is_made_anew(eventlog: CommandLine, tmp_path: Path) -> None:
    """A second one finds nothing of the first."""
    folder = tmp_path / "demo"
    first, second = (eventlog("demo", "--into", folder) for _ in range(2))
    assert first.code == second.code == 0
    assert "12 of 24 events" in second.out
    assert len(list((folder / "thumbnails").iterdir())) == 24


def test_a_folder_with_something_else_in_it_stays(eventlog: CommandLine, tmp_path: Path) -> None:
    """Only what a demo has made is made anew."""
    kept = tmp_path / "photos" / "wedding.jpg"
    kept.parent.mkdir()
    kept.write_text("precious", encoding="utf-8")
    said = eventlog("demo", "--into", kept.parent)
    assert (said.code, said.out) == (2, "")
    assert "holds something else than a demo; it stays untouched" in said.err
    assert kept.read_text(encoding="utf-8") == "precious"


def test_a_folder_that_cannot_be_made_is_an_error(eventlog: CommandLine, tmp_path: Path) -> None:
    """In one line."""
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    for folder in (file, file / "demo"):
        said = eventlog("demo", "--into", folder)
        assert (said.code, said.out) == (2, "")
        assert said.err.count("\n") == 1
