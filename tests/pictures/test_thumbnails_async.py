"""Saving next to the event loop: the loop stays free, and one frame is decoded at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.from_thread
import pytest

from eventlog.facts import ThumbnailSaved
from eventlog.pictures import thumbnails
from eventlog.pictures.clean import clean_picture
from eventlog.pictures.thumbnails import Thumbnails
from tests.pictures.hostile_frames import jpeg
from tests.pictures.thumbnails_folder import FRAME, WHEN, file_of


@pytest.fixture
def folder(tmp_path: Path) -> Thumbnails:
    """A folder that is not made yet."""
    return Thumbnails(tmp_path / "thumbnails")


@pytest.mark.anyio
async def test_the_event_loop_is_free_while_a_frame_is_saved(
    folder: Thumbnails, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A save that waits for the event loop ends, so it does not hold it."""
    at_work, go_on = anyio.Event(), threading.Event()
    real = clean_picture

    def waiting(*args: Any, **options: Any) -> Any:
        anyio.from_thread.run_sync(at_work.set)
        assert go_on.wait(30)
        return real(*args, **options)

    monkeypatch.setattr(thumbnails, "clean_picture", waiting)
    answers: list[ThumbnailSaved | None] = []

    async def save() -> None:
        answers.append(await folder.save_async(FRAME, WHEN))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(save)
        await at_work.wait()
        go_on.set()
    assert answers == [folder.describe("thumbnails/2026-02-25T10-30-00.jpg")]


@pytest.mark.anyio
async def test_frames_are_saved_one_at_a_time_beside_the_event_loop(
    folder: Thumbnails, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twenty callers at once get twenty pictures, and one thread's memory is enough for all."""
    at_once: list[int] = []
    working = threading.Semaphore(20)
    real: Callable[..., Any] = clean_picture

    def counted(*args: Any, **options: Any) -> Any:
        with working:
            at_once.append(20 - working._value)
            return real(*args, **options)

    monkeypatch.setattr(thumbnails, "clean_picture", counted)
    answers: list[ThumbnailSaved | None] = []

    async def save() -> None:
        answers.append(await folder.save_async(FRAME, WHEN))

    async with anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(save)
    assert at_once == [1] * 20
    assert len({fact.path for fact in answers if fact is not None}) == 20


@pytest.mark.anyio
async def test_a_refused_frame_answers_none_beside_the_event_loop_as_well(
    folder: Thumbnails,
) -> None:
    """The async form promises what the other does, and passes on what it is asked."""
    assert await folder.save_async(b"not a picture", WHEN) is None
    frame = jpeg(quality=40)
    kept = await folder.save_async(frame, WHEN, keep_jpeg=True)
    assert kept is not None
    assert file_of(folder, kept).read_bytes() == frame


@pytest.mark.anyio
async def test_a_frame_whose_saving_has_begun_is_saved_though_its_caller_is_cancelled(
    folder: Thumbnails, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No temporary file is left, and the picture is complete."""
    real = clean_picture
    scope = anyio.CancelScope()

    def cancelling(*args: Any, **options: Any) -> Any:
        anyio.from_thread.run_sync(scope.cancel)
        return real(*args, **options)

    monkeypatch.setattr(thumbnails, "clean_picture", cancelling)
    with scope:
        await folder.save_async(FRAME, WHEN)
    names = [path.name for path in folder.folder.iterdir()]
    assert names == ["2026-02-25T10-30-00.jpg"]
    assert folder.describe(f"thumbnails/{names[0]}").width_px == 64
