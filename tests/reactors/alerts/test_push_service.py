"""The way to a push service: public addresses, no redirect, a certificate of its name."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog.reactors.alerts.channels import NotSent, Unsure
from eventlog.reactors.alerts.push_endpoint import Endpoint
from eventlog.reactors.alerts.push_service import WAIT_MAX_S, PushService
from tests.support.push_service import HOST, PushServer, push_server

pytestmark = pytest.mark.anyio

# It trusts nobody; to load the system's authorities takes a while.
PLAIN: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
# What Retry-After says, and what we make of it.
WAITS: Final[list[tuple[str, float | None]]] = [
    ("0", 0.0),
    ("120", 120.0),
    ("999999999999999999999", WAIT_MAX_S),
    ("-1", None),
    ("soon", None),
    ("1.5", None),
    ("Wed, 21 Oct 2015 07:28:00 GMT", 0.0),
    ("Fri, 31 Dec 9999 23:59:59 GMT", WAIT_MAX_S),
    ("Fri, 99 Foo 9999 99:99:99 GMT", None),
]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PushServer]:
    """A push service on loopback."""
    with push_server(tmp_path) as made:
        yield made


def way(server: PushServer) -> PushService:
    """The way to the test's own service, which is on loopback."""
    return PushService(server.context, server.is_allowed, server.resolve)


def place(server: PushServer, path: str = "/push/one") -> Endpoint:
    """An endpoint of it."""
    return Endpoint(HOST, server.port, path)


async def test_it_answers_a_status(server: PushServer) -> None:
    """The body and the headers arrive as they were sent."""
    answer = await way(server).post(place(server), {"ttl": "60"}, b"\x00body")
    assert (answer.status, answer.retry_after_s) == (201, None)
    (pushed,) = server.taken
    assert (pushed.path, pushed.headers["ttl"], pushed.body) == ("/push/one", "60", b"\x00body")
    assert pushed.headers["host"] == f"{HOST}:{server.port}"


async def test_a_redirect_is_an_answer_and_is_not_followed(server: PushServer) -> None:
    """Neither within the service nor elsewhere."""
    elsewhere = {"location": f"https://{HOST}:{server.port}/push/two"}
    server.answers["/push/one"] = [(307, elsewhere)]
    answer = await way(server).post(place(server), {}, b"body")
    assert answer.status == 307
    assert [one.path for one in server.requests] == ["/push/one"]


async def test_a_name_that_leads_into_the_house_is_not_connected_to(server: PushServer) -> None:
    """As it is by default: the address counts, not the name."""
    with pytest.raises(NotSent):
        await PushService(server.context, resolve=server.resolve).post(place(server), {}, b"body")
    assert server.requests == []


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "169.254.1.1", "::1", "fe80::1%lo", "fd00::1", "100.64.0.1"],
)
async def test_one_address_of_the_house_among_others_is_enough_to_refuse(address: str) -> None:
    """A name can't have two faces."""
    tried: list[str] = []

    def resolve(host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        tried.append(host)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", port)),
            (family, socket.SOCK_STREAM, 6, "", (address, port)),
        ]

    with pytest.raises(NotSent):
        await PushService(PLAIN, resolve=resolve).post(Endpoint(HOST, 443, "/x"), {}, b"body")
    assert tried == [HOST]


async def test_the_address_that_was_checked_is_the_one_that_is_connected_to(
    server: PushServer,
) -> None:
    """The name is resolved once: a second answer of the name server is not asked for."""
    answers = [server.resolve(HOST, server.port)]
    checked: list[str] = []

    def allowed(address: Any) -> bool:
        checked.append(str(address))
        return server.is_allowed(address)

    service = PushService(server.context, allowed, lambda *_, **__: answers.pop())
    assert (await service.post(place(server), {}, b"body")).status == 201
    assert checked == ["127.0.0.1"]
    assert answers == []


async def test_a_certificate_of_another_name_or_of_nobody_is_refused(server: PushServer) -> None:
    """Nothing is sent before TLS has shown who it is."""
    with pytest.raises(NotSent):
        await way(server).post(Endpoint("other.example.org", server.port, "/x"), {}, b"body")
    strict = PushService(PLAIN, server.is_allowed, server.resolve)
    with pytest.raises(NotSent):
        await strict.post(place(server), {}, b"body")
    assert server.requests == []


async def test_a_service_that_is_away_was_not_sent_to() -> None:
    """It can be tried again without a doubt."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    service = PushService(None, PushServer.is_allowed, PushServer.resolve)
    with pytest.raises(NotSent):
        await service.post(Endpoint(HOST, port, "/x"), {}, b"body")


async def test_a_name_that_is_not_found_was_not_sent_to() -> None:
    """As when the line is down."""

    def resolve(*_: Any, **__: Any) -> list[tuple[Any, ...]]:
        raise socket.gaierror(socket.EAI_NONAME, "not known")

    with pytest.raises(NotSent):
        await PushService(resolve=resolve).post(Endpoint(HOST, 443, "/x"), {}, b"body")


async def test_no_answer_after_the_request_is_a_doubt(server: PushServer) -> None:
    """It may have been taken."""
    server.answers["/push/one"] = [(0, {})]
    with pytest.raises(Unsure):
        await way(server).post(place(server), {}, b"body")
    assert len(server.requests) == 1


async def test_how_long_it_asks_to_wait(server: PushServer) -> None:
    """In seconds or as a date, and never for ever; nonsense says nothing."""
    for said, wait_s in WAITS:
        server.answers["/push/one"] = [(429, {"retry-after": said})]
        answer = await way(server).post(place(server), {}, b"body")
        assert (answer.status, answer.retry_after_s) == (429, wait_s), said


async def test_a_date_to_wait_for_counts_from_now(server: PushServer) -> None:
    """An hour ahead is an hour at most."""
    at = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    server.answers["/push/one"] = [(503, {"retry-after": at})]
    answer = await way(server).post(place(server), {}, b"body")
    assert answer.retry_after_s is not None
    assert 0 < answer.retry_after_s <= 3600
