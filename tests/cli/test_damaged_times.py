"""A record whose time of append is damaged is shown as unreadable, and stops no command."""

from __future__ import annotations

from pathlib import Path

import pytest

from eventlog.facts import AlertSent, Motion
from eventlog.journal.append import prepare
from eventlog.record import StoredRecord
from tests.cli.command_line import CommandLine
from tests.support.logs import T0, build_log, rewrite

TIMES = [10**18, -(10**18), 2**63 - 1, -(2**63), 253_402_300_800_000_000]
OPENER = Motion(camera_id="front_door", recorded_at=T0)


@pytest.fixture(params=[1, 3, 6])
def hit(request: pytest.FixtureRequest) -> int:
    """The damaged record: the first, one in the middle, and the last of six."""
    return int(request.param)


@pytest.fixture(params=TIMES)
def eventlog(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, request: pytest.FixtureRequest, hit: int
) -> CommandLine:
    """The command line over three events, one of their records with a damaged time."""

    def damage(stored: list[StoredRecord]) -> None:
        stored[hit - 1] = stored[hit - 1]._replace(appended_at=request.param)

    path = build_log(tmp_path / "door.db", [prepare([OPENER, AlertSent()])] * 3)
    rewrite(path, damage)
    return CommandLine(capsys, path)


def test_tail_shows_its_neighbours(eventlog: CommandLine, hit: int) -> None:
    """Each record has its line; the damaged one says that it can't be read."""
    said = eventlog("tail")
    assert (said.code, said.err) == (0, "")
    assert [int(line.split()[0]) for line in said.lines] == [1, 2, 3, 4, 5, 6]
    assert [n for n, line in enumerate(said.lines, 1) if "can't be read" in line] == [hit]
    assert [n["position"] for n in eventlog("tail", "--json").json if "error" in n] == [hit]


def test_show_tells_the_event(eventlog: CommandLine, hit: int) -> None:
    """With the records that can be read; every event is shown."""
    for event in (1, 2, 3):
        said = eventlog("show", event)
        assert (said.code, "can't be read" in said.out) == (0, event == (hit + 1) // 2)
        assert len(eventlog("show", event, "--json").json[0]["records"]) == 2


def test_status_and_export_go_on(eventlog: CommandLine) -> None:
    """The log is read from end to end."""
    assert eventlog("status").code == 0
    assert eventlog("status", "--json").json[0]["records"] == 6
    assert len(eventlog("export").lines) == 7
