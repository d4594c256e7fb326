"""The API's description holds what the routes do, and its examples are taken."""

from __future__ import annotations

from typing import Any

import pytest

from eventlog import codecs
from eventlog.dashboard import filters
from eventlog.dashboard.api.openapi import BAD_FACT_EXAMPLE, FACTS_EXAMPLE, description
from eventlog.dashboard.app import HANDLERS
from tests.dashboard.house import House


def routes() -> set[tuple[str, str]]:
    """The API's routes: path and method."""
    return {
        (path.replace(":int}", "}").replace(":str}", "}"), method.lower())
        for handler in HANDLERS
        for path in handler.paths
        for method in handler.http_methods
        if path.startswith("/api/") and method != "OPTIONS"
    }


def test_every_route_of_the_api_is_described_and_no_other() -> None:
    """Path by path, method by method."""
    described = {
        (path, method) for path, methods in description()["paths"].items() for method in methods
    }
    assert described == routes()


@pytest.mark.parametrize(
    ("path", "keys"),
    [("/api/events", filters.EVENT_KEYS), ("/api/unlocks", filters.UNLOCK_KEYS)],
)
def test_a_list_is_described_with_each_filter_of_its_page(path: str, keys: tuple[str, ...]) -> None:
    """And with the two that ask for a page."""
    described = description()["paths"][path]["get"]["parameters"]
    assert {one["name"] for one in described} == {*keys, "before", "limit"}


def test_every_reference_leads_somewhere() -> None:
    """A $ref that leads nowhere would make the description useless to tools."""
    found: list[str] = []

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            found.extend(value for key, value in part.items() if key == "$ref")
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    walk(description())
    assert found
    schemas = description()["components"]["schemas"]
    assert {reference.removeprefix("#/components/schemas/") for reference in found} <= set(schemas)


def test_the_example_of_facts_is_of_facts() -> None:
    """Each of them may enter the journal."""
    facts: Any = FACTS_EXAMPLE["facts"]
    for plain in facts:
        codecs.encode(codecs.from_builtins(plain))


@pytest.mark.anyio
async def test_the_description_is_served_and_its_examples_hold(house: House) -> None:
    """It is served as JSON to all who may read; the bad example gets the described response."""
    facts: Any = FACTS_EXAMPLE["facts"]
    async with await house.program("read") as reader, await house.program("append") as program:
        assert (await reader.get("/api/openapi.json")).json()["openapi"] == "3.1.0"
        bad = [facts[0], {**facts[1], "confidence": 1.5}]
        answer = await program.post("/api/facts", json={"facts": bad})
        assert answer.json() == BAD_FACT_EXAMPLE
