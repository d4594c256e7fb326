"""The gate: what does not pass it, and what every answer bears."""

from __future__ import annotations

import os
import stat
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from eventlog.dashboard.app import HANDLERS
from eventlog.dashboard.server.limits import FACTS_BYTES, FORM_BYTES
from eventlog.errors import DatabaseError
from eventlog.sources.simulator.drawings import Scene, draw
from tests.dashboard.house import AT, ORIGIN, PASSWORD, VISIT, House, open_house

pytestmark = pytest.mark.anyio

PUBLIC = {"/login", "/sign-in", "/shared", "/health", "/static/{name:str}"}
ROUTES = sorted(
    (path, method)
    for handler in HANDLERS
    for path in handler.paths
    for method in handler.http_methods
    if path not in PUBLIC and method != "OPTIONS"
)
POSTS = [path for path, method in ROUTES if method == "POST"]
FILLED = {"{event_id:int}": "1", "{token_id:int}": "1", "{number:str}": "0123456789abcdef"}


def files_in(folder: Path) -> list[Path]:
    """The files of a folder."""
    return [file for file in folder.iterdir() if file.is_file()]


def modes_in(folder: Path) -> dict[str, tuple[bool, int]]:
    """Whether it is a folder, and its mode: of all that is in a folder, however deep."""
    found = [(path, path.stat()) for path in folder.rglob("*")]
    return {
        path.name: (stat.S_ISDIR(state.st_mode), stat.S_IMODE(state.st_mode))
        for path, state in found
    }


def filled(path: str) -> str:
    """A route's path with numbers in it."""
    for name, value in FILLED.items():
        path = path.replace(name, value)
    return path


async def test_no_route_answers_without_a_login(house: House) -> None:
    """Every route but the public ones sends a stranger away, whatever the method."""
    await house.append(*VISIT)
    async with house.client() as client:
        for path, method in ROUTES:
            for way in {method, "HEAD", "POST", "GET"}:
                answer = await client.request(way, filled(path))
                assert answer.status_code in {303, 401, 403}, (path, way)
                assert "ada" not in answer.text
                if answer.status_code == 303:
                    assert answer.headers["location"].startswith("/login")


async def test_a_path_that_does_not_exist_tells_a_stranger_nothing(house: House) -> None:
    """What is there and what is not look alike from outside."""
    async with house.client() as client:
        assert (await client.get("/nothing")).status_code == 303
        assert (await client.get("/api/nothing")).status_code == 401
    async with await house.signed_in() as client:
        assert (await client.get("/nothing")).status_code == 404


async def test_a_monitor_gets_one_word(house: House) -> None:
    """/health needs no login, and says no more than a word."""
    async with house.client() as client:
        answer = await client.get("/health")
    assert (answer.status_code, answer.text) == (200, "ok")


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "a@b:c"])
async def test_a_foreign_host_is_refused(house: House, host: str) -> None:
    """A name that was bound to our address by somebody else opens nothing, static files neither."""
    async with await house.signed_in() as client:
        for path in ("/", "/login", "/health", "/api/events"):
            answer = await client.get(path, headers={"host": host})
            assert answer.status_code == 421


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "[::1]:8000", "192.168.1.4"])
async def test_our_own_hosts_are_answered(house: House, host: str) -> None:
    """Addresses and localhost pass: no page elsewhere can be bound to them."""
    async with house.client() as client:
        assert (await client.get("/health", headers={"host": host})).status_code == 200


async def test_a_write_from_elsewhere_is_refused(house: House) -> None:
    """Another origin, none, 'null' and a foreign fetch all fail, though the token is right."""
    foreign = (
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "https://127.0.0.1:8000"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    )
    async with await house.signed_in() as client:
        for path, headers in product(POSTS, foreign):
            answer = await client.post(filled(path), headers=headers)
            assert answer.status_code == 403, headers
        del client.headers["origin"]
        for path in POSTS:
            assert (await client.post(filled(path))).status_code == 403


async def test_a_write_without_the_forms_token_is_refused(house: House) -> None:
    """No token, a wrong one and another session's all fail."""
    async with await house.signed_in() as client, await house.signed_in("guest") as other:
        for path, token in product(POSTS, ("", "0" * 64, other.headers["x-csrf-token"])):
            answer = await client.post(filled(path), headers={"x-csrf-token": token})
            assert answer.status_code == 403
            assert "reload" in answer.text


@pytest.mark.parametrize("path", [path for path in POSTS if path.startswith(("/sign", "/people"))])
async def test_no_get_acts(house: House, path: str) -> None:
    """What changes something is not there for GET."""
    async with await house.signed_in() as client:
        before = house.site.broadcast.last
        assert (await client.get(filled(path))).status_code in {404, 405}
        assert house.site.broadcast.last == before
        assert (await client.get("/")).status_code == 200


async def test_every_answer_bears_the_security_headers(house: House) -> None:
    """Pages, refusals and errors alike; nothing allows inline scripts or other hosts."""
    async with await house.signed_in() as client, house.client() as stranger:
        paths = ("/", "/login", "/health", "/nothing", "/api/events", "/status")
        for path, who in product(paths, (client, stranger)):
            answer = await who.get(path)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "frame-ancestors 'none'" in policy
            assert "unsafe" not in policy
            assert "http" not in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"
            assert "server" not in answer.headers


async def test_pages_hold_no_inline_script_and_no_inline_style(house: House) -> None:
    """The policy would stop them, so none is there."""
    await house.append(*VISIT)
    async with await house.signed_in() as client:
        for path in ("/", "/events/1", "/people", "/unlocks", "/status", "/account", "/login"):
            page = (await client.get(path)).text
            assert "<script>" not in page
            assert " style=" not in page
            assert " onclick=" not in page
            assert "://" not in page.replace("http://www.w3.org", "")


async def test_a_body_that_is_too_large_is_refused(house: House) -> None:
    """By its length where it says one, by counting where it does not."""

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(FACTS_BYTES // 65536 + 2):
            yield bytes(65536)

    async with await house.signed_in() as client:
        answer = await client.post("/people/name", content=bytes(FORM_BYTES + 1))
        assert answer.status_code == 413
        assert (await client.post("/api/facts", content=endless())).status_code == 413
        deep = b'{"facts":' + b"[" * 100_000
        assert (await client.post("/api/facts", content=deep)).status_code == 400


async def test_a_form_of_many_fields_is_refused(house: House) -> None:
    """So that no form keeps the parser busy."""
    async with await house.signed_in() as client:
        del client.headers["x-csrf-token"]
        fields = {f"f{number}": "x" for number in range(100)}
        assert (await client.post("/people/name", data=fields)).status_code == 400


@pytest.mark.parametrize("path", ["/", "/api/events", "/api/events/1", "/events/1", "/people"])
async def test_an_error_leaks_nothing(
    house: House, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No path, SQL or stack is shown, whether the disk or the program is at fault."""
    failure: list[Exception] = []

    async def fails(*_: Any) -> None:
        raise failure[-1]

    async with await house.signed_in() as client:
        for error, status in (
            (DatabaseError("/home/owner/events.db: SELECT secret (SQLITE_IOERR)"), 503),
            (RuntimeError("secret in /home/owner"), 500),
        ):
            failure.append(error)
            monkeypatch.setattr(house.site.pages, "run", fails)
            monkeypatch.setattr(house.site.figures, "run", fails)
            answer = await client.get(path)
            assert answer.status_code == status
            for word in ("secret", "/home", "SELECT", "SQLITE", "Traceback", "eventlog/"):
                assert word not in answer.text


async def test_files_are_their_owners_only(tmp_path: Path) -> None:
    """No other user can read the log, the accounts or the files next to them."""
    before = os.umask(0o022)
    try:
        async with open_house(tmp_path) as house:
            await house.user(password=PASSWORD)
            saved = await house.site.thumbnails.save_async(draw(Scene(12, (), 7)), AT.isoformat())
            assert saved is not None
            await house.append(*VISIT, saved)
            modes = modes_in(tmp_path)
    finally:
        os.umask(before)
    assert {"events.db", "events.db-wal", "events.db.users", "thumbnails"} <= modes.keys()
    assert len(modes) > len({"events.db", "events.db-wal", "events.db.users", "thumbnails"})
    assert set(modes.values()) == {(False, 0o600), (True, 0o700)}, modes


async def test_the_accounts_hold_hashes_only(house: House, tmp_path: Path) -> None:
    """A session, a token, a password and a link: none can be read from the files."""
    await house.user(password=PASSWORD)
    async with await house.signed_in() as client, await house.program("read") as program:
        secrets = [
            client.cookies[house.site.cookies.session],
            program.headers["authorization"].removeprefix("Bearer "),
            PASSWORD,
        ]
        await client.get("/account")
    written = b"".join(file.read_bytes() for file in files_in(tmp_path))
    for secret in secrets:
        assert secret.encode() not in written


async def test_an_origin_of_our_own_passes(house: House) -> None:
    """The same form, from our own page, is taken."""
    async with await house.signed_in() as client:
        form = {"name": "ada", "display_name": "Ada"}
        answer = await client.post("/people/name", data=form, headers={"origin": ORIGIN})
        assert answer.status_code == 303
