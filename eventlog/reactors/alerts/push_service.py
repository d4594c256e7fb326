"""POSTs to a push service: to a public address, with no redirect, and with limits of time.

The name is resolved here, every address is checked, and the connection goes to the address that
was checked: a name that resolves to another one a moment later changes nothing.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPSConnection
from typing import Any, Final

from msgspec import Struct

from eventlog.reactors.alerts.channels import NotSent, Unsure
from eventlog.reactors.alerts.daemon_thread import in_daemon_thread
from eventlog.reactors.alerts.push_endpoint import Address, Endpoint, address_of, is_public

CONNECT_S: Final = 10.0
ANSWER_S: Final = 20.0
WAIT_MAX_S: Final = 6 * 3600.0


# Looks up a host and a port, as `socket.getaddrinfo` does. Raises OSError.
Resolve = Callable[..., Sequence[tuple[Any, ...]]]


class PushAnswer(Struct, frozen=True):
    """A push service's status, and after how many seconds it wants to be asked again."""

    status: int
    retry_after_s: float | None = None


class PushService:
    """The way to every push service.

    Args:
        context: how TLS is checked; None takes the system's authorities.
        is_allowed: which addresses may be connected to; a test's own service is on loopback.
        resolve: looks up a host and a port, as `socket.getaddrinfo` does.
    """

    def __init__(
        self,
        context: ssl.SSLContext | None = None,
        is_allowed: Callable[[Address], bool] = is_public,
        resolve: Resolve = socket.getaddrinfo,
    ) -> None:
        """Store all of them."""
        self._context = context
        self._is_allowed = is_allowed
        self._resolve = resolve

    async def post(self, endpoint: Endpoint, headers: Mapping[str, str], body: bytes) -> PushAnswer:
        """POST once. Raises NotSent if nothing was sent, Unsure if no answer came."""
        try:
            async with asyncio.timeout(CONNECT_S + ANSWER_S):
                return await in_daemon_thread(lambda: self._post(endpoint, headers, body))
        except TimeoutError as error:
            raise Unsure from error

    def _post(self, endpoint: Endpoint, headers: Mapping[str, str], body: bytes) -> PushAnswer:
        if self._context is None:  # to load the authorities takes a while
            self._context = ssl.create_default_context()
        connection = _Checked(endpoint, self._context, self._is_allowed, self._resolve)
        try:
            try:
                connection.request("POST", endpoint.target, body, dict(headers))
            except (OSError, HTTPException, ValueError) as error:
                raise NotSent from error
            try:
                answer = connection.getresponse()
            except (OSError, HTTPException, ValueError) as error:
                raise Unsure from error
            return PushAnswer(answer.status, _wait_s(answer.getheader("retry-after")))
        finally:
            connection.close()


class _Checked(HTTPSConnection):
    """A connection to an address that was checked; the certificate is the name's."""

    def __init__(
        self,
        endpoint: Endpoint,
        context: ssl.SSLContext,
        is_allowed: Callable[[Address], bool],
        resolve: Resolve,
    ) -> None:
        self._tls = context
        super().__init__(endpoint.host, endpoint.port, context=context)
        self._is_allowed = is_allowed
        self._resolve = resolve

    def connect(self) -> None:
        """Resolve, check, connect. Raises OSError."""
        found = self._resolve(self.host, self.port, type=socket.SOCK_STREAM)
        for *_, place in found:
            address = address_of(str(place[0]))
            if address is None or not self._is_allowed(address):
                raise OSError("the push service's name leads to an address that is not public")
        self.sock = self._tls.wrap_socket(_connected(found), server_hostname=self.host)
        self.sock.settimeout(ANSWER_S)


def _connected(found: Sequence[tuple[Any, ...]]) -> socket.socket:
    """A socket to the first address that answers. Raises OSError."""
    failed = OSError("the push service's name has no address")
    for family, kind, protocol, _, place in found:
        one = socket.socket(family, kind, protocol)
        one.settimeout(CONNECT_S / len(found))
        try:
            one.connect(place)
        except OSError as error:
            one.close()
            failed = error
        else:
            one.settimeout(CONNECT_S)
            return one
    raise failed


def _wait_s(text: str | None) -> float | None:
    """What Retry-After says, in seconds from now; None for nothing and for nonsense."""
    if text is None:
        return None
    if text.isascii() and text.isdecimal():
        return min(float(text[:9]), WAIT_MAX_S)
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return min(max(0.0, (at - datetime.now(UTC)).total_seconds()), WAIT_MAX_S)
