"""The dashboard as a part of the running door: health, webhooks, tests of channels."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventlog.dashboard import manage as commands
from eventlog.dashboard.accounts.tokens import Limits
from tests.run.running import RunningDoor

pytestmark = pytest.mark.slow

CONFIG = """
dashboard = { port = 0 }
mqtt = { port = 1 }
[source.frigate]
kind = "frigate"
silent_after = "5m"
[source.bell]
kind = "webhook"
fact = "ding"
id = "event.id"
fields = { camera_id = "= front_door", recorded_at = "event.time" }
[channel.page]
webhook = "http://127.0.0.1:1/"
[alert.bell]
when = "ring"
channels = ["page"]
"""


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A running door's dashboard, and a token that may read and append."""
    folder: Path = tmp_path_factory.mktemp("door")
    token = commands.add_token(str(folder / "events.db"), "bell", ["read", "append"])
    limits = Limits(kinds=("motion",))
    limited = commands.add_token(str(folder / "events.db"), "feed", ["append"], limits)
    door = RunningDoor(folder, CONFIG)
    found = re.search(r"at (http://[0-9.:]+)/", door.start("The dashboard is at"))
    assert found is not None
    try:
        with httpx.Client(
            base_url=found[1],
            headers={"authorization": f"Bearer {token}", "x-limited": limited},
        ) as opened:
            yield opened
        code, _ = door.end()
        assert code == 0
    finally:
        door.__exit__()


def post(client: httpx.Client, path: str, body: Any) -> httpx.Response:
    """POST JSON."""
    return client.post(path, content=json.dumps(body))


def found(client: httpx.Client, path: str) -> Any:
    """What a page of the API answers once the views have it: a receipt is earlier than they are."""
    deadline = time.monotonic() + 60
    while (answer := client.get(path)).status_code == 404:
        assert time.monotonic() < deadline, f"{path} is not found"
        time.sleep(0.02)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_health_shows_parts_and_sources(client: httpx.Client) -> None:
    """Those of the config; the broker is not there, so its source is not connected."""
    health = client.get("/api/health").json()
    assert [part["name"] for part in health["parts"]] == ["alerts", "dashboard", "mqtt", "silence"]
    sources = {source["name"]: source for source in health["sources"]}
    assert sources["frigate"]["connected"] in {False, None}


def test_health_says_how_far_a_part_has_read(client: httpx.Client) -> None:
    """A part that reads the journal has a number of records, any other has none."""
    deadline = time.monotonic() + 60
    while True:
        parts = {one["name"]: one for one in client.get("/api/health").json()["parts"]}
        if parts["alerts"]["behind"] is not None:
            break
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert parts["dashboard"]["behind"] is None


def test_metrics_have_the_sources_and_parts(client: httpx.Client) -> None:
    """For Prometheus."""
    text = client.get("/metrics").text
    assert 'eventlog_source_silent{source="frigate"} 0.0' in text
    assert 'eventlog_part_restarts_total{part="mqtt"}' in text


def test_a_webhook_appends_once(client: httpx.Client) -> None:
    """The mapping names the fields, the id makes it the same message again."""
    body = {"event": {"id": 7, "time": "2026-02-25T10:30:00Z"}}
    first = post(client, "/api/hooks/bell", body)
    again = post(client, "/api/hooks/bell", body)
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json() == again.json()
    event = found(client, f"/api/events/{first.json()['event_id']}")
    assert event["event"]["camera_id"] == "front_door"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"event": {"id": 8}}, 400),
        ({"event": {"time": "2026-02-25T10:30:00Z"}}, 400),
        ({"event": {"id": 9, "time": "now"}}, 400),
        ([], 400),
        ({"event": {"id": 7, "time": "2026-02-26T10:30:00Z"}}, 409),
    ],
)
def test_a_webhook_refuses_what_does_not_fit(client: httpx.Client, body: Any, status: int) -> None:
    """Missing fields, values of another kind, and an id that was used for something else."""
    post(client, "/api/hooks/bell", {"event": {"id": 7, "time": "2026-02-25T10:30:00Z"}})
    assert post(client, "/api/hooks/bell", body).status_code == status


def test_names_that_the_config_lacks_are_not_found(client: httpx.Client) -> None:
    """Neither webhooks nor channels."""
    assert post(client, "/api/hooks/frigate", {}).status_code == 404
    assert post(client, "/api/alerts/none/test", {}).status_code == 404


def test_a_channel_is_tested(client: httpx.Client) -> None:
    """No server listens, and the response says so."""
    answer = post(client, "/api/alerts/page/test", {})
    assert (answer.status_code, answer.json()["sent"]) == (200, False)


def test_a_tokens_limits_hold_for_webhooks_too(client: httpx.Client) -> None:
    """A token for motions only can't ring by a webhook."""
    limited = client.headers["x-limited"]
    body = json.dumps({"event": {"id": 77, "time": "2026-02-25T10:30:00Z"}})
    headers = {"authorization": f"Bearer {limited}"}
    with httpx.Client(base_url=client.base_url, headers=headers) as feed:
        assert feed.post("/api/hooks/bell", content=body).status_code == 403
        assert feed.post("/api/alerts/page/test").status_code == 403


def test_a_stranger_gets_nothing(client: httpx.Client) -> None:
    """Without a token, neither health nor webhooks are available."""
    with httpx.Client(base_url=client.base_url) as stranger:
        assert stranger.get("/api/health").status_code == 401
        assert stranger.post("/api/hooks/bell", content="{}").status_code in {401, 403}
