"""A check while views lag behind an erasure: no difference where a replay can't open the name."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import anyio
import pytest

from eventlog.evidence.seals_file import SealsFile
from eventlog.facts import PersonErased
from eventlog.followers import projector
from eventlog.followers.compare import check
from eventlog.followers.opening import Opening
from eventlog.journal import table as journal
from eventlog.journal.append import prepare
from eventlog.store.find_seals import find_seals, lookup_in
from tests.store.sealed_log import T0, Places, named, visit
from tests.support.logs import put, writing

NAMES = ("ada", "bo")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    """A closed log with two persons, its views up to date."""
    places = Places(tmp_path)

    async def fill() -> None:
        async with places.store() as store:
            for name in NAMES:
                await store.append(named(name))
                await store.append(*visit(name))
            await store.caught_up(await store.reader.last_position())

    anyio.run(fill)
    return places


@contextmanager
def seals(places: Places) -> Iterator[SealsFile]:
    """The log's seals."""
    with closing(sqlite3.connect(places.db)) as connection:
        found = find_seals(connection, places.keys)
    assert found is not None
    with found:
        yield found


def erase(places: Places, file: SealsFile, name: str, *, journal_too: bool = True) -> None:
    """What an erasure does before any view has applied it."""
    first = file.find(name)
    assert first is not None
    gone = tuple(file.of_person(first))
    if journal_too:
        with writing(places.db) as connection:
            fact = PersonErased(sealed=gone, reason="asked", requested_at=T0)
            put(connection, [prepare([fact])])
    file.erase(gone)


def differences(places: Places, file: SealsFile) -> list[str]:
    """What a check finds."""
    names = Opening(lookup_in(file), required=True)
    return [str(difference) for difference in check(places.db, names=names)]


def test_a_view_that_lags_behind_an_erasure_is_not_different(places: Places) -> None:
    """Neither before it has applied the erasure nor after; other rows are compared as always."""
    with seals(places) as file:
        erase(places, file, "ada")
        assert differences(places, file) == []
        with writing(places.db) as connection:
            connection.execute("UPDATE events SET camera_id = 'x'")
        assert differences(places, file) == [
            "events, row 2, column camera_id: a replay makes another value"
        ]
        with writing(places.db) as connection:
            connection.execute("UPDATE events SET camera_id = 'front'")
            while not projector.project_batch(connection, opening=Opening(lookup_in(file))).at_end:
                pass
        assert differences(places, file) == []


def test_a_name_that_no_record_erases_is_a_difference(places: Places) -> None:
    """The seals file says erased, and the journal does not: the views still hold the name."""
    with seals(places) as file:
        erase(places, file, "ada", journal_too=False)
        assert "events, row 1, column person_name: a replay makes another value" in differences(
            places, file
        )


def test_an_erasure_during_a_check_is_not_different(
    places: Places, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The check's snapshot is older than the erasure, and the seals are gone already."""
    reading = journal.read_facts_after
    with seals(places) as file:

        def meanwhile(*arguments: object) -> object:
            monkeypatch.undo()
            erase(places, file, "ada")
            return reading(*arguments)  # type: ignore[arg-type]  # as it is called

        monkeypatch.setattr(journal, "read_facts_after", meanwhile)
        assert differences(places, file) == []
