"""The page of the API: it names every operation, and its examples run as they are written."""

from __future__ import annotations

import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from eventlog.dashboard.api.openapi import description
from eventlog.dashboard.api.samples import ADDRESS, APPEND, CURL, FOLLOW, HOME_ASSISTANT
from eventlog.dashboard.manage import add_token
from eventlog.store.event_store import EventStore
from tests.dashboard.house import House
from tests.dashboard.running import Running


@pytest.mark.anyio
async def test_the_page_has_every_operation_and_its_own_address(house: House) -> None:
    """Whatever the description has, without a script, with the address that was asked."""
    async with await house.signed_in("viewer", role="viewer") as client:
        page = html.unescape((await client.get("/help/api")).text)
        assert "<script>" not in page
        for path, found in description()["paths"].items():
            for method in found.keys() & {"get", "post"}:
                assert f"<code>{method.upper()} {path}</code>" in page
        assert "export DOOR=http://127.0.0.1:8000" in page
    async with await house.signed_in("wall", role="kiosk") as client:
        assert (await client.get("/help/api")).status_code == 403


@pytest.mark.anyio
async def test_the_examples_run(tmp_path: Path) -> None:
    """Curl reads and writes, Python writes a visit and follows it."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "thumbnails")):
        pass
    token = add_token(str(tmp_path / "events.db"), "example", ["read", "append"])
    with Running(tmp_path) as door:
        environment = {**os.environ, "DOOR": door.url, "TOKEN": token, "STOP_AFTER": "3"}

        def run(*command: str) -> str:
            done = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=120, check=False
            )
            assert done.returncode == 0, done.stderr
            return done.stdout

        assert "event 1 positions 1, 2, 3" in run(sys.executable, "-c", APPEND)
        followed = run(sys.executable, "-c", FOLLOW)
        assert "1 Somebody rang" in followed
        assert len(followed.splitlines()) == 3
        if shutil.which("curl") is not None:
            script = re.sub(r"export .*\n", "", CURL)
            assert '"event_id":"2"' in run("sh", "-c", script)


def test_the_home_assistant_example_asks_for_what_the_api_has() -> None:
    """Its paths are operations, and its fields those of an event."""
    paths = {path.partition("?")[0] for path in re.findall(rf"{ADDRESS}(\S+)", HOME_ASSISTANT)}
    assert paths <= set(description()["paths"])
    fields = re.search(r"json_attributes: \[(.*)\]", HOME_ASSISTANT)
    assert fields is not None
    event = description()["components"]["schemas"]["Event"]["properties"]
    assert set(fields[1].split(", ")) <= set(event)
