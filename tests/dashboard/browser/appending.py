"""Facts for a dashboard that runs in a process of its own, as a pipeline elsewhere sends them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import httpx

from tests.dashboard.running import Running


def append(running: Running, token: str, *facts: Any, **more: Any) -> str:
    """Append by the API; the answer is the event's id."""
    answer = httpx.post(
        f"{running.url}/api/facts",
        json={"facts": list(facts), **more},
        headers={"authorization": f"Bearer {token}"},
        timeout=60,
    )
    assert answer.status_code == 201, answer.text
    return str(answer.json()["event_id"])


def now() -> str:
    """The present moment, as a camera says it."""
    return datetime.now(UTC).isoformat()
