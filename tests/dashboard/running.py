"""A dashboard in a process of its own, for tests that need a socket.

Prepares nothing: a log that a test wants to see is there before. Ends only what it started.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import asyncio, sys
from eventlog.dashboard import run
db, thumbnails, zone, path = sys.argv[1:]
bound = run.listen("127.0.0.1", 0)
run._bound = lambda *_: bound
url = f"http://127.0.0.1:{bound.getsockname()[1]}{path}" if path else None
say = lambda text: text.startswith("Warning") or print(text, flush=True)
asyncio.run(run.serve(db, thumbnails, time_zone=zone, public_url=url, sign_in_link=True, say=say))
"""


class Running:
    """The process, its address, and a link that signs in once.

    With `path` it lives under that path, as behind a proxy that hands the path on.
    """

    def __init__(
        self, folder: Path, zone: str = "UTC", *, log: Path | None = None, path: str = ""
    ) -> None:
        self._log = (log or folder / "dashboard.log").open("w")
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-c", PROGRAM),
                *(folder / "events.db", folder / "thumbnails", zone, path),
            ],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        try:
            self.url, self.link = self._said(), self._said()
            self._await_answer()
        except BaseException:
            self._process.kill()
            self._close()
            raise

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    def _said(self) -> str:
        """The address at the end of the next line that it prints."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, Path(self._log.name).read_text()
        return line.split()[-1].rstrip("/")

    def _await_answer(self) -> None:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            try:
                httpx.get(f"{self.url}/health")
            except httpx.TransportError:
                time.sleep(0.02)
            else:
                return
        raise AssertionError("the dashboard does not answer")

    def _close(self) -> None:
        self._process.wait()
        self._log.close()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def stop(self) -> float:
        """Ask it to stop; the answer is how long that took, in seconds."""
        began = time.monotonic()
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(timeout=30)
        took = time.monotonic() - began
        assert status == 0, status
        return took

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self._close()

    def __enter__(self) -> Self:
        """Nothing more: it runs."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """Stop it, if it still runs."""
        if self._process.poll() is None:
            self.stop()
        self._close()
