"""The API under schemathesis: whatever is sent, it answers as its description says.

Lies beside the browser's tests because it needs a running dashboard and a heavy package too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from eventlog.dashboard.api.openapi import description
from eventlog.dashboard.manage import add_token
from tests.dashboard.running import Running

schemathesis = pytest.importorskip(
    "schemathesis", reason="schemathesis is not installed: the group `api-fuzz`"
)

pytestmark = pytest.mark.browser

EXAMPLES = 40


# A stream never ends, so nothing that waits for its end may be asked of it.
OPERATIONS = sorted(
    (path, method)
    for path, methods in description()["paths"].items()
    for method in methods
    if path != "/api/stream"
)


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The description of a running dashboard, and headers with a token that may all."""
    folder: Path = tmp_path_factory.mktemp("api")
    token = add_token(str(folder / "events.db"), "fuzz", ["read", "append"])
    headers = {"authorization": f"Bearer {token}"}
    with Running(folder) as running:
        url = f"{running.url}/api/openapi.json"
        yield schemathesis.openapi.from_url(url, headers=headers), headers
        assert "Traceback" not in (folder / "dashboard.log").read_text()


@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_the_api_answers_as_it_is_described(api: Any, path: str, method: str) -> None:
    """Status, shape and media type of each answer; nothing of ours fails."""
    schema, headers = api
    # An append may be of the right shape and still name an event that is not there, or be no whole
    # picture: what JSON Schema can't say is refused with 400 or 404.
    beyond = schemathesis.checks.positive_data_acceptance
    # It would send the token that it means to leave out; test_security.py holds every route to it.
    takes_no_token_away = schemathesis.checks.ignored_auth

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=schema[path][method].as_strategy())
    def answers(case: Any) -> None:
        case.call_and_validate(headers=headers, excluded_checks=[beyond, takes_no_token_away])

    answers()
