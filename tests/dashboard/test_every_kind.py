"""No page and no answer of the API fails on any kind of fact, a sealed one included."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog import codecs
from eventlog.dashboard.api.openapi import description
from eventlog.facts import FACT_TYPES, OPENERS, kind_of
from eventlog.followers import cursor as cursors
from tests.dashboard.house import House, open_house
from tests.support.vocabulary import every_kind, log_of_every_kind
from tests.words.whole_facts import WHOLE

pytestmark = pytest.mark.anyio

KINDS: Final = sorted(kind_of(fact_type) for fact_type in FACT_TYPES)
OUTCOMES: Final = ("granted", "refused", "none", "trial", "failed", "timed_out", "unknown")
PAGES: Final = [
    "/",
    "/timeline/more",
    "/people",
    "/doors",
    "/doors?at=2026-02-25T10:30",
    "/decide?tolerance=0.5",
    "/account",
    "/health",
    "/metrics",
    "/status",
    "/unlocks",
    "/unlocks/more",
    "/unlocks.csv",
    "/unlocks.json",
    *(f"/events/{number}" for number in range(1, 7)),
    *(f"/?outcome={outcome}" for outcome in OUTCOMES),
    *(f"/unlocks?outcome={outcome}" for outcome in OUTCOMES),
]
ANSWERS: Final = [
    "/api/events",
    "/api/persons",
    "/api/doors",
    "/api/devices",
    "/api/unlocks",
    "/api/openapi.json",
    *(f"/api/events/{number}" for number in range(1, 7)),
    *(f"/api/events?outcome={outcome}" for outcome in OUTCOMES),
    *(f"/api/unlocks?outcome={outcome}" for outcome in OUTCOMES),
]


@pytest.fixture
async def told(tmp_path: Path) -> AsyncIterator[House]:
    """A dashboard over a log of every kind."""
    log_of_every_kind(tmp_path / "events.db")
    async with open_house(tmp_path) as house:
        await house.site.store.caught_up(await house.site.pages.last_position())
        yield house


async def test_every_page_shows_every_kind(told: House) -> None:
    """Nothing answers with an error, and no record of the log is unread."""
    async with await told.signed_in() as client:
        for path in PAGES:
            answer = await client.get(path)
            assert answer.status_code == 200, (path, answer.status_code)
            assert "can't be read" not in answer.text, path


async def test_every_answer_of_the_api_holds_every_kind(told: House) -> None:
    """As JSON; of a visit's records each has its line in the story."""
    async with await told.program("read") as program:
        for path in ANSWERS:
            answer = await program.get(path)
            assert answer.status_code == 200, (path, answer.text)
            answer.json()
        story = (await program.get("/api/events/1")).json()["story"]
    assert {line["kind"] for line in story} >= set(KINDS) - {"ding", "motion", "observation"}
    assert all(line["text"] for line in story)


async def test_the_stream_tells_of_every_kind_in_a_sentence(told: House) -> None:
    """Each record with its fact and what it says."""
    end = await told.site.pages.last_position()
    seen: dict[str, dict[str, Any]] = {}

    async def welcome() -> bool:
        return True

    frames = told.site.broadcast.listen(cursors.parse("0"), may_continue=welcome, heartbeat_s=15)
    count = 0
    async with asyncio.timeout(60):
        async for chunk in frames:
            for part in chunk.decode().split("\n\n"):
                if "event: record" in part:
                    record = json.loads(part.split("data: ", 1)[1])
                    seen[record["kind"]] = record
                    count += 1
            if count == end:
                break
    assert sorted(seen) == KINDS
    assert all(record["text"] and record["fact"] for record in seen.values())


async def test_the_apis_description_knows_every_kind(told: House) -> None:
    """Each kind has its schema."""
    text = json.dumps(description())
    for kind in KINDS:
        assert f'"{kind}"' in text, kind
    assert told.site.store is not None


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_is_taken_or_refused_by_name(told: House, kind: str) -> None:
    """As plain values, in a visit of its own."""
    opener = [] if kind in OPENERS else [WHOLE["motion"]]
    facts = [codecs.to_builtins(fact) for fact in (*opener, WHOLE[kind])]
    plain = json.loads(json.dumps({"facts": facts}))
    async with await told.program("append") as program:
        answer = await program.post("/api/facts", json=plain)
    # What only the log itself may say is refused by name.
    refused = answer.status_code == 403 and answer.json()["message"].startswith(kind)
    assert answer.status_code == 201 or refused, answer.text


async def test_a_seal_from_outside_is_refused(told: House) -> None:
    """Only text comes in through doors: a seal names its field and nothing is written."""
    before = await told.site.pages.last_position()
    seal = {"sealed": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}
    async with await told.program("append") as program:
        answer = await program.post(
            "/api/facts", json={"facts": [{"kind": "person_named", "name": seal}]}
        )
    assert answer.status_code == 400
    assert (answer.json()["error"], answer.json()["field"]) == ("BadFact", "name")
    assert await told.site.pages.last_position() == before
    assert len(list(every_kind())) > len(KINDS)
