"""What the timeline weighs in a browser with 30 photos of real cameras, at every width."""

from __future__ import annotations

import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest
from PIL import Image, ImageOps

from eventlog.store.event_store import EventStore
from tests.dashboard.browser.conftest import PHONE, WIDE, Pages, accounts, sign_in
from tests.dashboard.running import Running

pytestmark = pytest.mark.browser

PICTURES = 30
WEIGHT_MAX = 200_000
ALL_LOADED = """() => Promise.all([...document.images].map(image => {
    image.loading = 'eager';
    return image.decode();
}))"""


def frames(folder: Path) -> list[bytes]:
    """The photos, and the first of them mirrored, so that no two are the same."""
    found: list[bytes] = []
    for number in range(PICTURES):
        files = sorted(folder.glob("compreface/0*.jpg"))
        with Image.open(files[number % len(files)]) as photo:
            photo.draft(None, (1280, 1280))
            image = photo.convert("RGB")
        image = ImageOps.mirror(image) if number >= len(files) else image
        file = io.BytesIO()
        image.save(file, "JPEG", quality=90)
        found.append(file.getvalue())
    return found


@pytest.fixture(scope="module")
def photographed(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A dashboard over 30 visits, each with a photo; every third is of a stranger."""
    folder = tmp_path_factory.mktemp("photographed")
    accounts(folder)

    async def fill() -> None:
        async with EventStore(str(folder / "events.db"), str(folder / "thumbnails")) as store:
            for number, frame in enumerate(frames(shared_data)):
                at = datetime.now(UTC) - timedelta(minutes=number)
                saved = store.save_thumbnail(frame, at.isoformat())
                assert saved is not None
                await store.write_event(
                    "front_door",
                    at.isoformat(),
                    face_distance=0.7 if number % 3 == 0 else None,
                    thumbnail_path=saved,
                    detections=[{"label": "person", "confidence": 0.9}],
                )
            await store.caught_up(await store.reader.last_position())

    # Playwright has a loop of its own on this thread.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(anyio.run, fill).result()
    with Running(folder, "Europe/Berlin") as running:
        yield running


@pytest.mark.parametrize(
    ("viewport", "scale"), [(PHONE, 3), (WIDE, 1), ({"width": 2560, "height": 1440}, 2)]
)
def test_the_timeline_weighs_at_most_200_kb_with_30_photos(
    photographed: Running, open_page: Pages, viewport: Any, scale: int
) -> None:
    """All bytes of a first visit with their headers, and of all pictures, in view or not."""
    url = photographed.url
    state = sign_in(open_page(url), url).context.storage_state()
    # A service worker would load some files ahead, after the page is there.
    page = open_page(
        url,
        viewport=viewport,
        device_scale_factor=scale,
        storage_state=state,
        service_workers="block",
    )
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    weights: list[int] = []
    session.on("Network.loadingFinished", lambda done: weights.append(done["encodedDataLength"]))
    page.goto(url)
    page.wait_for_load_state()
    page.evaluate(ALL_LOADED)
    assert page.locator(".card img").count() == PICTURES
    # The page, 30 pictures, a style sheet and scripts.
    assert len(weights) > PICTURES + 5
    assert sum(weights) <= WEIGHT_MAX
