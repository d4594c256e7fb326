"""The HTTP server around the app: uvicorn with timeouts that cut off slow clients.

A connection that has not sent a complete head in time is cut, and so is one that does not take its
answer. One address holds only so many connections; when there are too many in all, the one that
has been waited for the longest makes room. Streams are ended before the server waits for what is
open, so that a stop is quick. Knows no page.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from eventlog.dashboard.server.limits import source_of
from eventlog.dashboard.server.rlimits import room_for_connections
from eventlog.errors import BadArgument

HEAD_S: Final = 5.0  # a request's head is complete by then; with its body it is 15 s (`limits.py`)
EACH: Final = 100  # connections of one address
IN_ALL: Final = 2000
KEEP_ALIVE_S: Final = 5  # for the next request, and for the end of an answer to be taken
TAKE_S: Final = 10.0  # for a client that is sent more than it takes to take some
BACKLOG: Final = 1024
HEAD_BYTES: Final = 32 * 1024
PROXIES: Final = ("127.0.0.1", "::1")
STOP_S: Final = 2  # for answers that are under way

_open: Final[Counter[str]] = Counter()


class Config(uvicorn.Config):
    """uvicorn's settings, and whether a proxy on this machine brings everybody's connections."""

    behind_proxy = False


class Protocol(H11Protocol):
    """One connection, cut when what it owes does not come."""

    _source = ""
    _deadline: asyncio.TimerHandle | None = None
    _resting = False  # between two requests
    _give_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Count the connection, and begin to wait."""
        super().connection_made(transport)
        self._source = source_of(self.client[0]) if self.client else ""
        _open[self._source] += 1
        if _open[self._source] > EACH and not self._comes_from_proxy():
            transport.abort()
            return
        self._wait(HEAD_S)
        if _open.total() > in_all():
            next(iter(_waiting)).cut()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        self._stop_giving_up()
        _open[self._source] -= 1
        if _open[self._source] <= 0:
            del _open[self._source]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a complete head ends the wait."""
        if self._resting or (self._deadline is None and not self._answering()):
            self._wait(HEAD_S)
        super().data_received(data)
        if self._answering():
            self._stop_waiting()

    def on_response_complete(self) -> None:
        """Wait for the next request, and for an answer that is still on its way."""
        super().on_response_complete()
        if not self._answering():
            self._wait(KEEP_ALIVE_S)
            self._resting = True

    def pause_writing(self) -> None:
        """Wait for the client to take what it was sent."""
        super().pause_writing()
        self._give_up = self.loop.call_later(TAKE_S, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on."""
        super().resume_writing()
        self._stop_giving_up()

    def _answering(self) -> bool:
        # uvicorn declares the cycle as always there, and sets it with the first request.
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def _comes_from_proxy(self) -> bool:
        # A proxy on this machine brings everybody's connections, and counts them itself.
        config = self.config
        proxied = isinstance(config, Config) and config.behind_proxy
        return self.client is None or (proxied and self.client[0] in PROXIES)

    def _wait(self, seconds: float) -> None:
        self._stop_waiting()
        self._deadline = self.loop.call_later(seconds, self.cut)
        _waiting[self] = None

    def _stop_waiting(self) -> None:
        self._resting = False
        _waiting.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stop_giving_up(self) -> None:
        if self._give_up is not None:
            self._give_up.cancel()
            self._give_up = None

    def cut(self) -> None:
        """Give it up, unless an answer is under way."""
        self._stop_waiting()
        if not self._answering():
            self.transport.abort()


# Those that owe something, the one that has done so for the longest first.
_waiting: Final[dict[Protocol, None]] = {}


@cache
def in_all() -> int:
    """How many connections are open at once."""
    return room_for_connections(IN_ALL)


class Server(uvicorn.Server):
    """uvicorn's server, which ends the streams first when it stops.

    `has_signals` is False if the process around it answers the signals.
    """

    has_signals = True

    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._end_streams = end_streams

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM, and leave it at that: who opened the log closes it."""
        if not self.has_signals or threading.current_thread() is not threading.main_thread():
            yield
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen; a TLS handshake has no more time than a head."""
        loop = asyncio.get_running_loop()
        if self.config.ssl is not None:
            # uvicorn hands on no such option, and a minute is what it would be.
            patient = partial(loop.create_server, ssl_handshake_timeout=HEAD_S)
            loop.create_server = patient  # type: ignore[method-assign]  # for this loop only
        await super().startup(sockets)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop."""
        self._end_streams()
        await super().shutdown(sockets)


def make_server(
    app: Any,  # noqa: ANN401 - an ASGI app
    end_streams: Callable[[], None],
    *,
    certificate: str | None = None,
    key: str | None = None,
    behind_proxy: bool = False,
) -> Server:
    """A server for sockets that `listen` has bound."""
    config = Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="on",
        loop="asyncio",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=False,  # `client_address.py` judges what a proxy says
        timeout_keep_alive=KEEP_ALIVE_S,
        backlog=BACKLOG,
        timeout_graceful_shutdown=STOP_S,
        h11_max_incomplete_event_size=HEAD_BYTES,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    config.behind_proxy = behind_proxy
    return Server(config, end_streams)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(BACKLOG)
        bound.setblocking(False)  # noqa: FBT003 - the standard library has it so
    except OSError:
        bound.close()
        raise
    return bound


def listen_unix(path: Path) -> socket.socket:
    """A listening unix socket, for its owner and group. Raises OSError, BadArgument.

    A socket that a dashboard of before left behind is replaced; nothing else at the path is.
    """
    if path.exists() and not path.is_socket():
        raise BadArgument(f"{path} is there already, and is not a socket")
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        path.unlink(missing_ok=True)
        before = os.umask(0o117)
        try:
            bound.bind(str(path))
        finally:
            os.umask(before)
        bound.listen(BACKLOG)
        bound.setblocking(False)  # noqa: FBT003 - the standard library has it so
    except OSError:
        bound.close()
        raise
    return bound
