"""What an attacker tries, in numbers: injections, a crawl without a login, errors that might leak.

The fault table asks for each figure; the parts that take minutes are marked `faults`.
"""

from __future__ import annotations

import logging
import re
from collections import Counter, deque
from collections.abc import Iterator
from itertools import product
from typing import Any, Final
from urllib.parse import quote

import httpx
import pytest

from eventlog.cli.app import _Remark
from eventlog.dashboard.app import HANDLERS
from eventlog.errors import DatabaseError, DiskFull, LockTimeout
from eventlog.facts import Ding, PersonNamed
from eventlog.sources.simulator.drawings import Scene, draw
from tests.dashboard.house import AT, VISIT, House
from tests.dashboard.payloads import CONTROLS, SQL

pytestmark = pytest.mark.anyio

FILTERS: Final = ("camera", "person", "label", "type", "outcome", "stranger", "day")
ALIKE: Final = 3
TIMES: Final = ("since", "until", "before", "limit")
# Every route that takes a parameter, and all that it takes.
TAKES: Final = {
    "/": FILTERS,
    "/timeline/more": (*FILTERS, "before"),
    "/timeline/live": (*FILTERS, "ids", "position"),
    "/api/events": (*FILTERS, *TIMES),
    "/unlocks": ("person", "outcome", "day"),
    "/unlocks/more": ("person", "outcome", "day", "before"),
    "/unlocks.csv": ("person", "outcome", "day", "since", "until"),
    "/unlocks.json": ("person", "outcome", "day", "since", "until"),
    "/api/unlocks": ("person", "outcome", "day", *TIMES),
    "/people": ("after",),
    "/login": ("next",),
}
PAIRS: Final = [(path, name) for path, names in TAKES.items() for name in names]
TEXTS: Final = {"camera", "person", "label"}  # which no row of the log has such a one of
# What SQLite says of SQL that it does not understand.
SQL_ERRORS: Final = re.compile(
    r"OperationalError|syntax error|unrecognized token|no such (table|column|function)|incomplete"
)
LEAKS: Final = re.compile(
    r"s3cret|/home/|/tmp/|events\.db|SELECT |INSERT |sqlite|Traceback|File \"|\.py\b|eventlog\."
    r"|litestar|msgspec|anyio",
    re.IGNORECASE,
)


# ── SQL ────────────────────────────────────────────────────────────────────────────────────


async def state(house: House) -> list[Any]:
    """The schema, and how many rows each table has."""

    def read(connection: Any) -> list[Any]:
        schema = connection.execute("SELECT * FROM sqlite_schema").fetchall()
        tables = [row[1] for row in schema if row[0] == "table"]
        counts = [connection.execute(f"SELECT count(*) FROM {name}").fetchone() for name in tables]
        return [schema, counts]

    return await house.site.pages.run(read)


async def require_on_text(client: httpx.AsyncClient, path: str, name: str, text: str) -> None:
    """A parameter's value is taken as text, or refused."""
    answer = await client.get(path, params={name: text})
    assert answer.status_code in {200, 400}, (path, name, text)
    assert not SQL_ERRORS.search(answer.text), (path, name, text)
    if name in TEXTS and answer.status_code == 200:
        for row in ('id="event-1"', "by day", '"granted":true'):
            assert row not in answer.text, (path, name, text)


async def test_five_hundred_injections_stay_text(house: House) -> None:
    """Each at some route's parameter: no word of SQLite's, no row too many, tables as before."""
    await house.append(*VISIT)
    before = await state(house)
    async with await house.signed_in() as client:
        for number, text in enumerate(SQL):
            path, name = PAIRS[number % len(PAIRS)]
            await require_on_text(client, path, name, text)
    assert len(set(SQL)) == 500
    assert await state(house) == before


@pytest.mark.faults
async def test_five_hundred_injections_stay_text_at_every_parameter(house: House) -> None:
    """All of them, at each parameter of each route."""
    await house.append(*VISIT)
    before = await state(house)
    async with await house.signed_in() as client:
        for (path, name), text in product(PAIRS, SQL):
            await require_on_text(client, path, name, text)
    assert await state(house) == before


# ── no login ───────────────────────────────────────────────────────────────────────────────


async def test_a_crawl_finds_no_address_that_is_open_to_a_stranger(house: House) -> None:
    """Every link, form and picture that a signed-in page leads to, by every method."""
    frame = draw(Scene(12, ("person",), 7))
    saved = await house.site.thumbnails.save_async(frame, AT.isoformat())
    assert saved is not None
    for _ in range(31):  # so that there is more than a page
        await house.append(*VISIT, saved)
    async with await house.signed_in() as client:
        await client.post("/account/tokens", data={"name": "pipeline", "read": "on"})
        found = await crawl(client)
    assert {"/unlocks.csv", "/sign-out", "/account/tokens/1/revoke"} <= found
    assert any(re.fullmatch(r"/events/\d+/picture", path) for path in found)
    assert {path.partition("?")[0] for path in found} >= {"/timeline/more", "/unlocks/more"}
    methods = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "X")
    async with house.client() as stranger:
        for path, method in product(sorted(found), methods):
            answer = await stranger.request(method, path)
            assert answer.status_code in {303, 401, 403, 405}, (method, path)
            if answer.status_code == 303:
                assert answer.headers["location"].startswith("/login")
            assert "ada" not in answer.text
            assert not answer.content.startswith(b"\xff\xd8")


async def crawl(client: httpx.AsyncClient) -> set[str]:
    """The addresses that can be reached, but for files of ours; forms are noted, not sent.

    Filters and months go together in more ways than can be visited: of one page with the same
    parameters, a few are.
    """
    found: set[str] = set()
    visits: Counter[str] = Counter()
    waiting = deque(["/"])
    while waiting:
        path = waiting.popleft()
        page = await client.get(path)
        if not page.headers.get("content-type", "").startswith("text/html"):
            continue
        pattern = r'(?:href|src|action|data-more|data-live)="(/[^"#]*)"'
        for match in re.findall(pattern, page.text):
            address = match.replace("&amp;", "&")
            shape = re.sub(r"=[^&]*|\d+", "", address)
            if address.startswith("/static/") or address in found or visits[shape] >= ALIKE:
                continue
            visits[shape] += 1
            found.add(address)
            waiting.append(address)
    return found


# ── errors ─────────────────────────────────────────────────────────────────────────────────


def bad_requests() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Requests that are wrong, each in a way of its own: method, path and what goes along."""
    for path, name in PAIRS:
        if path not in {"/login", "/people"} and name not in TEXTS:
            yield "GET", path, {"params": {name: "s3cret\0"}}
    for odd in ("nothing", "events/x", "events/0", f"events/{2**70}", "..%2f..%2fetc/passwd"):
        for prefix in ("/", "/api/"):
            yield "GET", prefix + odd, {}
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"):
        for path in ("/", "/api/facts", "/events/1", "/unlocks.csv", "/health"):
            yield method, path, {}
    bodies: list[Any] = [None, 1, [], {}, {"facts": 1}, {"facts": [None]}, {"facts": [{}]}]
    bodies += [{"facts": [{"kind": "ding", "camera_id": wrong}]} for wrong in (1, "", "x" * 65)]
    bodies += [{"facts": [{"kind": "s3cret", "version": n}]} for n in range(5)]
    bodies += [{"facts": [{"kind": "alert_sent"}], "event_id": n} for n in (-1, "x", 2**63, 9)]
    for body in bodies:
        yield "POST", "/api/facts", {"json": body}
    for raw in (b"", b"{", b"\xff\xfe", b"[" * 60_000, b'{"facts":[' + b"{" * 2_000, b"\0"):
        yield "POST", "/api/facts", {"content": raw}
        yield "POST", "/api/thumbnails?recorded_at=2026-02-25T10:30:00Z", {"content": raw}
    for form in ({}, {"name": ""}, {"name": "x" * 65}, {"name": "a", "display_name": "x" * 65}):
        yield "POST", "/people/name", {"data": form}
        yield "POST", "/account/tokens", {"data": form}


GETS: Final = sorted(
    path.replace("{event_id:int}", "1")
    for handler in HANDLERS
    for path in handler.paths
    if "GET" in handler.http_methods and "{name" not in path
)
FAILURES: Final = (
    DatabaseError("/home/s3cret/events.db: SELECT s3cret (SQLITE_IOERR)"),
    DiskFull("/home/s3cret/events.db is full"),
    LockTimeout("/home/s3cret/events.db.lock was held"),
    RuntimeError("s3cret\nin /home/s3cret"),
    KeyError("s3cret"),
)


async def test_two_hundred_errors_leak_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No response contains a path, SQL, a stack or the name of a framework, whoever is at fault."""
    await house.append(*VISIT)
    provoked = 0

    def insist(answer: httpx.Response) -> int:
        if answer.status_code < 400:
            return 0
        shown = f"{answer.headers}{answer.text}"
        assert not LEAKS.search(shown), shown
        return 1

    async with await house.signed_in() as client:
        for method, path, more in bad_requests():
            provoked += insist(await client.request(method, path, **more))
        failure: list[Exception] = []

        async def fails(*_: Any, **__: Any) -> None:
            raise failure[-1]

        for error in FAILURES:
            failure.append(error)
            with monkeypatch.context() as patch:
                for of in (house.site.pages, house.site.figures):
                    patch.setattr(of, "run", fails)
                patch.setattr(house.site.store, "append", fails)
                for path in GETS:
                    if path != "/api/stream":
                        provoked += insist(await client.get(path))
                fact = {"facts": [{"kind": "person_named", "name": "x"}]}
                provoked += insist(await client.post("/api/facts", json=fact))
                provoked += insist(await client.post("/people/name", data={"name": "x"}))
    assert provoked >= 200, provoked


# ── the log of the dashboard ───────────────────────────────────────────────────────────────


async def test_fifty_names_full_of_control_characters_make_one_line_each(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An error about such a name is one line, without a control character and without the name."""

    async def fails(*_: Any, **__: Any) -> None:
        raise RuntimeError(name)

    lines: list[str] = []
    async with await house.signed_in() as client:
        for name in CONTROLS:
            await house.append(Ding(camera_id=name, recorded_at=AT), PersonNamed(name=name))
            assert (await client.get("/", params={"camera": name})).status_code == 200
            assert (await client.get(f"/{quote(name)}")).status_code == 404
            caplog.clear()
            with monkeypatch.context() as patch:
                patch.setattr(house.site.pages, "run", fails)
                assert (await client.get("/", params={"camera": name})).status_code == 500
            for record in caplog.records:
                lines += _Remark("eventlog: %(message)s").format(record).split("\n")
    assert len(CONTROLS) == len(set(CONTROLS)) == len(lines) == 50
    assert all(line.isprintable() and "RuntimeError at " in line for line in lines)
    assert logging.getLogger("eventlog").propagate
