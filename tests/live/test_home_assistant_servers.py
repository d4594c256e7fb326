"""A real Home Assistant with a real lock: pushed, found after a gap, followed after a kill."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from urllib.parse import quote

import pytest

from tests.live.hass import HomeAssistant
from tests.run.running import RunningDoor

pytestmark = [pytest.mark.servers, pytest.mark.slow]

CONFIG: Final = """
[source.ha]
kind = "home_assistant"
url = "{url}"
token_file = "{token_file}"
entities = ["lock.*"]
silent_after = "5m"
"""


def turns(folder: Path) -> int:
    """How often the lock was turned, as the journal has it."""
    with closing(sqlite3.connect(f"file:{folder}/events.db?mode=ro", uri=True)) as connection:
        sql = "SELECT count(*) FROM journal WHERE kind = 'unlock_action'"
        found: int = connection.execute(sql).fetchone()[0]
        return found


def until(is_so: Callable[[], bool], longest_s: float = 60) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + longest_s
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def recorded(folder: Path) -> set[str]:
    """The times of all changes of the lock that the journal has."""
    with closing(sqlite3.connect(f"file:{folder}/events.db?mode=ro", uri=True)) as connection:
        prefix = "home-assistant:lock.front:"
        sql = "SELECT key FROM journal WHERE key GLOB ?"
        keys = [row[0] for row in connection.execute(sql, (f"{prefix}*",))]
        return {key.removeprefix(prefix).removesuffix(":state") for key in keys}


def held(assistant: HomeAssistant, began: str) -> set[str]:
    """The times of all changes since a time that Home Assistant's own history has."""
    since = quote((datetime.now(UTC) - timedelta(minutes=30)).isoformat())
    query = "filter_entity_id=lock.front&significant_changes_only=0"
    (states,) = assistant.get(f"/api/history/period/{since}?{query}")
    return {state["last_changed"] for state in states if state["last_changed"] > began}


def test_the_lock_is_followed_and_gaps_are_filled(tmp_path: Path) -> None:
    """10 turns seen 10; 6 while we were away found 6; and after a kill of Home Assistant."""
    with HomeAssistant(tmp_path) as assistant:
        token_file = tmp_path / "token"
        token_file.write_text(assistant.token, encoding="utf-8")
        config = CONFIG.format(url=assistant.url, token_file=token_file)
        with RunningDoor(tmp_path, config) as door:
            door.read_to("ha is connected")
            began = datetime.now(
                UTC
            ).isoformat()  # nothing from before the first start is asked for
            for _ in range(5):
                assistant.turn("unlock")
                assistant.turn("lock")
            until(lambda: turns(tmp_path) == 10)
            door.end()
            for _ in range(3):
                assistant.turn("unlock")
                assistant.turn("lock")
            door.start("ha is connected")
            until(lambda: recorded(tmp_path) == held(assistant, began))
            assert len(recorded(tmp_path)) == 16
            assistant.kill()
            assistant.start()
            door.read_to("ha is connected")
            before = turns(tmp_path)
            assistant.turn("unlock")
            until(lambda: turns(tmp_path) > before)
            assert door.end()[0] == 0
