"""The page Health promises that all is well only where that is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from eventlog.facts import Motion
from tests.dashboard.house import House, open_house

pytestmark = pytest.mark.anyio

WELL = "All is well."


def verified(house: House, ago: timedelta, *, ok: bool = True) -> None:
    """Leave what `eventlog verify` leaves."""
    path = house.site.settings.db_path
    left = {"at": (house.site.now - ago).isoformat(), "ok": ok, "said": "1 record"}
    path.with_name(f"{path.name}.verified").write_bytes(msgspec.json.encode(left))


async def moved(house: House, camera: str, ago: timedelta) -> None:
    """A motion of a camera, so long ago."""
    at = datetime.now(UTC) - ago
    await house.append(Motion(camera_id=camera, recorded_at=at))


async def shown(house: House) -> str:
    """The page Health."""
    async with await house.signed_in() as client:
        return (await client.get("/status")).text


async def test_all_is_well_where_cameras_record_and_the_log_is_verified(house: House) -> None:
    """And nowhere else: the tests below take one thing away each."""
    await moved(house, "front_door", timedelta(hours=1))
    verified(house, timedelta(days=1))
    assert WELL in await shown(house)


async def test_a_log_that_was_never_verified_is_not_called_well(house: House) -> None:
    """Nothing is known of its state."""
    await moved(house, "front_door", timedelta(hours=1))
    page = await shown(house)
    assert WELL not in page
    assert "The log was never verified on this machine." in page


async def test_cameras_silent_since_june_are_named(tmp_path: Path) -> None:
    """Each with its day at the door; one that records is not."""
    async with open_house(tmp_path, "Europe/Berlin") as house:
        long_ago = datetime(2026, 6, 3, 22, 30, tzinfo=UTC)
        await house.append(Motion(camera_id="garden", recorded_at=long_ago))
        await moved(house, "front_door", timedelta(hours=1))
        verified(house, timedelta(days=1))
        page = await shown(house)
    assert WELL not in page
    assert "The camera garden has recorded nothing since 4 June 2026." in page
    assert "The camera front_door has" not in page


@pytest.mark.parametrize(
    ("ago", "ok", "said"),
    [
        (timedelta(days=1), False, "The last verification found damage."),
        (timedelta(days=60), True, "The log was last verified on "),
    ],
)
async def test_a_verification_that_says_little_is_named(
    house: House, ago: timedelta, said: str, *, ok: bool
) -> None:
    """One that found damage, and one of long ago."""
    await moved(house, "front_door", timedelta(hours=1))
    verified(house, ago, ok=ok)
    page = await shown(house)
    assert WELL not in page
    assert said in page


async def test_a_log_without_a_camera_is_not_called_well(house: House) -> None:
    """Nothing has come yet; a monitor is not alarmed by it."""
    verified(house, timedelta(days=1))
    page = await shown(house)
    assert WELL not in page
    assert "No camera has recorded anything yet." in page
    async with house.client() as client:
        assert (await client.get("/health")).text == "ok"
