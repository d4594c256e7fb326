"""An unlucky household: a read error, a full disk, an accounts file that can't be written."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from typing import Any

import pytest

from eventlog.dashboard.accounts.throttle import PER_SOURCE
from eventlog.dashboard.exports import csv_lines
from eventlog.dashboard.pages import health
from eventlog.errors import DatabaseError, DiskFull
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.sources.simulator.drawings import Scene, draw
from eventlog.storage import background
from tests.dashboard.house import (
    AT,
    OWNER,
    PASSWORD,
    VISIT,
    House,
    open_house,
    type_password,
    until,
)
from tests.support.mounts import fill, tmpfs

pytestmark = pytest.mark.anyio

FRAME = draw(Scene(12, ("person",), 7))


# ── background tasks ───────────────────────────────────────────────────────────────────────


async def test_a_read_error_ends_the_streams_and_the_stream_comes_back(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Health says so meanwhile; listeners are ended so that they come back; then all is well."""
    monkeypatch.setattr(background, "PAUSE_S", 0.01)
    broadcast = house.site.broadcast
    broadcast.background._pause_s = 0.01
    read = broadcast._read
    failing = True

    async def fails(after: int) -> Any:
        if failing:
            raise DatabaseError("events.db: disk I/O error")
        return await read(after)

    async def always() -> bool:
        return True

    listening = broadcast.listen(None, may_continue=always, heartbeat_s=60)
    assert await anext(listening) == b"retry: 2000\n\n"
    waiting = asyncio.ensure_future(anext(listening, None))
    await asyncio.sleep(0)
    monkeypatch.setattr(broadcast, "_read", fails)
    house.site.store.reader.nudge.give()
    assert await asyncio.wait_for(waiting, 10) is None  # the stream was ended
    async with await house.signed_in() as client:
        answer = await client.get("/health")
        assert (answer.status_code, answer.text) == (503, "failing")
        page = (await client.get("/status")).text
        assert "live stream failed" in page
    failing = False
    await until(lambda: not house.site.troubles())
    assert broadcast.background.restarts > 0
    receipt = await house.append(*VISIT)
    await until(lambda: broadcast.last == receipt.positions[-1])
    async with await house.signed_in() as client:
        assert (await client.get("/health")).text == "ok"


async def test_a_projector_that_fails_is_started_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever it failed of: the views go on, and health does not say ok meanwhile."""
    engine = house.site.store._engine
    engine.follow._pause_s = 0.01
    run_once = engine._projector.run_once
    failing = True

    async def fails(*given: Any, **more: Any) -> Any:
        if failing:
            raise RuntimeError("a bug")
        return await run_once(*given, **more)

    monkeypatch.setattr(engine._projector, "run_once", fails)
    receipt = await house.site.store.append(*VISIT)
    await until(lambda: engine.follow.trouble is not None)
    assert (await health.judged(house.site))[1] == "failing"
    failing = False
    await until(lambda: engine.follow.trouble is None)
    await house.site.store.caught_up(receipt.positions[-1])
    assert (await health.judged(house.site))[1] == "ok"


async def test_a_task_that_died_is_shown() -> None:
    """Nothing but a cancel from outside ends one, and that is seen too."""

    async def works() -> None:
        await asyncio.sleep(60)

    task = background.Background("the work", works)
    task.start()
    assert not task.is_dead
    assert task.task is not None
    task.task.cancel()
    await until(lambda: task.is_dead)


# ── a disk that is full ────────────────────────────────────────────────────────────────────


@pytest.fixture
def full(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """A dashboard whose accounts file can be read, and takes no write."""
    run = house.site.accounts.run

    async def reads_only(function: Any) -> Any:
        def guarded(connection: Any) -> Any:
            connection.execute("PRAGMA query_only = ON")
            try:
                return function(connection)
            finally:
                connection.execute("PRAGMA query_only = OFF")

        try:
            return await run(guarded)
        except DatabaseError as error:
            raise DiskFull("events.db.users: database or disk is full") from error

    monkeypatch.setattr(house.site.accounts, "run", reads_only)
    return house


async def test_reading_needs_no_writing(house: House, request: pytest.FixtureRequest) -> None:
    """A session that is due to be noted as used goes on, and signs out at once, on a full disk."""
    began = house.site.now_s
    async with await house.signed_in() as client, await house.signed_in() as other:
        request.getfixturevalue("full")
        for minutes in range(5, 120, 20):
            at = float(began + minutes * 60)
            house.site.clock = lambda at=at: at  # type: ignore[misc]  # mypy can't infer a lambda with a default
            for path in ("/", "/people", "/unlocks", "/api/events", "/status"):
                assert (await client.get(path)).status_code == 200, (path, minutes)
            await house.site.save()
        assert "kept in memory" in (await client.get("/status")).text
        # The other one was not used for longer than a session lasts.
        assert (await other.get("/")).status_code == 303
        kept = client.cookies[house.site.cookies.session]
        assert (await client.post("/sign-out")).status_code == 303
        cookie = f"{house.site.cookies.session}={kept}"
        assert (await client.get("/", headers={"cookie": cookie})).status_code == 303


async def test_the_owner_signs_in_on_a_full_disk_and_guesses_are_counted(
    house: House, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The session is in memory, and so are the guesses: ten a minute stay ten a minute."""
    monkeypatch.setattr(
        "eventlog.dashboard.accounts.users.is_password",
        lambda _user, password: password == PASSWORD,
    )
    await house.user(password=PASSWORD)
    request.getfixturevalue("full")
    async with house.client("192.0.2.1") as owner:
        assert (await type_password(owner, OWNER, PASSWORD)).status_code == 303
        assert (await owner.get("/")).status_code == 200
    async with house.client("203.0.113.9") as robber:
        statuses = [
            (await type_password(robber, OWNER, f"guess number {n}")).status_code
            for n in range(PER_SOURCE + 2)
        ]
    assert statuses == [403] * PER_SOURCE + [429] * 2


CALLS = ("open", "write", "fsync", "rename", "statvfs")


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    ("number", "status"), [(errno.ENOSPC, 507), (errno.EDQUOT, 507), (errno.EIO, 503)]
)
async def test_a_disk_that_takes_no_picture_is_not_the_clients_fault(
    house: House, monkeypatch: pytest.MonkeyPatch, number: int, status: int, call: str
) -> None:
    """507 where it is full, 503 where it fails, at whichever call of the system.

    A frame that is none stays a 400, nothing of the picture is left, and the next one is taken.
    """
    folder = house.site.settings.thumbnails_dir
    real = getattr(os, call)

    def of_a_picture(what: object) -> bool:
        path = Path(f"/proc/self/fd/{what}").readlink() if isinstance(what, int) else what
        return str(path).startswith((str(folder), ".thumbnail-"))

    def fails(what: Any, *given: Any, **more: Any) -> Any:
        if of_a_picture(what):
            raise OSError(number, os.strerror(number))
        return real(what, *given, **more)

    async with await house.program("append") as program:
        path = "/api/thumbnails?recorded_at=2026-02-25T10:30:00Z"
        assert (await program.post(path, content=FRAME)).status_code == 201
        assert (await program.post(path, content=b"no frame")).status_code == 400
        before = sorted(folder.iterdir())
        with monkeypatch.context() as patch:
            patch.setattr(os, call, fails)
            answer = await program.post(path, content=FRAME)
        assert answer.status_code == status, answer.text
        assert str(folder.parent) not in answer.text
        assert sorted(folder.iterdir()) == before
        assert (await program.post(path, content=FRAME)).status_code == 201


async def test_a_picture_on_a_full_disk_is_answered_by_507(tmp_path: Path) -> None:
    """On a real file system that has no room left, whether room is kept for records or not."""
    with tmpfs(tmp_path / "disk", size_kb=2048) as disk:
        async with open_house(tmp_path) as house, await house.program("append") as program:
            path = "/api/thumbnails?recorded_at=2026-02-25T10:30:00Z"
            for keep_free in (0, None):
                site = Thumbnails(disk / "thumbnails", keep_free_bytes=keep_free)
                site.ensure()
                object.__setattr__(house.site, "thumbnails", site)
                assert (await program.post(path, content=FRAME)).status_code == 201
                fill(disk)
                answer = await program.post(path, content=FRAME)
                assert (answer.status_code, answer.json()["error"]) == (507, "DiskFull")
                (disk / "padding").unlink()
                assert len([*(disk / "thumbnails").iterdir()]) == (1 if keep_free == 0 else 2)


def test_pictures_leave_room_on_the_disk_for_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500 MB or 5 % of it, whichever is smaller; the owner may set another number."""
    block = 4096
    for total, free, setting, saved in (
        (10**12, 600_000_000, None, True),
        (10**12, 499_000_000, None, False),
        (10**9, 60_000_000, None, True),
        (10**9, 49_000_000, None, False),
        (10**12, 60_000_000, 50_000_000, True),
        (10**12, 49_000_000, 50_000_000, False),
    ):
        disk = os.statvfs_result((block, block, total // block, 0, free // block, *[0] * 6))
        with monkeypatch.context() as patch:
            patch.setattr(os, "statvfs", lambda _path, disk=disk: disk)
            thumbnails = Thumbnails(tmp_path / "thumbnails", keep_free_bytes=setting)
            if saved:
                assert thumbnails.store(FRAME, AT.isoformat()).size_bytes
            else:
                with pytest.raises(DiskFull):
                    thumbnails.store(FRAME, AT.isoformat())
                assert thumbnails.save(FRAME, AT.isoformat()) is None


# ── exports ────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "text",
    [
        "a;=1+1",
        "a\t=1+1",
        "\u00a0=1+1",
        "\u200b=1+1",
        "\u3000+1",
        "a; \u2003@x",
        "\ufeff-1",
        "a;\uff1d1",
        "a|=1",
        '";=cmd',
    ],
)
def test_no_cell_of_an_export_begins_as_a_formula(text: str) -> None:
    """Not after another country's separator either, nor after an unusual space character."""
    (line,) = csv_lines([[text]]).decode().splitlines()
    cells = [
        cell.strip('" \t\u00a0\u200b\u3000\u2003\ufeff')
        for part in line.split(";")
        for column in part.split("\t")
        for cell in column.split("|")
    ]
    assert not any(cell.startswith(("=", "+", "-", "@", "\uff1d")) for cell in cells), cells
    assert (
        text.replace("'", "") == csv_lines([[text]]).decode().strip("\r\n").replace("'", "")
        or '"' in text
    )
