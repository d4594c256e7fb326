"""Persons who were not recorded for long: who they are, and that nobody else is forgotten."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from eventlog import EventStore
from eventlog.errors import KeysMissing
from eventlog.facts import FaceResult, Fact, IdentityLinked, Motion, PersonNamed
from eventlog.journal import clock
from eventlog.maintenance.forgetting.forget import forget_unseen
from eventlog.maintenance.retention_rule import DAY_US
from eventlog.pictures.thumbnails import Thumbnails
from tests.pictures.hostile_frames import jpeg

pytestmark = pytest.mark.anyio

AT = datetime(2026, 2, 25, tzinfo=UTC)


class Years:
    """A wall clock that is moved by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_us = clock.now_us()
        self._patch = monkeypatch

    def ago(self, days: int) -> None:
        """What is appended from now on is so many days old."""
        now_us = self.now_us - days * DAY_US
        self._patch.setattr(clock, "now_us", lambda: now_us)


def visit(name: str) -> list[Fact]:
    """A visit of somebody."""
    return [
        Motion(camera_id="door", recorded_at=AT),
        FaceResult(name=name, distance=0.3, tolerance=0.6),
    ]


async def names(store: EventStore) -> set[str]:
    """Who is in the read table of persons."""
    rows = await store.reader.run(lambda c: c.execute("SELECT name FROM persons").fetchall())
    return {name for (name,) in rows}


def holding(folder: Path, *texts: bytes) -> list[Path]:
    """The files below a folder that hold one of the texts."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if any(text in path.read_bytes() for text in texts)]


async def test_who_was_not_recorded_for_long_is_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With display name, link and pictures; who came back since is not."""
    thumbnails = Thumbnails(tmp_path / "log" / "thumbnails")
    years = Years(monkeypatch)
    (tmp_path / "log").mkdir()
    async with EventStore(
        str(tmp_path / "log" / "events.db"), str(thumbnails.folder), keys_dir=str(tmp_path / "keys")
    ) as store:
        years.ago(4 * 365)
        await store.append(PersonNamed(name="old", display_name="Old Man"))
        await store.append(IdentityLinked(person="old", identity="user 9", source="nuki"))
        saved = await thumbnails.save_async(jpeg(), AT.isoformat())
        assert saved is not None
        await store.append(*visit("old"), saved)
        await store.append(*visit("back"))
        years.ago(10)
        await store.append(*visit("back"))
        receipt = await store.append(*visit("new"))
        await store.caught_up(receipt.positions[-1])
        years.ago(0)
        before_us = years.now_us - 3 * 365 * DAY_US
        assert await forget_unseen(store, thumbnails, before_us, dry_run=True) == 1
        assert await names(store) == {"old", "back", "new"}
        assert await forget_unseen(store, thumbnails, before_us) == 1
        assert await names(store) == {"back", "new"}
        assert not list(thumbnails.folder.glob("*.jpg"))
        assert await forget_unseen(store, thumbnails, before_us) == 0
    assert holding(tmp_path, b"Old Man", b"user 9") == []


async def test_a_log_in_clear_forgets_nobody(tmp_path: Path) -> None:
    """It can't, and says so."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "t")) as store:
        await store.append(*visit("ada"))
        with pytest.raises(KeysMissing, match="not sealed"):
            await forget_unseen(store, Thumbnails(tmp_path / "t"), clock.now_us())
