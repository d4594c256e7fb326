"""`eventlog replay` rebuilds the read tables, compares them, or builds them as of a moment."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from eventlog.facts import AlertSent, Motion
from eventlog.journal import table as journal
from eventlog.journal.append import prepare
from eventlog.projections import VIEWS
from eventlog.record import StoredRecord
from eventlog.storage.lock import FileLock
from tests.cli.command_line import CommandLine
from tests.support.logs import T0, T0_US, build_log, put, rewrite, writing

TABLES = [table for view in VIEWS for table in view.tables]


@pytest.fixture
def eventlog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line over a log of some hundred records."""
    return CommandLine(capsys, build_log(tmp_path / "door.db", 30))


def run_sql(path: Path, *statements: str) -> None:
    """Raw SQL on the views."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every read table."""
    with closing(sqlite3.connect(path)) as connection:
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}


def test_all_views_come_back_from_nothing(eventlog: CommandLine) -> None:
    """Every read table is deleted; after a replay each is as it was, ids included."""
    before = tables(eventlog.db)
    run_sql(eventlog.db, *[f"DROP TABLE {table}" for table in reversed(TABLES)])
    said = eventlog("replay")
    assert (said.code, said.err) == (0, "")
    assert said.out.startswith("Rebuilt up to record ")
    assert tables(eventlog.db) == before


def test_a_view_can_be_named(eventlog: CommandLine) -> None:
    """It is rebuilt with the views that its rows belong to, and JSON says which."""
    run_sql(eventlog.db, "UPDATE persons SET display_name = 'x'")
    (done,) = eventlog("replay", "persons", "--json").json
    assert done["views"] == ["persons"]
    assert done["parked"] == {}
    assert eventlog("replay", "detections", "--json").json[0]["views"] == ["events", "detections"]
    assert eventlog("replay", "--check").code == 0


def test_a_check_of_sound_views_is_fine(eventlog: CommandLine) -> None:
    """Row by row, and nothing is written."""
    said = eventlog("replay", "--check")
    assert (said.code, said.err) == (0, "")
    assert eventlog("replay", "--check", "--json").json == [{"ok": True, "differences": []}]


def test_a_check_of_wrong_views_is_a_finding(eventlog: CommandLine) -> None:
    """Table, row and column are named, the code is 1, and the views stay as they are."""
    run_sql(eventlog.db, "UPDATE events SET camera_id = 'roof' WHERE id = 3")
    before = tables(eventlog.db)
    said = eventlog("replay", "--check")
    assert said.code == 1
    assert said.lines == ["events, row 3, column camera_id: a replay makes another value"]
    (found,) = eventlog("replay", "--check", "--json").json
    assert not found["ok"]
    assert found["differences"] == [
        {
            "table": "events",
            "id": 3,
            "column": "camera_id",
            "what": "a replay makes another value",
        }
    ]
    assert tables(eventlog.db) == before


def test_records_that_cannot_be_applied_are_a_finding(eventlog: CommandLine) -> None:
    """They are parked, counted and shown; the rest is rebuilt."""

    def later(stored: list[StoredRecord]) -> None:
        stored[-1] = stored[-1]._replace(kind="gait")

    rewrite(eventlog.db, later)
    said = eventlog("replay")
    assert said.code == 1
    assert said.lines[-1] == f"{len(VIEWS)} records parked: see eventlog parked"


def test_a_log_without_parked_records_says_so(eventlog: CommandLine) -> None:
    """`parked` is a check as well as a list."""
    said = eventlog("parked")
    assert (said.code, said.out) == (0, "Nothing is parked.\n")
    assert eventlog("parked", "--json").out == ""


def test_parked_records_are_listed_with_their_reason(eventlog: CommandLine) -> None:
    """By position, view and reason; any is a finding."""

    def later(stored: list[StoredRecord]) -> None:
        stored[-1] = stored[-1]._replace(kind="gait")

    rewrite(eventlog.db, later)
    eventlog("replay")
    said = eventlog("parked")
    assert said.code == 1
    assert said.lines[0].split() == ["RECORD", "VIEW", "REASON"]
    assert "does not know the kind" in said.lines[1]
    assert len(eventlog("parked", "--json").json) == len(VIEWS)
    short = eventlog("parked", "--limit", "1")
    assert len(short.lines) == 2
    assert short.err == f"eventlog: {len(VIEWS) - 1} more are parked: see --limit\n"
    assert eventlog("parked", "--limit", "-1").code == 2


def test_the_log_as_it_stood_goes_into_a_file_of_its_own(
    eventlog: CommandLine, tmp_path: Path
) -> None:
    """Complete appends up to the position, with views computed from them."""
    into = tmp_path / "then.db"
    (done,) = eventlog("replay", "--until", "40", "--into", into, "--json").json
    assert done["position"] >= 40
    with closing(sqlite3.connect(into)) as then, closing(sqlite3.connect(eventlog.db)) as now:
        last = journal.head(then)
        stored = journal.read_one(now, last.position)
        assert stored is not None
        assert stored.hash == last.hash
        (events,) = then.execute("SELECT max(id) FROM events").fetchone()
        assert events == journal.last_event(then)
    assert eventlog("verify", "--db", into, "--no-pictures").code == 0
    assert eventlog("events", "--db", into).err == ""
    assert not (tmp_path / "thumbnails").exists()


def test_a_moment_is_that_of_the_append(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """What the journal had got by then, in the zone that times are shown in."""
    path = build_log(tmp_path / "door.db", [])
    opener = prepare([Motion(camera_id="front_door", recorded_at=T0)])
    with writing(path) as connection:
        put(connection, [opener] * 5, tick_us=60_000_000)
    eventlog = CommandLine(capsys, path, time_zone="Europe/Berlin")
    into = tmp_path / "then.db"
    (done,) = eventlog("replay", "--until", "2026-02-25T11:32", "--into", into, "--json").json
    assert done["position"] == 3
    assert T0_US % 1_000_000 == 0


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["nonsense"], "there is no view 'nonsense'"),
        (["--until", "5"], "--until and --into must be given together"),
        (["--into", "x.db"], "--until and --into must be given together"),
        (["--check", "events"], "--check compares all views"),
        (["events", "--until", "5", "--into", "x.db"], "--into makes all views"),
        (["--until", "soon", "--into", "x.db"], "'soon' is not a date or time"),
        (["--until", "9999", "--into", "x.db"], "there is no position 9999"),
        (["--until", "5", "--into", "nowhere/x.db"], "there is no folder nowhere"),
    ],
)
def test_wrong_use_rebuilds_nothing(
    eventlog: CommandLine, options: list[str], sentence: str
) -> None:
    """One line, code 2."""
    said = eventlog("replay", *options)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
    assert not Path("x.db").exists()


def test_a_file_that_is_there_is_not_written_over(eventlog: CommandLine, tmp_path: Path) -> None:
    """A copy up to a position goes only into a new file."""
    kept = tmp_path / "kept.db"
    kept.write_text("precious", encoding="utf-8")
    said = eventlog("replay", "--until", "5", "--into", kept)
    assert said.code == 2
    assert kept.read_text(encoding="utf-8") == "precious"


def test_one_replay_at_a_time(eventlog: CommandLine) -> None:
    """The second replay is asked to wait, and changes nothing."""
    lease = FileLock(eventlog.db.with_name("door.db.replay"))
    lease.acquire()
    try:
        said = eventlog("replay")
    finally:
        lease.close()
    assert said.code == 2
    assert "another replay of this log is running" in said.err


def test_a_replay_leaves_nothing_beside_what_is_no_log(
    eventlog: CommandLine, tmp_path: Path
) -> None:
    """Another program's database, and its folder, stay as they are."""
    other = tmp_path / "other" / "other.db"
    other.parent.mkdir()
    run_sql(other, "CREATE TABLE notes (text)")
    assert eventlog("replay", "--db", other).code == 2
    assert [path.name for path in other.parent.iterdir()] == ["other.db"]


def test_alerts_are_no_views_and_are_rebuilt_all_the_same(eventlog: CommandLine) -> None:
    """A replay sends nothing; it only says again that an alert was sent."""
    with writing(eventlog.db) as connection:
        alert = prepare([AlertSent(channel="telegram")], event_id=1)
        put(connection, [alert])
    assert eventlog("replay").code == 0
    assert eventlog("events", "--before", "2", "--json").json[0]["alert_sent"] == 1
