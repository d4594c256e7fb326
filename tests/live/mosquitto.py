"""A mosquitto of one test: on loopback, on a port of its own, in the test's own folder.

Support code; `require` skips a test where mosquitto is not installed, with the line that would
install it.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Final, Self

import pytest

# What the README asks a household's broker for.
KEEPS_ALL: Final = """\
max_queued_messages 0
max_inflight_messages 256
queue_qos0_messages true
persistence true
autosave_interval 1
autosave_on_changes true
"""
STARTS_S: Final = 10.0


def program() -> str:
    """Where mosquitto is. Skips the test where it is not installed."""
    found = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if found is None:
        pytest.skip("mosquitto is missing: sudo apt install --no-install-recommends mosquitto")
    return found


def free_port() -> int:
    """A port that nothing listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Mosquitto:
    """A broker. Use as a context, or call `start` and `kill` as often as the test needs."""

    def __init__(self, folder: Path, lines: str = KEEPS_ALL) -> None:
        self._program = program()
        self.port = free_port()
        self._folder = folder / "mosquitto"
        self._folder.mkdir()
        self._config = self._folder / "mosquitto.conf"
        self._config.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\n"
            f"persistence_location {self._folder}/\nset_tcp_nodelay true\n{lines}",
            encoding="utf-8",
        )
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self._folder / "log").read_text(encoding="utf-8")

    def start(self) -> None:
        """Start it; returns when it answers."""
        log = (self._folder / "log").open("ab")
        with log:
            self._process = subprocess.Popen(
                [self._program, "-c", str(self._config)], stdout=log, stderr=log
            )
        deadline = time.monotonic() + STARTS_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                if time.monotonic() > deadline or self._process.poll() is not None:
                    raise
                time.sleep(0.02)
            else:
                return

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Kill."""
        self.kill()
