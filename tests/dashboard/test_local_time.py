"""Zones of the dashboard: UTC is known without a database of time zones."""

from __future__ import annotations

import sys
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from eventlog.dashboard.local_time import exact, zone
from eventlog.errors import BadArgument


@pytest.fixture
def _no_zones(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system without a database of time zones, as a slim container is."""
    before = zoneinfo.TZPATH
    monkeypatch.setitem(sys.modules, "tzdata", None)
    zoneinfo.reset_tzpath(())
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath(before)
    zoneinfo.ZoneInfo.clear_cache()


@pytest.mark.usefixtures("_no_zones")
def test_utc_needs_no_database_of_time_zones() -> None:
    """It is a zone as any other: without an offset, and with its name."""
    moment = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
    for name in ("UTC", "Etc/UTC"):
        here = zone(name)
        assert moment.astimezone(here).utcoffset() == timedelta(0)
        assert exact(moment, here) == "25 Feb 2026, 10:30:00 UTC"
    with pytest.raises(BadArgument, match="'Europe/Berlin' is not a time zone"):
        zone("Europe/Berlin")
