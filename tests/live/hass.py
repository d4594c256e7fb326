"""A Home Assistant of one test: on loopback, in the test's own folder, with a lock and a token.

Support code. Two releases run from venvs of their own, which `make servers` makes: 2024.3.3, the
last for Python 3.11, and 2025.1.4, which knows device-based discovery. `program` skips a test
if the one that it needs is missing.
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
STARTS_S: Final = 180.0
OLD: Final = "home-assistant"
NEW: Final = "home-assistant-new"
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
config:
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


def program(release: str = OLD) -> Path:
    """Where `hass` of a release is. Skips the test if it is not installed."""
    servers = Path(os.environ.get("EVENTLOG_SERVERS", CHECKOUT / ".servers"))
    found = servers / release / "bin/hass"
    if not found.exists():
        pytest.skip(f"{release} is missing: `make servers` installs it in .servers")
    return found


class HomeAssistant:
    """A Home Assistant with `lock.front`. Use as a context."""

    def __init__(self, folder: Path, release: str = OLD) -> None:
        self._program = program(release)
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

    def connect_broker(self, port: int) -> None:
        """Set up its MQTT integration, as a household does on its pages."""
        flow = self._ask("/api/config/config_entries/flow", {"handler": "mqtt"})
        told = {"broker": "127.0.0.1", "port": port}
        made = self._ask(f"/api/config/config_entries/flow/{flow['flow_id']}", told)
        assert made["type"] == "create_entry", made

    def state(self, entity: str) -> str | None:
        """The state of an entity, None if there is no such entity."""
        found: str | None = self.get(f"/api/states/{entity}").get("state")
        return found

    def entities(self, *domains: str) -> set[str]:
        """The ids of all entities of some domains."""
        found = {str(one["entity_id"]) for one in self.get("/api/states")}
        return {one for one in found if one.partition(".")[0] in domains}

    @property
    def log(self) -> str:
        """What it has logged."""
        return (self._folder / "out.log").read_text(encoding="utf-8")

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
