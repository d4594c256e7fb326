"""`eventlog forget` and `seal`: no byte of a name is left, and all else is as it was."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import anyio
import anyio.to_thread
import pytest

from eventlog import EventStore
from eventlog.facts import (
    FaceResult,
    Fact,
    IdentityLinked,
    Motion,
    PersonNamed,
    UnlockAction,
)
from eventlog.journal import table as journal
from eventlog.maintenance.forgetting import forget as forgetting
from eventlog.maintenance.verify.log import verify
from eventlog.pictures.thumbnails import Thumbnails
from tests.cli.command_line import CommandLine, Said
from tests.pictures.hostile_frames import jpeg

AT = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
NAME, SHOWN, REF, OTHER = "canary-ada", "Canary Lovelace é", "canary-user-1", "bo-the-other"
CANARIES = (NAME, SHOWN, REF)


def visit(number: int, name: str) -> list[Fact]:
    """A visit of somebody who is let in."""
    at = AT + timedelta(minutes=number)
    return [
        Motion(camera_id="front_door", recorded_at=at),
        FaceResult(name=name, distance=0.3, tolerance=0.6),
        UnlockAction(granted=True, door_action="unlocked", person=name, actor="face"),
    ]


async def fill(path: Path, keys: Path | None, visits: int = 6) -> None:
    """Two persons with visits, pictures, a name to show and a link."""
    folder = Thumbnails(path.parent / "thumbnails")
    async with EventStore(
        str(path), str(folder.folder), keys_dir=None if keys is None else str(keys)
    ) as store:
        await store.append(PersonNamed(name=NAME, display_name=SHOWN))
        await store.append(PersonNamed(name=OTHER, display_name="Bo"))
        await store.append(IdentityLinked(person=NAME, identity=REF, source="august"))
        for number in range(visits):
            name = (NAME, OTHER)[number % 2]
            saved = await folder.save_async(jpeg(), (AT + timedelta(minutes=number)).isoformat())
            assert saved is not None
            await store.append(*visit(number, name), saved)
        await store.caught_up(await store.reader.last_position())


def everything(folder: Path) -> Iterator[tuple[Path, bytes]]:
    """Every file below a folder, with its bytes."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()


def forms(text: str) -> Iterator[bytes]:
    """A text in the forms in which a file may hold it."""
    raw = text.encode()
    yield raw
    yield raw.hex().encode()
    yield json.dumps(text)[1:-1].encode()
    yield text.encode("utf-16-le")


def found_in(folder: Path, texts: tuple[str, ...] = CANARIES) -> list[str]:
    """The files that hold one of the texts."""
    return [
        f"{path}: {text}"
        for path, data in everything(folder)
        for text in texts
        if any(form in data for form in forms(text))
    ]


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """The answer of a query."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def unsealed(door: CommandLine) -> list[dict[str, Any]]:
    """The events as they are shown, without their seals."""
    return [{**event, "sealed": None} for event in door("events", "--json").json]


def sealed_door(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    visits: int = 6,
) -> CommandLine:
    """What the fixture `door` answers; `visits` as for `fill`."""
    for folder in ("log", "stick", "work"):
        (tmp_path / folder).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    path = tmp_path / "log" / "events.db"
    anyio.run(fill, path, tmp_path / "keys", visits)
    door = CommandLine(capsys, path, keys_dir=tmp_path / "keys")
    assert door("keys", "backup", tmp_path / "stick" / "door.keys").code == 0
    return door


@pytest.fixture
def door(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> CommandLine:
    """A log with sealed names and a second place of its keys, in a folder of their own."""
    return sealed_door(tmp_path, capsys, monkeypatch)


def test_a_forgotten_name_is_in_no_byte_of_any_file(door: CommandLine, tmp_path: Path) -> None:
    """Not in the log, its WAL, the keys, their second place, a backup, an export, a replay."""
    names = {place.split(":")[0] for place in found_in(tmp_path)}
    assert {Path(name).suffix for name in names} >= {".db", ".seals", ".keys"}
    said = door("forget", NAME, "--yes")
    assert (said.code, "Found 0 times" in said.out) == (0, True), said
    assert found_in(tmp_path) == []
    assert door("backup", tmp_path / "stick" / "backup.db").code == 0
    assert door("export", tmp_path / "stick" / "export.jsonl").code == 0
    assert door("replay").code == 0
    assert door("replay", "--until", "10", "--into", tmp_path / "stick" / "then.db").code == 0
    assert door("verify").code == 0
    assert found_in(tmp_path) == []
    assert NAME not in door("events").out + door("show", 1).out + door("tail").out


def test_the_other_person_is_untouched(door: CommandLine) -> None:
    """Rows, pictures and records, byte for byte; only records were added."""
    of_bo = f"SELECT * FROM events WHERE person_name = '{OTHER}'"
    before = rows(door.db, of_bo), rows(door.db, "SELECT * FROM journal ORDER BY position")
    pictures = {path.name for path in door.thumbnails.glob("*.jpg")}
    assert door("forget", NAME, "--yes").code == 0
    after = rows(door.db, "SELECT * FROM journal ORDER BY position")
    assert rows(door.db, of_bo) == before[0]
    assert after[: len(before[1])] == before[1]
    assert len({path.name for path in door.thumbnails.glob("*.jpg")}) == len(pictures) - 3
    assert verify(door.db).ok
    assert OTHER in door("events").out
    assert "erased person" in door("events").out


def test_a_picture_that_another_visit_had_first_is_deleted(door: CommandLine) -> None:
    """One file in two visits: it goes with the person of the second one too."""

    async def share() -> None:
        async with EventStore(
            str(door.db), str(door.thumbnails), keys_dir=str(door.db.parents[1] / "keys")
        ) as store:
            shared = Thumbnails(door.thumbnails).describe(
                "thumbnails/2026-02-25T10-31-00+00-00.jpg"
            )
            await store.append(*visit(9, NAME), shared)

    anyio.run(share)
    assert "4 pictures" in door("forget", NAME, "--yes").out
    assert door("verify").code == 0


def test_nothing_is_done_without_a_yes(door: CommandLine, tmp_path: Path) -> None:
    """It says what it would reach, and changes no byte."""
    before = rows(door.db, "SELECT * FROM journal")
    said = door("forget", NAME)
    assert (said.code, "3 visits" in said.out, "3 pictures" in said.out) == (1, True, True)
    assert SHOWN in said.out
    assert rows(door.db, "SELECT * FROM journal") == before
    assert found_in(tmp_path / "keys")


def test_pictures_can_be_kept_and_files_of_faces_deleted(door: CommandLine, tmp_path: Path) -> None:
    """What is not deleted is said, and keeps it from being finished."""
    faces = tmp_path / "work" / "known_faces"
    faces.mkdir()
    for name in (f"{NAME}.jpg", f"{OTHER}.jpg"):
        (faces / name).touch()
    said = door("forget", NAME, "--yes", "--keep-pictures")
    assert said.code == 1
    assert f"known_faces/{NAME}.jpg: the next visit would name them again" in said.out
    assert len(list(door.thumbnails.glob("*.jpg"))) == 6


def test_known_faces_go_with_the_person(door: CommandLine, tmp_path: Path) -> None:
    """Those of this person only."""
    faces = tmp_path / "work" / "known_faces"
    faces.mkdir()
    for name in (f"{NAME}.jpg", f"{NAME}_2.png", f"{OTHER}.jpg"):
        (faces / name).touch()
    assert door("forget", NAME, "--yes", "--known-faces", faces).code == 0
    assert [path.name for path in faces.iterdir()] == [f"{OTHER}.jpg"]


def test_what_cannot_be_reached_is_said(door: CommandLine, tmp_path: Path) -> None:
    """The config's people, a rule with the name in it, a copy of the keys that is away."""

    async def rule() -> None:
        async with EventStore(
            str(door.db), str(door.thumbnails), keys_dir=str(tmp_path / "keys")
        ) as store:
            await store.append(
                UnlockAction(granted=False, rule=f"{NAME} may enter"), key=f"by {NAME}"
            )

    anyio.run(rule)
    config = tmp_path / "door.toml"
    config.write_text(
        f'log = {{ db = "{door.db}", thumbnails = "x" }}\nmqtt = {{}}\n'
        f'[source.frigate]\nkind = "frigate"\npeople = ["{NAME}"]\n'
    )
    (tmp_path / "stick" / "door.keys").unlink()
    said = door("forget", NAME, "--yes", "--config", config)
    assert f"source.frigate.people has {NAME}" in said.out
    assert "1 record with the text in another field" in said.out
    assert "1 record with the text in an idempotency key" in said.out
    assert "door.keys still opens the name" in said.out
    assert "Home Assistant" in said.out


def test_a_person_gets_all_of_theirs_and_nothing_of_others(
    door: CommandLine, tmp_path: Path
) -> None:
    """A zip with records and pictures; it is noted, and the next visit gets another seal."""
    target = tmp_path / "stick" / "ada.zip"
    assert door("forget", "--export", NAME, "--into", target).code == 0
    with ZipFile(target) as archive:
        lines = [json.loads(line) for line in archive.read("records.jsonl").splitlines()]
        pictures = [name for name in archive.namelist() if name.startswith("pictures/")]
        assert OTHER.encode() not in archive.read("records.jsonl")
    named = [line for line in lines if NAME in json.dumps(line)]
    assert len(named) == 2 + 3 * 2
    assert len(pictures) == 3
    assert found_in(tmp_path / "keys")  # nothing was erased
    said = door("forget", NAME, "--yes")
    assert f"{target}, made as export, has names in it" in said.out
    again = door("forget", "--export", NAME, "--into", tmp_path / "stick" / "again.zip")
    assert (again.code, "no person" in again.err) == (2, True)


def append(door: CommandLine, *units: list[Fact]) -> None:
    """Append with the keys at hand; the views have it on return."""

    async def run() -> None:
        async with EventStore(
            str(door.db), str(door.thumbnails), keys_dir=str(door.db.parents[1] / "keys")
        ) as store:
            for facts in units:
                await store.append(*facts)
            await store.caught_up(await store.reader.last_position())

    anyio.run(run)


def of_nobody(reference: str | None = None, person: str | None = None) -> list[Fact]:
    """An unlock by a user of a lock, or under another name."""
    ring = Motion(camera_id="front_door", recorded_at=AT + timedelta(hours=1))
    unlock = UnlockAction(
        granted=True, door_action="unlocked", person=person, user_ref=reference, actor="keypad"
    )
    return [ring, unlock]


@pytest.mark.parametrize("how", ["export", "reveal"])
def test_links_hold_for_a_name_that_was_handed_out(
    door: CommandLine, tmp_path: Path, how: str
) -> None:
    """A user of a lock and a second name are the person's under the new seals too."""
    second, parted = IdentityLinked(person=NAME, same_as="ada-l"), "canary-user-2"
    undone = IdentityLinked(person=NAME, source="august", identity=parted, linked=False)
    append(
        door, [second], [IdentityLinked(person=NAME, source="august", identity=parted)], [undone]
    )
    before = len(rows(door.db, "SELECT 1 FROM journal"))
    seals = [row[0] for row in rows(door.db, "SELECT sealed FROM event_names")]
    if how == "export":
        said = door("forget", "--export", NAME, "--into", tmp_path / "ada.zip")
    else:
        assert door("keys", "init", tmp_path / "keys").code == 0
        said = door("prove", 5, "--reveal", "name", "--into", tmp_path)
    assert said.code == 0, said
    append(door, of_nobody(REF), of_nobody(person="ada-l"), of_nobody(parted), visit(9, NAME))
    events = door("events", "--json").json
    named = {event["id"]: event["person_name"] for event in events}
    assert [named[id_] for id_ in sorted(named)][-4:] == [NAME, NAME, None, NAME]
    # No seal that was in the file is in a record of after it, but that of the other person.
    bodies = [body for (body,) in rows(door.db, "SELECT body FROM journal ORDER BY position")]
    used = {seal for seal in seals for body in bodies[before:] if seal in body}
    assert len(used) <= 1  # the reference whose link was undone
    assert door("replay", "--check").code == 0
    assert door("forget", NAME, "--yes").code == 0
    assert door("replay", "--check").code == 0
    assert found_in(door.db.parent, (NAME, SHOWN, REF, "ada-l")) == []


def test_a_link_is_repeated_once_for_each_time_that_names_are_handed_out(
    door: CommandLine, tmp_path: Path
) -> None:
    """A second file brings new seals; a link that is undone later is undone under those."""
    for number in (1, 2):
        said = door("forget", "--export", NAME, "--into", tmp_path / f"{number}.zip")
        assert said.code == 0, said
    linked = rows(door.db, "SELECT count(*) FROM journal WHERE kind = 'identity_linked'")
    assert linked == [(3,)]
    append(door, [IdentityLinked(person=NAME, source="august", identity=REF, linked=False)])
    append(door, of_nobody(REF))
    assert door("events", "--json").json[0]["person_name"] is None
    assert door("forget", "--export", NAME, "--into", tmp_path / "3.zip").code == 0
    append(door, of_nobody(REF))
    assert door("events", "--json").json[0]["person_name"] is None


def test_a_name_that_is_spelt_differently_is_asked_back_and_named_afterwards(
    door: CommandLine,
) -> None:
    """By case, blanks, the form of an accent, or the name to show; only the named one goes."""
    composed, apart, loud = "canary-zoé", "canary-zoe\u0301", "Canary-Zoé"
    append(door, *(visit(number, name) for number, name in enumerate((composed, apart, loud), 9)))
    for spelt in ("CANARY-ZOÉ", " canary-zoé", "canary-zoé  "):
        said = door("forget", spelt, "--yes")
        assert said.code == 2
        assert f"Did you mean {loud!r}, {apart!r}, {composed!r}?" in said.err
    said = door("forget", SHOWN.upper(), "--yes")
    assert (said.code, f"Did you mean {NAME!r}?" in said.err) == (2, True)
    said = door("forget", composed, "--yes")
    assert said.code == 0
    for other in (apart, loud):
        assert f"{other!r} is spelt almost the same" in said.out
        assert other.encode() in door.db.read_bytes()
    assert found_in(door.db.parent, (composed,)) == []


def test_what_a_lock_calls_somebody_goes_with_a_name_of_the_same_letters(
    door: CommandLine,
) -> None:
    """Though no record ties the two; and without any person of that name as well."""
    append(door, of_nobody("canary-cleo"), visit(9, "canary-cleo"), of_nobody("canary-dora"))
    for name in ("canary-cleo", "canary-dora"):
        said = door("forget", name, "--yes")
        assert (said.code, "Found 0 times" in said.out) == (0, True), said
        assert found_in(door.db.parents[1], (name,)) == []
    assert door("replay", "--check").code == 0


def test_a_person_who_is_recorded_again_meanwhile_is_not_finished(
    door: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report says so, and how many names were overwritten by whichever process."""
    forget = forgetting.forget

    async def and_come_back(store: EventStore, *arguments: Any, **options: Any) -> Any:
        done = await forget(store, *arguments, **options)
        await store.append(*visit(9, NAME))
        return done

    with monkeypatch.context() as patch:
        patch.setattr(forgetting, "forget", and_come_back)
        said = door("forget", NAME, "--yes")
    assert (said.code, f"{NAME!r} was recorded again meanwhile" in said.out) == (1, True), said
    assert "3 names overwritten" in said.out
    assert door("forget", NAME, "--yes").code == 0
    assert found_in(door.db.parents[1]) == []


def test_every_copy_with_the_name_is_named_and_no_other(door: CommandLine, tmp_path: Path) -> None:
    """An export with names, a log of an earlier time, a salvaged log; not another person's file."""
    stick = tmp_path / "stick"
    (stick / "new").mkdir()
    assert door("export", "--open-names", stick / "open.jsonl").code == 0
    assert door("export", stick / "sealed.jsonl").code == 0
    assert door("replay", "--until", "10", "--into", stick / "then.db").code == 0
    assert door("forget", "--export", OTHER, "--into", stick / "bo.zip").code == 0
    assert door("salvage", stick / "new" / "events.db").code == 0
    said = door("forget", NAME, "--yes")
    assert said.code == 0
    for copy in ("open.jsonl, made as export", "then.db, made as replay"):
        assert f"{stick / copy}, has names in it" in said.out
    assert "the names of another log, has the name" in said.out
    assert "sealed.jsonl" not in said.out
    assert "bo.zip" not in said.out


def test_persons_who_were_not_seen_for_long_are_in_no_copy_of_the_keys_either(
    door: CommandLine, tmp_path: Path
) -> None:
    """`expire --unseen` renews the second place, as `forget` does."""
    said = door("expire", "--unseen", "0d", "--trust-clock")
    assert (said.code, said.lines[-1]) == (0, "Forgot 2 persons not recorded for 0d.")
    assert found_in(tmp_path, (*CANARIES, OTHER)) == []
    assert door("replay", "--check").code == 0


def test_a_short_name_is_not_said_to_be_found_nowhere(door: CommandLine) -> None:
    """Three letters are in any file by chance, so they are not searched for."""
    append(door, visit(9, "eva"))
    said = door("forget", "eva", "--yes")
    assert said.code == 0
    assert "Found 0 times" not in said.out
    assert "'eva' is too short to be searched for" in said.out


def test_forget_says_which_folder_is_missing(door: CommandLine, tmp_path: Path) -> None:
    """That of the keys, of the file to write, and of the known faces; nothing is erased."""
    for options, missing in (
        (["--export", "--into", tmp_path / "no" / "ada.zip"], f"no folder {tmp_path / 'no'}"),
        (["--yes", "--known-faces", tmp_path / "no"], f"no folder {tmp_path / 'no'}"),
    ):
        said = door("forget", NAME, *options)
        assert (said.code, missing in said.err) == (2, True), said
    door.keys_dir = None
    said = door("forget", NAME, "--yes")
    assert (said.code, "the names of this log are sealed" in said.err) == (2, True), said
    assert NAME in door("events").out


def test_a_log_in_clear_is_sealed_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`forget` refuses, with the number of records; after `seal` it does as for any other."""
    for folder in ("log", "stick"):
        (tmp_path / folder).mkdir()
    path = tmp_path / "log" / "events.db"
    anyio.run(fill, path, None)
    door = CommandLine(capsys, path, keys_dir=tmp_path / "keys")
    events = unsealed(door)
    (tmp_path / "keys").mkdir(mode=0o700)
    refused = door("forget", NAME, "--yes")
    assert refused.code == 2
    assert "records with the name in clear" in refused.err
    assert "eventlog seal" in refused.err
    sealed = door("seal", "--copy", tmp_path / "stick" / "door.keys")
    assert sealed.code == 0, sealed
    assert verify(path).ok
    assert unsealed(door) == events
    assert door("forget", NAME, "--yes").code == 0
    assert found_in(tmp_path) == []


def test_sealing_keeps_positions_events_keys_times_and_kinds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And says of each record which one it was, by no digest of it."""
    (tmp_path / "log").mkdir()
    (tmp_path / "stick").mkdir()
    path = tmp_path / "log" / "events.db"
    anyio.run(fill, path, None)
    columns = "position, event_id, kind, format, appended_at, append_index, append_size, key"
    before = rows(path, f"SELECT {columns} FROM journal ORDER BY position")
    door = CommandLine(capsys, path, keys_dir=tmp_path / "keys")
    assert door("seal", "--copy", tmp_path / "stick" / "door.keys").code == 0
    after = rows(path, f"SELECT {columns} FROM journal ORDER BY position")
    assert after[: len(before)] == before
    with closing(sqlite3.connect(path)) as connection:
        metas = [row.meta for row in journal.read_all(connection)]
    assert all(meta is not None and b"origin" in meta and b"digest" not in meta for meta in metas)
    again = door("seal", "--copy", tmp_path / "stick" / "door.keys")
    assert (again.code, "sealed already" in again.err) == (2, True)


def test_a_door_comes_back_from_both_places_with_its_names(
    door: CommandLine, tmp_path: Path
) -> None:
    """A dead card: the backup of the journal and that of the keys are enough."""
    events = door("events", "--json").json
    assert door("backup", tmp_path / "stick" / "backup.db").code == 0
    shutil.rmtree(tmp_path / "log")
    shutil.rmtree(tmp_path / "keys")
    (tmp_path / "log").mkdir()
    shutil.copy(tmp_path / "stick" / "backup.db", door.db)
    assert door("keys", "restore", tmp_path / "stick" / "door.keys").code == 0
    assert door("replay").code == 0
    assert door("events", "--json").json == events


def test_a_picture_is_known_to_verify_as_removed(door: CommandLine) -> None:
    """Not as missing."""
    assert door("forget", NAME, "--yes").code == 0
    said = door("verify")
    assert (said.code, "missing" in said.out) == (0, False)


def test_an_export_has_seals_and_names_only_where_they_are_asked_for(
    door: CommandLine, tmp_path: Path
) -> None:
    """Either is the same log when it is imported."""
    sealed, opened = tmp_path / "stick" / "sealed.jsonl", tmp_path / "stick" / "opened.jsonl"
    assert door("export", sealed).code == door("export", "--open-names", opened).code == 0
    assert NAME.encode() not in sealed.read_bytes()
    assert NAME.encode() in opened.read_bytes()
    for number, archive in enumerate((sealed, opened)):
        into = tmp_path / "work" / f"{number}.db"
        assert door("import", archive, "--db", into).code == 0
        assert rows(into, "SELECT * FROM journal") == rows(door.db, "SELECT * FROM journal")


def test_a_salvaged_log_keeps_its_names_and_can_forget_them(
    door: CommandLine, tmp_path: Path
) -> None:
    """Its id is new; the seals of the old log are copied for it."""
    events = door("events", "--json").json
    (tmp_path / "new").mkdir()
    new = tmp_path / "new" / "events.db"
    assert door("salvage", new).code == 0
    assert door("events", "--json", "--db", new).json == events
    assert door("forget", NAME, "--yes", "--db", new).code == 0
    assert found_in(tmp_path / "new") == []
    assert NAME in door("events").out


def test_a_name_is_erased_while_others_have_the_log_open(door: CommandLine, tmp_path: Path) -> None:
    """A second store with the name in memory, and a reader, write it nowhere again."""

    async def beside() -> Said:
        keys = str(tmp_path / "keys")
        async with EventStore(str(door.db), str(door.thumbnails), keys_dir=keys) as store:
            before = await store.get_event(1)
            assert before is not None
            assert before["person_name"] == NAME
            said = await anyio.to_thread.run_sync(door, "forget", NAME, "--yes")
            await store.append(*visit(99, OTHER))
            await store.caught_up(await store.reader.last_position())
            after = await store.get_event(1)
            assert after is not None
            assert after["person_name"] == "erased person"
        return said

    said = anyio.run(beside)
    assert said.code == 0, said
    assert found_in(tmp_path) == []
