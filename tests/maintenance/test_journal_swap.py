"""A journal replaces an empty one in steps, and appears complete or not at all."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from eventlog import EventStore, Motion, PersonNamed
from eventlog.errors import BadArgument
from eventlog.journal import table as journal
from eventlog.journal.append import prepare
from eventlog.journal.head_file import read_head
from eventlog.maintenance import journal_swap as exchange
from eventlog.maintenance.journal_swap import take_over
from eventlog.maintenance.verify.log import verify
from eventlog.storage.lock import FileLock
from eventlog.storage.paths import lock_path
from tests.support.logs import T0, build_log, put, rows, writing


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    """A log of some seventy records."""
    return build_log(tmp_path / "whole.db", 20)


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A log without records; steps are short."""
    monkeypatch.setattr(exchange, "STEP_ROWS", 7)
    return build_log(tmp_path / "empty.db", 0)


def tables(path: Path) -> set[str]:
    """The names of a log's tables."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        return {name for (name,) in found}


@pytest.fixture
def between(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Do something in the room that is left between two steps."""

    def use(function: Callable[[], None]) -> None:
        monkeypatch.setattr("eventlog.maintenance.journal_swap.time.sleep", lambda _: function())

    return use


def test_the_lock_is_free_between_the_steps_and_the_journal_empty_until_the_last(
    whole: Path, empty: Path, between: Callable[[Callable[[], None]], None]
) -> None:
    """An append waits for one step at most; a reader sees nothing of the journal or all of it."""
    seen = []

    def look() -> None:
        with closing(FileLock(lock_path(empty))) as lock:
            lock.acquire(since=-math.inf)  # raises where it is held
        seen.append(len(rows(empty)))

    between(look)
    mark = take_over(empty, whole)
    assert seen == [0] * (math.ceil(len(rows(whole)) / 7) + 1)
    assert rows(empty) == rows(whole)
    assert read_head(empty) == mark
    assert verify(empty).ok
    assert tables(empty) == tables(whole)


def test_the_guards_stand_before_the_rows_that_came(whole: Path, empty: Path) -> None:
    """They are those of the table that took the rows in."""
    take_over(empty, whole)
    with closing(sqlite3.connect(empty)) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="never changed"):
            connection.execute("UPDATE journal SET kind = 'x'")
        with pytest.raises(sqlite3.IntegrityError, match="never deleted"):
            connection.execute("DELETE FROM journal")
        with pytest.raises(sqlite3.IntegrityError, match="key stands"):
            connection.execute(
                "INSERT INTO journal SELECT (SELECT max(position) + 1 FROM journal), event_id,"
                " kind, version, format, appended_at, append_index, append_size, key, meta, body,"
                " hash FROM journal WHERE key IS NOT NULL LIMIT 1"
            )


def test_what_is_appended_meanwhile_stays_and_the_rest_is_refused(
    whole: Path, empty: Path, between: Callable[[Callable[[], None]], None]
) -> None:
    """The bell that rang into the empty log is worth more than the import."""

    def ring() -> None:
        if not rows(empty):
            with writing(empty) as connection:
                put(connection, [prepare([PersonNamed(name="ada")])])

    before = tables(empty)
    between(ring)
    with pytest.raises(BadArgument, match="has 1 records"):
        take_over(empty, whole)
    assert [row[2] for row in rows(empty)] == ["person_named"]
    assert tables(empty) == before
    carried = rows(whole)[-1][journal.COLUMNS.split(", ").index("hash")]
    assert carried not in empty.read_bytes()
    assert verify(empty).ok


def test_an_error_on_the_way_leaves_the_log_as_it_was(
    whole: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also one that comes when the tables have changed places, and nothing is committed yet."""

    def full(_: sqlite3.Connection) -> None:
        exchanged(_)
        raise sqlite3.OperationalError("disk I/O error")

    exchanged = exchange._exchange_roots
    monkeypatch.setattr(exchange, "_exchange_roots", full)
    before = tables(empty)
    with pytest.raises(Exception, match="disk I/O error"):
        take_over(empty, whole)
    assert (rows(empty), tables(empty)) == ([], before)
    assert verify(empty).ok


def test_what_a_killed_one_left_is_cleared_away(whole: Path, empty: Path) -> None:
    """A table of some rows next to the journal; the next one starts again."""
    with closing(sqlite3.connect(empty, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS whole", (str(whole),))
        connection.execute("CREATE TABLE imported_journal AS SELECT * FROM whole.journal LIMIT 30")
    take_over(empty, whole)
    assert rows(empty) == rows(whole)
    assert tables(empty) == tables(whole)


def test_a_kill_before_the_new_head_is_written_leaves_no_finding(
    whole: Path, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The records are committed and the log has another id; the head file has the id of before."""

    class Killed(BaseException):
        """The process ends here."""

    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(exchange, "keep_other_head", killed)
    with pytest.raises(Killed):
        take_over(empty, whole)
    assert rows(empty) == rows(whole)
    assert verify(empty).findings == ()


@pytest.mark.anyio
async def test_a_store_that_has_the_log_open_goes_on_behind_the_last_record(
    whole: Path, empty: Path
) -> None:
    """Its statements are prepared already, and its keys and events are those that came."""
    async with EventStore(str(empty), str(empty.with_name("thumbnails"))) as store:
        assert await store.reader.last_position() == 0
        take_over(empty, whole)
        last = len(rows(whole))
        receipt = await store.append(Motion(camera_id="front_door", recorded_at=T0))
        await store.caught_up(receipt.positions[0])
        event = await store.get_event(receipt.event_id or 0)
    assert receipt.positions == (last + 1,)
    assert event is not None
    with closing(sqlite3.connect(whole)) as connection:
        assert receipt.event_id == journal.last_event(connection) + 1
    assert verify(empty).ok
