"""The headers that every answer bears: what a browser may load, and where from.

A strict policy without inline script or style. Strict-Transport-Security is sent only where the
public address is https: for a day, until the owner asks for more, and never for subdomains.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

Headers: TypeAlias = list[tuple[bytes, bytes]]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS: Final = (
    (b"content-security-policy", POLICY.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
)
NO_STORE: Final = (b"cache-control", b"no-store")


def with_security(given: Iterable[tuple[bytes, bytes]], hsts_s: int) -> Headers:
    """An answer's headers and ours; those that the answer has itself stay.

    `hsts_s` is for how long a browser keeps to https, in seconds; 0 says nothing of it.
    """
    headers = list(given)
    present = {name.lower() for name, _ in headers}
    headers += [pair for pair in (*HEADERS, NO_STORE) if pair[0] not in present]
    if hsts_s:
        headers.append((b"strict-transport-security", b"max-age=%d" % hsts_s))
    return headers
