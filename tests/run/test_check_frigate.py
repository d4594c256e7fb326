"""`eventlog run --check` asks Frigate whether it publishes in a way that loses messages."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.run.test_check_heads import said

pytestmark = pytest.mark.anyio


@contextmanager
def frigate(config: Any) -> Iterator[str]:
    """Frigate's config, as its API tells it."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(config).encode()
            self.send_response(200 if self.path == "/api/config" else 404)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


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
