"""Finds a request's client address, which the client itself can't choose.

A forwarded address counts only where a proxy proves that it is one: it comes over our unix socket,
or sends the secret that the owner gave it. Without that, all who come through a proxy on this
machine count as one address. Knows no account.
"""

from __future__ import annotations

import hmac
import ipaddress
from typing import Any, Final

from eventlog.dashboard.server.limits import source_of

PROOF: Final = "x-eventlog-proxy"  # the header that holds the secret
PROXY: Final = "the proxy"
UNIX: Final = "the unix socket"


def address_of(
    scope: Any,  # noqa: ANN401 - ASGI's scope is a dict of anything
    headers: dict[str, str],
    *,
    behind_proxy: bool,
    proxy_secret: str = "",
) -> str:
    """The source that a request counts under.

    `behind_proxy` says that a proxy on this machine serves the page; `proxy_secret` is what it
    sends in the header X-Eventlog-Proxy, '' if it has none.
    """
    client = scope.get("client")
    by_unix = not client or not client[0]
    sent = headers.get(PROOF, "")
    proved = bool(proxy_secret) and hmac.compare_digest(
        sent.encode("utf-8", "replace"), proxy_secret.encode("utf-8", "replace")
    )
    if by_unix or proved:
        forwarded = _last_forwarded(headers)
        if forwarded is not None:
            return source_of(forwarded)
        return UNIX if by_unix else PROXY
    host = str(client[0])
    return PROXY if behind_proxy and _is_loopback(host) else source_of(host)


def _last_forwarded(headers: dict[str, str]) -> str | None:
    """The address that the proxy itself saw: the last one. Clients can set those before it."""
    last = headers.get("x-forwarded-for", "").rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(last))
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.partition("%")[0]).is_loopback
    except ValueError:
        return False
