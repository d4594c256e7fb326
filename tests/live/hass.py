"""A Home Assistant of one test: on loopback, in the test's own folder, with a lock and a token.

Support code. It runs from a venv of its own, which `make servers` makes; `program` skips a test
if there is none.
"""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final, Self

import pytest

from tests.live.mosquitto import free_port

CHECKOUT: Final = Path(__file__).resolve().parents[2]
STARTS_S: Final = 90.0
CONFIG: Final = """\
homeassistant:
  name: Door
  latitude: 52.5
  longitude: 13.4
  elevation: 30
  unit_system: metric
  time_zone: Europe/Berlin
http:
  server_host: 127.0.0.1
  server_port: {port}
api:
websocket_api:
recorder:
  commit_interval: 0
history:
logbook:
input_boolean:
  bolt:
    name: Bolt
lock:
  - platform: template
    name: front
    value_template: "{{{{ is_state('input_boolean.bolt', 'off') }}}}"
    lock:
      service: input_boolean.turn_off
      target: {{ entity_id: input_boolean.bolt }}
    unlock:
      service: input_boolean.turn_on
      target: {{ entity_id: input_boolean.bolt }}
"""


def program() -> Path:
    """Where `hass` is. Skips the test where it is not installed."""
    found = Path(os.environ.get("EVENTLOG_HASS", CHECKOUT / ".servers/home-assistant/bin/hass"))
    if not found.exists():
        pytest.skip("Home Assistant is missing: `make servers` installs it in .servers")
    return found


class HomeAssistant:
    """A Home Assistant with `lock.front`. Use as a context."""

    def __init__(self, folder: Path) -> None:
        self._program = program()
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = ""
        self._folder = folder / "home-assistant"
        self._folder.mkdir()
        text = CONFIG.format(port=self.port)
        (self._folder / "configuration.yaml").write_text(text, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; returns when it answers."""
        with (self._folder / "out.log").open("ab") as log:
            self._process = subprocess.Popen(
                [str(self._program), "-c", str(self._folder), "--skip-pip"],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + STARTS_S
        while self._status("/api/") not in {200, 401}:
            assert self._process.poll() is None, "Home Assistant ended"
            assert time.monotonic() < deadline, "Home Assistant does not answer"
            time.sleep(0.25)
        if not self.token:
            self._onboard()
        while self.get("/api/states/lock.front").get("state") not in {"locked", "unlocked"}:
            assert time.monotonic() < deadline, "there is no lock.front"
            time.sleep(0.25)

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def turn(self, service: str) -> None:
        """Lock or unlock."""
        self._ask(f"/api/services/lock/{service}", {"entity_id": "lock.front"})

    def get(self, path: str) -> Any:
        """The JSON that a page answers; {} if there is none."""
        try:
            return self._ask(path, None)
        except urllib.error.HTTPError as error:
            error.close()
            return {}

    def _onboard(self) -> None:
        client = f"{self.url}/"
        user = {"client_id": client, "name": "o", "username": "o", "password": "trial-only"}
        code = self._ask("/api/onboarding/users", {**user, "language": "en"})["auth_code"]
        form = f"client_id={client}&grant_type=authorization_code&code={code}".encode()
        request = urllib.request.Request(f"{self.url}/auth/token", data=form)  # noqa: S310 - loopback
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
            self.token = json.load(answer)["access_token"]

    def _ask(self, path: str, body: dict[str, Any] | None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(f"{self.url}{path}", data=data, headers=headers)  # noqa: S310 - loopback
        with urllib.request.urlopen(request) as answer:  # noqa: S310 - loopback
            return json.load(answer)

    def _status(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"{self.url}{path}") as answer:  # noqa: S310 - loopback
                status: int = answer.status
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except OSError:
            return 0
        return status

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Kill."""
        self.kill()
