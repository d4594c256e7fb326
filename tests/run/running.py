"""A running door of one test: `eventlog run` in a process of its own. Support code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final, Self

CHECKOUT: Final = Path(__file__).resolve().parents[2]
# So long something may take on a loaded machine before a test calls it missing.
LONGEST_S: Final = 60.0


class RunningDoor:
    """`eventlog run` with a config, its log lines in a file. Use as a context."""

    def __init__(self, folder: Path, config: str, **environment: str) -> None:
        self.folder = folder
        self.config = folder / "door.toml"
        self.config.write_text(
            f'log = {{ db = "{folder}/events.db", thumbnails = "{folder}/thumbnails" }}\n{config}',
            encoding="utf-8",
        )
        self._environment = {**os.environ, **environment}
        self._said = folder / "door.log"
        self._read = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, wait_for: str = "running:") -> str:
        """Start it, and return its log up to the line that has this text."""
        self._read = self._said.stat().st_size if self._said.exists() else 0
        # A file and not a pipe: a process whose log nobody reads would stop at a full pipe.
        with self._said.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "eventlog", "run", "--config", str(self.config)],
                cwd=CHECKOUT,
                stderr=log,
                env=self._environment,
            )
        return self.read_to(wait_for)

    def read_to(self, text: str) -> str:
        """Its log from where it was read last to the line that has this text; fails without one."""
        assert self.process is not None
        deadline = time.monotonic() + LONGEST_S
        while True:
            ended = self.process.poll() is not None
            rest = self._said.read_bytes()[self._read :]
            found = rest.find(text.encode())
            if found >= 0 and (end := rest.find(b"\n", found)) >= 0:
                self._read += end + 1
                return rest[: end + 1].decode()
            assert not ended, f"it ended without {text!r}: {rest.decode()}"
            assert time.monotonic() < deadline, f"it does not say {text!r}: {rest.decode()}"
            time.sleep(0.02)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """End it; its exit code and the rest of its log."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(timeout=LONGEST_S)
        self.process = None
        rest = self._said.read_bytes()[self._read :]
        return code, rest.decode()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what still runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
