"""The HTTP server around the app: uvicorn, with patience for nobody who is slow on purpose.

A connection that has not sent a whole head in time is cut, and one address holds only so many
connections. Streams are ended before the server waits for what is open, so that a stop is quick.
Knows no page.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from eventlog.dashboard.limits import source_of

HEAD_S: Final = 10.0  # a request's head is whole by then
EACH: Final = 100  # connections of one address
IN_ALL: Final = 500
KEEP_ALIVE_S: Final = 10
HEAD_BYTES: Final = 32 * 1024
STOP_S: Final = 2  # for answers that are under way

_open: Final[Counter[str]] = Counter()


class Protocol(H11Protocol):
    """One connection, cut when its head does not come."""

    _source = ""
    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        """Count the connection, and begin to wait."""
        super().connection_made(transport)
        self._source = source_of(self.client[0]) if self.client else ""
        _open[self._source] += 1
        if _open[self._source] > EACH:
            transport.abort()
            return
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_waiting()
        _open[self._source] -= 1
        if _open[self._source] <= 0:
            del _open[self._source]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a head that is whole ends the wait."""
        if self._deadline is None and not self._answering():
            self._wait()
        super().data_received(data)
        if self._answering():
            self._stop_waiting()

    def _answering(self) -> bool:
        # uvicorn declares the cycle as always there, and sets it with the first request.
        cycle: Any = self.cycle
        return cycle is not None and not cycle.response_complete

    def _wait(self) -> None:
        self._deadline = self.loop.call_later(HEAD_S, self._cut)

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _cut(self) -> None:
        self._deadline = None
        if not self._answering():
            self.transport.abort()


class Server(uvicorn.Server):
    """uvicorn's server, which ends the streams first when it stops."""

    def __init__(self, config: uvicorn.Config, end_streams: Callable[[], None]) -> None:
        super().__init__(config)
        self._end_streams = end_streams

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on SIGINT and SIGTERM, and leave it at that: who opened the log closes it."""
        if threading.current_thread() is not threading.main_thread():
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
    config = uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="on",
        loop="asyncio",
        log_level="warning",
        access_log=False,
        server_header=False,
        proxy_headers=behind_proxy,
        forwarded_allow_ips="127.0.0.1,::1" if behind_proxy else "",
        limit_concurrency=IN_ALL,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_S,
        h11_max_incomplete_event_size=HEAD_BYTES,
        ssl_certfile=certificate,
        ssl_keyfile=key,
    )
    return Server(config, end_streams)


def listen(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
        bound.listen(256)
        bound.setblocking(False)  # noqa: FBT003 - the standard library has it so
    except OSError:
        bound.close()
        raise
    return bound
