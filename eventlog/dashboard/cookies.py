"""The names and attributes of our cookies; the names differ for each log.

Browsers ignore ports, so two dashboards on one host would overwrite each other's cookies: the
log's id is part of each name. Knows no request.
"""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import NamedTuple

from litestar.datastructures import Cookie


class Cookies(NamedTuple):
    """The names of our cookies, and how they are set.

    `session` holds a session, `form` what the login's form is bound to, and `device` identifies a
    browser that has signed in before.
    """

    session: str
    form: str
    device: str
    path: str
    secure: bool

    def made(self, name: str, value: str, max_age_s: int) -> Cookie:
        """A cookie to be set; an age of 0 deletes it."""
        return Cookie(
            key=name,
            value=value,
            max_age=max_age_s,
            path=self.path,
            httponly=True,
            samesite="lax",
            secure=self.secure,
        )


def cookies_of(log_id: bytes, *, secure: bool, prefix: str = "") -> Cookies:
    """The cookies of one log's dashboard.

    `secure` says that browsers come by TLS: then the names keep other hosts and plain HTTP from
    setting them. `prefix` is the path that the dashboard lives under, '' if it is the root;
    `__Host-` forbids a path, so `__Secure-` takes its place there.
    """
    lead = "" if not secure else "__Secure-" if prefix else "__Host-"
    base = f"{lead}eventlog_{log_id.hex()[:8]}"
    path = prefix or "/"
    return Cookies(f"{base}_session", f"{base}_form", f"{base}_device", path, secure)


def parsed(header: str) -> dict[str, str]:
    """The cookies that a browser sent; none where they can't be read."""
    try:
        found = SimpleCookie(header)
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in found.items()}
