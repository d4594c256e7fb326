"""What makes the page installable: the manifest, its icons and the service worker's scope."""

from __future__ import annotations

import io
import re
from urllib.parse import urljoin

import pytest
from PIL import Image

from tests.dashboard.house import ORIGIN, House

pytestmark = pytest.mark.anyio


async def test_the_manifest_names_icons_that_are_there(house: House) -> None:
    """Its addresses are relative to itself, so that a path before them is kept."""
    async with await house.signed_in() as client:
        page = (await client.get("/")).text
        found = re.search(r'<link rel="manifest" href="([^"]+)"', page)
        assert found is not None
        address = urljoin(f"{ORIGIN}/", found[1])
        answer = await client.get(address)
        assert answer.headers["content-type"] == "application/manifest+json"
        manifest = answer.json()
        assert urljoin(address, manifest["start_url"]) == f"{ORIGIN}/"
        assert urljoin(address, manifest["scope"]) == f"{ORIGIN}/"
        for icon in manifest["icons"]:
            picture = await client.get(urljoin(address, icon["src"]))
            assert picture.headers["content-type"] == icon["type"]
            if icon["type"] == "image/png":
                size = Image.open(io.BytesIO(picture.content)).size
                assert icon["sizes"] == "{}x{}".format(*size)


async def test_the_worker_may_serve_the_whole_dashboard(house: House) -> None:
    """And no other file of ours may."""
    async with await house.signed_in() as client:
        worker = await client.get("/static/service_worker.js")
        assert worker.headers["service-worker-allowed"] == "/"
        other = await client.get("/static/door.js")
        assert "service-worker-allowed" not in other.headers
        policy = (await client.get("/")).headers["content-security-policy"]
        assert "manifest-src 'self'" in policy


async def test_a_stranger_gets_nothing_to_install(house: House) -> None:
    """The login page registers no worker."""
    async with house.client() as client:
        assert "data-service-worker" not in (await client.get("/login")).text
