"""SIGTERM ends a running door within ten seconds, whatever hangs."""

from __future__ import annotations

import json
import re
import socket
import sqlite3
import time
from contextlib import ExitStack, closing
from pathlib import Path

import httpx
import pytest

from eventlog.dashboard import manage
from tests.run.running import LONGEST_S, RunningDoor

pytestmark = pytest.mark.slow

CONFIG = """
dashboard = {{ port = 0 }}
[source.bell]
kind = "webhook"
fact = "ding"
id = "id"
fields = {{ camera_id = "= front_door", recorded_at = "at" }}
[channel.page]
webhook = "http://127.0.0.1:{port}/"
[channel.phone]
url = "env:PHONE"
[alert.bell]
when = "ring"
channels = ["page", "phone"]
"""


def until_armed(folder: Path) -> None:
    """Wait until the rule is armed: no alert is sent for what happens before."""
    deadline = time.monotonic() + LONGEST_S
    with closing(sqlite3.connect(f"file:{folder}/events.db?mode=ro", uri=True)) as connection:
        sql = "SELECT count(*) FROM journal WHERE kind = 'rule_armed'"
        while connection.execute(sql).fetchone() == (0,):
            assert time.monotonic() < deadline, "no rule is armed"
            time.sleep(0.02)


def test_channels_that_hang_do_not_keep_it(tmp_path: Path) -> None:
    """A webhook and a service that take the message and never answer; the page is open as well."""
    token = manage.add_token(str(tmp_path / "events.db"), "bell", ["read", "append"])
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        port = hanging.getsockname()[1]
        door = RunningDoor(tmp_path, CONFIG.format(port=port), PHONE=f"json://127.0.0.1:{port}/")
        said = door.start("The dashboard is at")
        found = re.search(r"at (http://[0-9.:]+)/", said)
        assert found is not None
        try:
            headers = {"authorization": f"Bearer {token}"}
            with (
                httpx.Client(base_url=found[1], headers=headers) as client,
                client.stream("GET", "/api/stream") as stream,
                ExitStack() as taken,
            ):
                assert stream.status_code == 200
                until_armed(tmp_path)
                at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
                posted = httpx.post(
                    f"{found[1]}/api/hooks/bell",
                    headers=headers,
                    content=json.dumps({"id": 1, "at": at}),
                )
                assert posted.status_code == 201
                for _ in range(2):
                    taken.enter_context(hanging.accept()[0])
                asked = time.monotonic()
                code, rest = door.end()
                took_s = time.monotonic() - asked
            assert code == 0
            assert "stopped" in rest
            assert took_s < 10
        finally:
            door.__exit__()
