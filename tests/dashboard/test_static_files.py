"""Files of the pages: compressed for browsers that take it, kept for good by their address."""

from __future__ import annotations

import gzip

import pytest

from eventlog.dashboard.pages.templating import assets, takes_gzip
from tests.dashboard.house import VISIT, House

pytestmark = pytest.mark.anyio


async def test_static_files_are_compressed(house: House) -> None:
    """The same bytes, a third of the size; a browser without gzip gets them as they are."""
    async with house.client() as client:
        for name, asset in assets().items():
            path = f"/static/{name}?v={asset.digest}"
            packed = await client.get(path, headers={"accept-encoding": "gzip, br"})
            plain = await client.get(path, headers={"accept-encoding": "identity"})
            assert plain.content == packed.content == asset.content
            assert "content-encoding" not in plain.headers
            assert packed.headers["vary"] == plain.headers["vary"] == "accept-encoding"
            assert "immutable" in packed.headers["cache-control"]
            if asset.gzipped is not None:
                assert packed.headers["content-encoding"] == "gzip"
                assert int(packed.headers["content-length"]) == len(asset.gzipped)
                assert gzip.decompress(asset.gzipped) == asset.content
    sent = sum(len(asset.gzipped or asset.content) for asset in assets().values())
    assert sent < sum(len(asset.content) for asset in assets().values()) / 2


async def test_pages_are_not_compressed(house: House) -> None:
    """The size of a compressed page would reveal the secrets in it."""
    await house.append(*VISIT)
    async with await house.signed_in() as client:
        for path in ("/", "/account", "/events/1"):
            answer = await client.get(path, headers={"accept-encoding": "gzip"})
            assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        ("gzip", True),
        ("br, GZIP;q=0.5", True),
        ("*", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip; q=0.000, br", False),
        ("gzip;q=0.001", True),
        ("xgzip", False),
    ],
)
def test_what_a_browser_takes_is_read(accepted: str, *, taken: bool) -> None:
    """As RFC 9110 has it."""
    assert takes_gzip(accepted) is taken
