"""`eventlog run --check` asks Frigate whether it publishes in a way that loses messages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.run.house import said
from tests.support.http_servers import answering

pytestmark = pytest.mark.anyio


@contextmanager
def frigate(config: Any) -> Iterator[str]:
    """Frigate's config, as its API tells it."""
    with answering(lambda path: (200 if path == "/api/config" else 404, config)) as address:
        yield f"{address}/"


@pytest.mark.parametrize(
    ("config", "warned"),
    [
        ({"mqtt": {"enabled": True, "qos": 0}, "cameras": {}}, True),
        ({"mqtt": {"enabled": True}}, True),
        ({"mqtt": {"enabled": True, "qos": 1}}, False),
        ({"mqtt": {"enabled": False, "qos": 0}}, False),
        ([], False),
    ],
)
async def test_a_frigate_that_publishes_at_qos_0_is_noted(
    tmp_path: Path, config: Any, *, warned: bool
) -> None:
    """With the line that its config needs; an answer of another shape says nothing."""
    with frigate(config) as api:
        source = f'[source.frigate]\nkind = "frigate"\nsilent_after = "5m"\napi = "{api}"'
        found = await said(tmp_path, f"mqtt = {{ port = 1 }}\n{source}")
    assert ("mqtt.qos: 1" in found.get("source.frigate", "")) is warned
    assert found["source.frigate.api"].startswith("ok")
