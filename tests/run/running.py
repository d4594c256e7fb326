"""A running door of one test: `eventlog run` in a process of its own. Support code."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final, Self

CHECKOUT: Final = Path(__file__).resolve().parents[2]


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
        self.process: subprocess.Popen[str] | None = None

    def start(self, wait_for: str = "running:") -> str:
        """Start it, and return its log up to the line that has this text."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "eventlog", "run", "--config", str(self.config)],
            cwd=CHECKOUT,
            stderr=subprocess.PIPE,
            text=True,
            env=self._environment,
        )
        return self.read_to(wait_for)

    def read_to(self, text: str) -> str:
        """Its log up to the line that has this text. Fails where it ends before."""
        assert self.process is not None
        assert self.process.stderr is not None
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if text in line:
                return "".join(lines)
        raise AssertionError(f"it ended without {text!r}: {''.join(lines)}")

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals = signal.SIGTERM) -> tuple[int, str]:
        """End it; its exit code and the rest of its log."""
        assert self.process is not None
        self.process.send_signal(number)
        _, rest = self.process.communicate(timeout=30)
        code = self.process.returncode
        self.process = None
        return code, rest

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what still runs."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
