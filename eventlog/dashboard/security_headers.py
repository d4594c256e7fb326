"""The security headers of every response: what a browser may load, and from where.

A strict policy without inline script or style. Strict-Transport-Security is sent only where the
public address is https: for a day, until the owner asks for more, and never for subdomains. Under
a path of a shared address, pages of that address may show ours in a frame, as Home Assistant does:
they are of the same origin, so a browser keeps nothing of ours from them anyway.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

Headers: TypeAlias = list[tuple[bytes, bytes]]

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
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


FRAMED: Final = {
    b"content-security-policy": POLICY.replace("ancestors 'none'", "ancestors 'self'").encode(),
    b"x-frame-options": b"SAMEORIGIN",
}


def with_security(
    given: Iterable[tuple[bytes, bytes]], hsts_s: int, *, framed: bool = False
) -> Headers:
    """An answer's headers and ours; those that the answer has itself stay.

    `hsts_s` is for how long a browser keeps to https, in seconds; 0 says nothing of it. `framed`
    lets pages of the same origin show ours in a frame.
    """
    headers = list(given)
    present = {name.lower() for name, _ in headers}
    ours = [(name, FRAMED.get(name, value) if framed else value) for name, value in HEADERS]
    headers += [pair for pair in (*ours, NO_STORE) if pair[0] not in present]
    if hsts_s:
        headers.append((b"strict-transport-security", b"max-age=%d" % hsts_s))
    return headers
