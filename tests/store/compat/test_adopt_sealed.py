"""A plain store that is taken over with a folder of keys: its names are sealed as they are read."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from eventlog import EventStore
from eventlog.errors import ForeignDatabase
from eventlog.evidence import unfinished
from eventlog.journal import table as journal
from eventlog.maintenance.verify.log import verify
from eventlog.store.compat import adopt
from eventlog.store.seals import LogSeals
from tests.store.compat.plain_stores import ANNA, VISIT, plain_store

pytestmark = pytest.mark.anyio

adopting = adopt.adopt

CANARY, SHOWN = "canary-anna", "Canary Anna"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A plain store of a visit and a person."""
    path = tmp_path / "log" / "events.db"
    path.parent.mkdir()
    visit = {**VISIT, "person_name": CANARY}
    person = {**ANNA, "name": CANARY, "display_name": SHOWN}
    with plain_store(path, [visit], persons=[person]):
        pass
    return path


def bodies(path: Path) -> Iterator[bytes]:
    """The bytes of every record."""
    with closing(sqlite3.connect(path)) as connection:
        for row in journal.read_all(connection):
            yield row.body + (row.meta or b"")


async def test_names_are_sealed_as_they_are_read(path: Path, tmp_path: Path) -> None:
    """The read tables show them, the journal holds seals, and the log stays sealed."""
    keys = str(tmp_path / "keys")
    async with EventStore(str(path), str(tmp_path / "t"), keys_dir=keys) as store:
        event = await store.get_event(7)
        assert event is not None
        assert event["person_name"] == CANARY
        rows = await store.reader.run(
            lambda c: c.execute("SELECT name, display_name FROM persons").fetchall()
        )
        assert rows == [(CANARY, SHOWN)]
    assert not [body for body in bodies(path) if b"anary" in body]
    assert verify(path).ok
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM sealing").fetchone() == (1,)


async def test_a_store_that_is_refused_leaves_no_seals(path: Path, tmp_path: Path) -> None:
    """Neither a file of keys nor a change of the database."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE journal (x)")
    with pytest.raises(ForeignDatabase):
        await EventStore(
            str(path), str(tmp_path / "t"), keys_dir=str(tmp_path / "keys")
        ).initialize()
    assert seals_in(tmp_path / "keys") == []


def seals_in(folder: Path) -> list[Path]:
    """The seals files of a folder."""
    return list(folder.glob("*.seals"))


class Killed(BaseException):
    """The process ended here."""


def kill(*_: object) -> None:
    """End the process."""
    raise Killed


def adopt_and_die(*arguments: object) -> None:
    """Adopt, and end the process before the commit."""
    adopting(*arguments)  # type: ignore[arg-type]  # as it is called
    kill()


@pytest.mark.parametrize("committed", [False, True])
async def test_seals_of_an_adoption_that_was_killed_are_swept(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, committed: bool
) -> None:
    """The next start overwrites those of a log that was never made, and no others."""
    store = EventStore(str(path), str(tmp_path / "t"), keys_dir=str(tmp_path / "keys"))
    with monkeypatch.context() as patch:
        patch.setattr(LogSeals, "find", kill)
        if not committed:  # a kill leaves the seals; nothing that runs after an error has run
            patch.setattr(unfinished, "finish", lambda _: None)
            patch.setattr(Path, "unlink", lambda *_, **__: None)
            patch.setattr(adopt, "adopt", adopt_and_die)
        with pytest.raises(Killed):
            await store.initialize()
    left = seals_in(tmp_path / "keys")
    assert len(left) == len(marks_in(tmp_path / "keys")) == 1
    assert CANARY.encode() in left[0].read_bytes()
    async with EventStore(str(path), str(tmp_path / "t"), keys_dir=str(tmp_path / "keys")) as store:
        event = await store.get_event(7)
    assert event is not None
    assert event["person_name"] == CANARY
    assert len(seals_in(tmp_path / "keys")) == 1
    assert (seals_in(tmp_path / "keys") == left) is committed
    assert marks_in(tmp_path / "keys") == []


def marks_in(folder: Path) -> list[Path]:
    """The marks of logs that are being made."""
    return list(folder.glob("*.unfinished"))
