"""What the dashboard's tests may ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.dashboard.house import House, open_house


@pytest.fixture
async def house(tmp_path: Path, anyio_backend: str) -> AsyncIterator[House]:  # noqa: ARG001 - pins the loop
    """A dashboard over an empty log."""
    async with open_house(tmp_path) as opened:
        yield opened
