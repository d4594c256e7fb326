"""The server: where it listens, how it stops, and that slow clients do not hold it up."""

from __future__ import annotations

import asyncio
import os
import re
import resource
import signal
import ssl
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventlog.dashboard import run as commands
from eventlog.dashboard import search
from eventlog.dashboard.accounts import database as accounts
from eventlog.dashboard.accounts import sessions, users
from eventlog.dashboard.cookies import cookies_of
from eventlog.dashboard.manage import add_token, add_user
from eventlog.dashboard.run import serve
from eventlog.dashboard.server import uvicorn_server as server
from eventlog.errors import BadArgument
from eventlog.facts import UnlockAction
from eventlog.store.event_store import EventStore
from tests.dashboard.house import OWNER, PASSWORD, VISIT, House, type_password
from tests.dashboard.running import Running


@asynccontextmanager
async def listening(house: House, **options: Any) -> AsyncIterator[int]:
    """The house on a socket of this loop; the answer is its port."""
    bound = server.listen("127.0.0.1", 0)
    made = server.make_server(house.app, house.site.broadcast.close, **options)
    task = asyncio.create_task(made.serve([bound]))
    try:
        yield bound.getsockname()[1]
    finally:
        made.should_exit = True
        await task
        bound.close()


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for this machine, and its key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1"
    more = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command.split(), *more, *files], check=True, capture_output=True)
    return certificate, key


def test_a_stop_with_open_streams_takes_less_than_three_seconds(tmp_path: Path) -> None:
    """And it is a clean one: the process ends by itself, with status 0."""
    add_user(str(tmp_path / "events.db"), OWNER, PASSWORD)
    token = add_token(str(tmp_path / "events.db"), "pipeline", ["read"])
    headers = {"authorization": f"Bearer {token}"}
    with Running(tmp_path) as running, httpx.Client(headers=headers) as client:
        with (
            client.stream("GET", f"{running.url}/api/stream?after=0") as first,
            client.stream("GET", f"{running.url}/api/stream") as second,
        ):
            assert next(first.iter_bytes()) == next(second.iter_bytes())
            took = running.stop()
        assert took < 3
    assert not list(tmp_path.glob("events.db.open-*"))


@pytest.mark.anyio
async def test_a_feed_goes_on_while_the_page_is_open(tmp_path: Path) -> None:
    """It gets the open store, and a signal ends both; the log is undamaged."""
    said: list[str] = []

    async def feed(store: EventStore) -> None:
        url = said[0].split()[-1]
        async with httpx.AsyncClient() as client:
            while True:
                try:
                    assert (await client.get(f"{url}health")).text == "ok"
                except httpx.TransportError:
                    await asyncio.sleep(0)
                else:
                    break
        await store.append(*VISIT)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.Event().wait()

    path = str(tmp_path / "events.db")
    await serve(
        path, str(tmp_path / "t"), port=0, sign_in_link=True, alongside=feed, say=said.append
    )
    assert "/sign-in#" in said[1]
    async with EventStore(path, str(tmp_path / "t")) as store:
        assert len(await store.get_recent_events()) == 1


@pytest.mark.anyio
async def test_a_restart_signs_everybody_out_if_asked(tmp_path: Path) -> None:
    """Sessions outlive it else; tokens and passwords outlive it always."""
    path, folder = str(tmp_path / "events.db"), str(tmp_path / "thumbnails")
    add_user(path, OWNER, PASSWORD)
    with closing(accounts.connect(accounts.accounts_path(Path(path)))) as connection:
        user = users.find(connection, OWNER)
        assert user is not None
        sessions.begin(connection, user.id, "here", int(time.time()))
        left = []
        for forget in (False, True):
            await serve(path, folder, port=0, forget_sessions=forget, alongside=ends_at_once)
            left += connection.execute("SELECT count(*) FROM sessions").fetchone()
        assert left == [1, 0]
        assert users.count(connection) == 1


async def ends_at_once(_: EventStore) -> None:
    """A part that stops as soon as it may handle signals."""
    while signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0)
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.anyio
async def test_it_refuses_to_listen_beyond_loopback_without_a_user(tmp_path: Path) -> None:
    """An open door is not opened by mistake; a one-time link's user does not count."""
    for host in ("0.0.0.0", "192.0.2.1", "::"):  # noqa: S104 - refused
        with pytest.raises(BadArgument, match="no user has a password yet"):
            await serve(str(tmp_path / "events.db"), str(tmp_path / "t"), host=host)
    for wrong in ("example.com", ""):
        with pytest.raises(BadArgument, match="is not an address"):
            await serve(str(tmp_path / "events.db"), str(tmp_path / "t"), host=wrong)


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://door.example", "https://", "door", "https://x/a b", "https://x/a/../b"),
        *("https://x?y", "https://u:p@x", "https://x:port", "https://x/%2e", "//x"),
    ],
)
@pytest.mark.anyio
async def test_a_public_url_is_a_scheme_a_name_and_a_plain_path(tmp_path: Path, url: str) -> None:
    """Anything else is refused before a log is made."""
    with pytest.raises(BadArgument, match="URL"):
        await serve(str(tmp_path / "events.db"), str(tmp_path / "t"), public_url=url)


def test_users_and_tokens_are_checked(tmp_path: Path) -> None:
    """Names, passwords and scopes that can't be are refused with a sentence."""
    path = str(tmp_path / "events.db")
    for name, password in (
        ("", PASSWORD),
        ("a b", PASSWORD),
        ("owner", "short"),
        ("x" * 65, PASSWORD),
    ):
        with pytest.raises(BadArgument):
            add_user(path, name, password)
    with pytest.raises(BadArgument):
        add_token(path, "x", [])
    with pytest.raises(BadArgument):
        add_token(path, "", ["read"])
    assert add_token(path, "x", ["read", "append"]).startswith("evl_")


@pytest.mark.anyio
async def test_a_head_that_does_not_come_is_cut(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Connections that send nothing, or very slowly, are closed; normal ones are answered."""
    monkeypatch.setattr(server, "HEAD_S", 0.3)
    async with listening(house) as port:
        silent = await asyncio.open_connection("127.0.0.1", port)
        slow = await asyncio.open_connection("127.0.0.1", port)
        slow[1].write(b"GET /health HTTP/1.1\r\nHost: 127")
        reused = await asyncio.open_connection("127.0.0.1", port)
        reused[1].write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b"200 OK" in await reused[0].readuntil(b"\r\n")
        await reused[0].readuntil(b"\r\n\r\n")
        assert await reused[0].readexactly(2) == b"ok"
        reused[1].write(b"GET /hea")
        async with asyncio.timeout(60):
            for reader, writer in (silent, slow, reused):
                with suppress(ConnectionResetError):
                    assert await reader.read() == b""
                writer.close()


@pytest.mark.anyio
async def test_when_there_are_too_many_the_one_that_owes_longest_makes_room(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crowd of idle connections does not keep other clients out."""
    monkeypatch.setattr(server, "in_all", lambda: 3)
    async with listening(house) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(60):
            with suppress(ConnectionResetError):
                assert await held[0][0].read() == b""
        for (here, there), status in ((held[1], b"200"), ((reader, writer), b"200")):
            there.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert status in await here.readuntil(b"\r\n")
        for _, one in (*held, (reader, writer)):
            one.close()


@pytest.mark.anyio
async def test_an_answer_that_nobody_takes_is_given_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that asks and never reads keeps no connection; neither does one that only asks."""
    monkeypatch.setattr(server, "KEEP_ALIVE_S", 0.3)
    monkeypatch.setattr(server, "TAKE_S", 0.3)
    ask = b"GET /static/dashboard.css HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
    async with listening(house) as port:
        _, greedy = await asyncio.open_connection("127.0.0.1", port, limit=1)
        greedy.write(ask * 100)
        idle, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(ask)
        async with asyncio.timeout(60):
            assert await idle.read(-1)
            while server._open:  # noqa: ASYNC110 - what is waited for gives no signal
                await asyncio.sleep(0.01)
        writer.close()
        greedy.transport.abort()


@pytest.mark.anyio
async def test_a_tls_handshake_that_does_not_come_is_cut(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no more time than a head; who shakes hands is answered."""
    monkeypatch.setattr(server, "HEAD_S", 0.5)
    certificate, key = self_signed(tmp_path)
    trusted = ssl.create_default_context(cafile=str(certificate))
    async with listening(house, certificate=str(certificate), key=str(key)) as port:
        silent = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(60), httpx.AsyncClient(verify=trusted) as client:
            with suppress(ConnectionResetError):
                assert await silent[0].read() == b""
            assert (await client.get(f"https://127.0.0.1:{port}/health")).text == "ok"
        silent[1].close()


@pytest.mark.anyio
async def test_a_proxy_brings_as_many_as_there_are(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind one everybody comes from its address, so that it counts for itself."""
    monkeypatch.setattr(server, "EACH", 1)
    async with listening(house, behind_proxy=True) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        for reader, writer in held:
            writer.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert b"200" in await reader.readuntil(b"\r\n")
            writer.close()


def test_a_running_dashboard_has_room_and_writes_no_core_file(tmp_path: Path) -> None:
    """Passwords pass through its memory, so that no crash may leave that in a file."""
    with Running(tmp_path) as running:
        limits = Path(f"/proc/{running.pid}/limits").read_text()
    assert re.search(r"^Max core file size +0 ", limits, re.MULTILINE)
    room = re.search(r"^Max open files +(\d+) ", limits, re.MULTILINE)
    assert room is not None
    assert int(room[1]) >= resource.getrlimit(resource.RLIMIT_NOFILE)[0]


@pytest.mark.anyio
async def test_a_body_that_does_not_come_is_refused(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The status is 408, even though the header was complete."""
    monkeypatch.setattr("eventlog.dashboard.request_bodies.BODY_S", 0.2)
    async with await house.program("append") as program, listening(house) as port:
        token = program.headers["authorization"].encode()
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /api/facts HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100\r\n"
            b"Authorization: " + token + b"\r\n\r\n{"
        )
        async with asyncio.timeout(60):
            assert b"408" in await reader.readuntil(b"\r\n")
        writer.close()


@pytest.mark.anyio
async def test_one_address_holds_so_many_connections(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one is closed at once, and the others live on."""
    monkeypatch.setattr(server, "EACH", 3)
    async with listening(house) as port:
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(3)]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with asyncio.timeout(60):
            with suppress(ConnectionResetError):
                assert await reader.read() == b""
        writer.close()
        held[0][1].write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        assert b"200" in await held[0][0].readuntil(b"\r\n")
        for _, one in held:
            one.close()


async def require_broken_off(house: House, path: str) -> None:
    """A browser that is signed in asks for a file, and the answer has no end."""
    async with await house.signed_in() as signed_in, listening(house) as port:
        name = house.site.cookies.session
        cookie = f"{name}={signed_in.cookies[name]}"
        async with httpx.AsyncClient(headers={"cookie": cookie}) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(f"http://127.0.0.1:{port}{path}")


@pytest.mark.anyio
async def test_an_export_that_fails_midway_is_broken_off(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The response is cut off instead of ending normally, and the log has one line about it."""
    await house.append(*(UnlockAction(granted=True) for _ in range(2_500)))
    asked = 0
    unlocks = house.site.figures.unlocks

    async def second_fails(*given: Any, **more: Any) -> Any:
        nonlocal asked
        asked += 1
        if asked > 1:
            raise RuntimeError("s3cret\nline")
        return await unlocks(*given, **more)

    monkeypatch.setattr(house.site.figures, "unlocks", second_fails)
    await require_broken_off(house, "/unlocks.json")
    (record,) = (one for one in caplog.records if one.name == "eventlog")
    assert "'/unlocks.json' broke off: RuntimeError at" in record.getMessage()
    assert "s3cret" not in caplog.text


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/events.csv", "/events.json", "/unlocks.csv", "/unlocks.json"])
async def test_an_export_ends_with_its_session(
    house: House, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Who is signed out, here by another program, does not get the rest of a file."""
    for _ in range(5):
        await house.append(*VISIT)
    monkeypatch.setattr("eventlog.dashboard.pages.event_files.BATCH", 2)
    monkeypatch.setattr("eventlog.dashboard.pages.unlocks.EXPORT_BATCH", 2)
    found, unlocks, batches = search.found, house.site.figures.unlocks, 0

    def sign_out_at_the_second() -> None:
        nonlocal batches
        batches += 1
        if batches == 2:
            file = accounts.accounts_path(house.site.settings.db_path)
            with closing(accounts.connect(file)) as connection:
                sessions.end_everybodys(connection)

    def events_of(*given: Any, **more: Any) -> Any:
        sign_out_at_the_second()
        return found(*given, **more)

    async def unlocks_of(*given: Any, **more: Any) -> Any:
        sign_out_at_the_second()
        return await unlocks(*given, **more)

    monkeypatch.setattr(search, "found", events_of)
    monkeypatch.setattr(house.site.figures, "unlocks", unlocks_of)
    await require_broken_off(house, path)
    assert batches == 2


@pytest.mark.anyio
async def test_behind_tls_cookies_are_secure_and_bound_to_the_host(house: House) -> None:
    """With a public URL the cookies are __Host- ones and only https forms are taken."""
    settings = commands._settings(
        str(house.site.settings.db_path),
        str(house.site.settings.thumbnails_dir),
        time_zone="UTC",
        public_url="https://door.example",
        tls=None,
        hsts_days=1,
        proxy_secret="",
    )
    house.site.settings = settings
    house.site.cookies = cookies_of(bytes(16), secure=True)
    secured = House(house.site)
    await house.user(password=PASSWORD)
    async with secured.client() as client:
        client.base_url = httpx.URL("https://door.example")
        client.headers["origin"] = "http://door.example"
        assert (await type_password(client, OWNER, PASSWORD)).status_code == 403
        client.headers["origin"] = "https://door.example"
        answer = await type_password(client, OWNER, PASSWORD)
        assert answer.status_code == 303
        for cookie in answer.headers.get_list("set-cookie"):
            assert cookie.startswith("__Host-eventlog_")
            assert "Secure" in cookie
        assert "max-age" in answer.headers["strict-transport-security"]
