"""A sealed log stays sealed in every copy: no name enters it in clear, and none is in its bytes."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eventlog import EventStore
from eventlog.errors import KeysMissing
from eventlog.facts import FaceResult, Motion, PersonNamed
from eventlog.maintenance.archive import copy_until, export, import_archive
from eventlog.maintenance.backup import backup
from eventlog.maintenance.verify.log import verify

pytestmark = pytest.mark.anyio

AT = datetime(2026, 2, 25, tzinfo=UTC)
CANARY = "canary ada"


async def filled(path: Path, keys: Path) -> None:
    """A sealed log of one visit."""
    async with EventStore(str(path), str(path.parent / "t"), keys_dir=str(keys)) as store:
        await store.append(
            Motion(camera_id="door", recorded_at=AT),
            FaceResult(name=CANARY, distance=0.3, tolerance=0.6),
        )
        await store.caught_up(2)


def _import(source: Path, target: Path) -> None:
    out = io.BytesIO()
    export(source, out)
    assert CANARY.encode() not in out.getvalue()
    import_archive(io.BytesIO(out.getvalue()), target)


COPIES: dict[str, Callable[[Path, Path], object]] = {
    "backup": backup,
    "import": _import,
    "beginning": lambda source, target: copy_until(source, target, 2),
}


@pytest.mark.parametrize("how", COPIES)
async def test_no_copy_holds_a_name_or_takes_one_in_clear(tmp_path: Path, how: str) -> None:
    """Without the keys an append of a name is refused; with them the names are there again."""
    for folder in ("log", "copy"):
        (tmp_path / folder).mkdir()
    source, target = tmp_path / "log" / "events.db", tmp_path / "copy" / "copy.db"
    await filled(source, tmp_path / "keys")
    COPIES[how](source, target)
    assert CANARY.encode() not in bytes_of(target)
    assert verify(target).ok
    async with EventStore(str(target), str(tmp_path / "t")) as store:
        with pytest.raises(KeysMissing):
            await store.append(PersonNamed(name="bo"))
    async with EventStore(
        str(target), str(tmp_path / "t"), keys_dir=str(tmp_path / "keys")
    ) as store:
        await store.append(PersonNamed(name="bo"))
        await store.caught_up(await store.reader.last_position())
        event = await store.get_event(1)
        assert event is not None
        assert event["person_name"] == CANARY


@pytest.mark.parametrize("with_keys", [False, True])
async def test_an_import_goes_into_an_empty_log_whatever_it_was_opened_with(
    tmp_path: Path, with_keys: bool
) -> None:
    """A sealed log into one that has no table of seals, and a clear log into one that has."""
    for folder in ("log", "copy"):
        (tmp_path / folder).mkdir()
    keys = str(tmp_path / "keys")
    source, target = tmp_path / "log" / "events.db", tmp_path / "copy" / "copy.db"
    async with EventStore(str(target), str(tmp_path / "t"), keys_dir=keys if with_keys else None):
        pass
    if with_keys:
        async with EventStore(str(source), str(tmp_path / "t")) as store:
            await store.append(PersonNamed(name="in clear"))
    else:
        await filled(source, tmp_path / "keys")
    _import(source, target)
    report = verify(target)
    assert report.ok, report
    async with EventStore(str(target), str(tmp_path / "t"), keys_dir=keys) as store:
        await store.caught_up(await store.reader.last_position())
        rows = await store.reader.run(lambda c: c.execute("SELECT name FROM persons").fetchall())
    assert rows == [("in clear" if with_keys else CANARY,)]


def bytes_of(path: Path) -> bytes:
    """A file's bytes."""
    return path.read_bytes()
