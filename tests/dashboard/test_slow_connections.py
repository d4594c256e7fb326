"""A thousand connections that are slow on purpose, against a running dashboard on loopback.

Each address of 127.0.0.0/8 is one of this machine, so a thousand connections come from many
sources. Everything ends within a minute, and nothing leaves the machine.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable
from contextlib import suppress
from itertools import cycle
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog.dashboard.manage import add_token, add_user
from eventlog.dashboard.server.rlimits import room_for_connections
from eventlog.dashboard.server.uvicorn_server import EACH
from tests.dashboard.house import OWNER, PASSWORD
from tests.dashboard.running import Running

SLOW: Final = 1_000
SOURCES: Final = 25
CUT_S: Final = 15.0
SEEN_S: Final = 1.0  # until a busy test has noticed that a connection is gone
HONEST_P99_MS: Final = 200.0
APART_S: Final = 0.004  # all thousand are there before the first is cut

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HEAD: Final = b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "
BODY: Final = (
    b"POST /%b HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://127.0.0.1\r\n"
    b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 1000\r\n\r\n"
)
WHOLE: Final = b"GET /%b HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
# What each sends at once, and what then, a byte a second.
KINDS: Final = {
    "says nothing": (b"", b""),
    "a slow head": (HEAD, b"a"),
    "a slow body": (BODY % b"login", b"b"),
    "a slow body of a page that it may not see": (BODY % b"people/name", b"b"),
    "an answer, then nothing": (WHOLE % b"static/icon.svg", b""),
    "an answer, then a slow head": (WHOLE % b"static/icon.svg", b"G"),
    "takes no answer": (WHOLE % b"static/dashboard.css" * 6, b""),
}


async def connected(port: int, source: str) -> Streams:
    """A connection from an address of this machine."""
    return await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0), limit=1024)


async def lifetime(port: int, source: str, kind: str, wait_s: float) -> float:
    """How long a slow connection, begun after a wait, lives; in seconds."""
    first, then = KINDS[kind]
    await asyncio.sleep(wait_s)
    reader, writer = await connected(port, source)
    began = time.monotonic()
    try:
        with suppress(OSError):
            writer.write(first)
            while time.monotonic() < began + 2 * CUT_S:
                writer.write(then)
                if kind != "takes no answer":
                    with suppress(TimeoutError):
                        async with asyncio.timeout(1):
                            if not await reader.read(1024):
                                break
                else:
                    await asyncio.sleep(1)
                    # Reset by the other side, though nobody reads.
                    if writer.transport.is_closing():
                        break
                    writer.write(b"\r\n")
        return time.monotonic() - began
    finally:
        writer.transport.abort()


# In a process of its own, as this one is busy with being slow. Asks for each of some pages in turn,
# by a new connection each, until its standard input ends; says how long each took, in ms.
HONEST: Final = """
import itertools, select, socket, sys, time
port, token, *paths = sys.argv[1:]
for path in itertools.cycle(paths):
    if select.select([sys.stdin], [], [], 0.02)[0]:
        break
    began = time.monotonic()
    with socket.create_connection(("127.0.0.1", int(port))) as one:
        one.sendall(f"GET {path} HTTP/1.1\\r\\nHost: 127.0.0.1\\r\\nConnection: close\\r\\n"
                    f"Authorization: Bearer {token}\\r\\n\\r\\n".encode())
        answer = b"".join(iter(lambda: one.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200"), answer[:200]
    print((time.monotonic() - began) * 1000)
"""


async def honest(port: int, token: str, until: Awaitable[Any]) -> list[float]:
    """How long the pages of a normal user took in that time, in ms."""
    user = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HONEST, str(port), token, "/health", "/api/events", "/api/persons"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    await until
    told, _ = await user.communicate(b"enough")
    assert user.returncode == 0
    return [float(line) for line in told.split()]


@pytest.mark.faults
@pytest.mark.anyio
async def test_a_thousand_slow_connections_are_cut_and_honest_users_unaffected(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Slow heads, slow bodies, idle ones: none lives for 15 s, and pages come as ever meanwhile."""
    assert room_for_connections(2 * SLOW) > SLOW, "this machine's hard limit of descriptors is low"
    path = str(tmp_path / "events.db")
    add_user(path, OWNER, PASSWORD)
    token = add_token(path, "reader", ["read"])
    with Running(tmp_path) as running:
        port = int(running.url.rpartition(":")[2])
        sources = cycle(f"127.0.1.{number + 1}" for number in range(SOURCES))
        slow = asyncio.gather(
            *(
                lifetime(port, source, kind, number * APART_S)
                for number, source, kind in zip(range(SLOW), sources, cycle(KINDS), strict=False)
            )
        )
        pages = await honest(port, token, slow)
        lived = await slow
    longest = {
        kind: max(lived[number] for number in range(index, SLOW, len(KINDS)))
        for index, kind in enumerate(KINDS)
    }
    p99 = statistics.quantiles(pages, n=100)[98]
    with capsys.disabled():
        told = ", ".join(f"{kind} {seconds:.1f} s" for kind, seconds in longest.items())
        sys.stdout.write(
            f"\nlongest lives: {told}; {len(pages)} honest requests, p99 {p99:.0f} ms\n"
        )
    assert max(lived) <= CUT_S + SEEN_S
    assert len(pages) > 50
    assert p99 <= HONEST_P99_MS


@pytest.mark.faults
@pytest.mark.anyio
async def test_one_address_may_not_hold_more_than_its_share(tmp_path: Path) -> None:
    """Of a thousand connections of one address a hundred stay, and another address is answered."""
    with Running(tmp_path) as running:
        port = int(running.url.rpartition(":")[2])
        held = await asyncio.gather(*(connected(port, "127.0.2.1") for _ in range(SLOW)))
        reader, writer = await connected(port, "127.0.2.2")
        writer.write(WHOLE % b"health")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writer.close()
        ended = await asyncio.gather(*(is_ended(reader) for reader, _ in held))
        assert ended.count(False) <= EACH
        for _, writer in held:
            writer.transport.abort()


async def is_ended(reader: asyncio.StreamReader) -> bool:
    """Whether the other side has ended a connection by now."""
    try:
        async with asyncio.timeout(1):
            return await reader.read(1) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False
