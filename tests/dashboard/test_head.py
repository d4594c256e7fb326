"""HEAD: answered wherever GET is, with the same headers and no body."""

from __future__ import annotations

import asyncio

import pytest

from tests.dashboard.house import VISIT, House
from tests.dashboard.test_security import ROUTES, filled

pytestmark = pytest.mark.anyio

# What differs between two answers to GET as well: a page of figures has another length.
VARIES = {"server-timing", "set-cookie", "date", "content-length", "etag"}


async def test_head_answers_as_get_does_without_a_body(house: House) -> None:
    """Every page, file and export: the status and headers of GET, and nothing after them."""
    await house.append(*VISIT)
    paths = [filled(path) for path, method in ROUTES if method == "GET"]
    assert len(paths) > 20
    async with await house.signed_in() as client:
        for path in paths:
            if path == "/api/stream":
                continue
            got, headed = await client.get(path), await client.head(path)
            assert headed.status_code == got.status_code != 405, path
            assert headed.content == b"", path
            same = {name: value for name, value in got.headers.items() if name not in VARIES}
            if path == "/metrics":  # its figures move between the two
                same.pop("content-length", None)
            assert same.items() <= dict(headed.headers).items(), path
            assert ("content-length" in headed.headers) is ("content-length" in got.headers), path


async def test_head_of_a_stream_ends_and_holds_no_place(house: House) -> None:
    """It has no end to wait for."""
    async with await house.signed_in() as client:
        async with asyncio.timeout(60):
            answer = await client.head("/api/stream")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.content == b""
    assert house.site.streams.count == 0


@pytest.mark.parametrize("path", ["/", "/people", "/api/events"])
async def test_head_asks_who_looks_as_get_does(house: House, path: str) -> None:
    """A stranger learns nothing by it."""
    async with house.client() as client:
        got, headed = await client.get(path), await client.head(path)
    assert headed.status_code == got.status_code in {303, 401}
    assert headed.content == b""
