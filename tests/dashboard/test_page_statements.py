"""How many statements a page costs: as many with a long history as with a short one.

`make bench ARGS="--only pages screens"` measures the time.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.dashboard.house import VISIT, House

pytestmark = pytest.mark.anyio

PATHS = (
    *("/", "/?person=1&outcome=granted", "/?label=person&hour_from=08:00", "/events/1"),
    *("/unlocks", "/people", "/timeline/live?ids=1"),
)

VIEWS = re.compile(r"FROM \(*(SELECT .*FROM )?(events|unlock_actions|detections|face_results)\b")


async def traced(house: House, note: Callable[[str], object] | None) -> None:
    """Note each statement of the pages' connections from now on, or none."""
    for reader in (house.site.pages, house.site.figures):
        await reader.run(lambda connection: connection.set_trace_callback(note))


async def statements(house: House) -> dict[str, int]:
    """How many statements each page runs on its connection."""
    counts: dict[str, int] = {}
    async with await house.signed_in(f"user-{house.site.broadcast.last}") as client:
        for path in PATHS:
            ran: list[str] = []
            await traced(house, ran.append)
            answer = await client.get(path, follow_redirects=True)
            assert answer.status_code == 200, path
            await traced(house, None)
            # Others look for new records and states meanwhile.
            counts[path] = sum(VIEWS.search(sql) is not None for sql in ran)
    return counts


async def test_a_page_runs_as_many_statements_over_a_longer_history(house: House) -> None:
    """A page has 30 rows; what follows costs nothing until it is asked for."""
    for _ in range(31):
        await house.append(*VISIT)
    short = await statements(house)
    assert all(short.values()), short
    for _ in range(40):
        await house.append(*VISIT)
    assert await statements(house) == short
