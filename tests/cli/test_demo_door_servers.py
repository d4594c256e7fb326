"""The demo's running door: what is published by MQTT is in the log, and alerts go out."""

from __future__ import annotations

import os
import pty
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from contextlib import closing, suppress
from pathlib import Path

import pytest

from tests.live.mosquitto import program

pytestmark = [pytest.mark.servers, pytest.mark.slow]

CHECKOUT = Path(__file__).resolve().parents[2]


def from_broker(folder: Path) -> int:
    """How many records came by the broker."""
    with closing(sqlite3.connect(f"file:{folder}/events.db?mode=ro", uri=True)) as connection:
        sql = "SELECT count(*) FROM journal WHERE key GLOB 'frigate:*-demo*'"
        found: int = connection.execute(sql).fetchone()[0]
        return found


@pytest.mark.usefixtures("signals_by_default")
def test_the_real_thing_runs(tmp_path: Path) -> None:
    """It prints a sign-in link, Frigate's messages arrive, and the open door gives an alert."""
    program()
    folder = tmp_path / "demo"
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "eventlog", "demo", "--into", str(folder)]
    with subprocess.Popen(
        command, stdin=follower, stdout=follower, stderr=follower, cwd=CHECKOUT
    ) as process:
        os.close(follower)
        shown = ""
        while re.search(r"/sign-in#\S{40,}\s", shown) is None:
            shown += os.read(leader, 4096).decode()
        page = re.search(r"on the page (http://[0-9.:]+/)", shown)
        assert page is not None
        deadline = time.monotonic() + 60
        told = ""
        while "was opened" not in told or from_broker(folder) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.2)
            with urllib.request.urlopen(page[1]) as answer:  # noqa: S310 - loopback
                told = answer.read().decode()
        process.send_signal(signal.SIGINT)
        shown = ""
        with suppress(OSError):  # the other end is closed
            while some := os.read(leader, 4096):
                shown += some.decode()
        assert process.wait(30) == 0
    os.close(leader)
    assert "Stopped." in shown
