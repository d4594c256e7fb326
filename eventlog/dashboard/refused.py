"""The responses to requests that the gate refuses."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

import msgspec

from eventlog.dashboard import filters
from eventlog.dashboard.security_headers import Headers

METHODS: Final = frozenset({"GET", "HEAD", "POST"})
SAFE: Final = frozenset({"GET", "HEAD"})

_SEE_OTHER: Final = 303
_BAD_REQUEST: Final = 400
_UNAUTHORIZED: Final = 401
_NOT_ALLOWED: Final = 405


class Refused(Exception):
    """A refused request: the status, a word for programs, a sentence for people."""

    def __init__(self, status: int, word: str, sentence: str, *, wait_s: float = 0.0) -> None:
        self.status = status
        self.word = word
        self.wait_s = wait_s
        super().__init__(sentence)


def for_programs(path: str) -> bool:
    """Whether a path is for programs, which get JSON and are not sent to the login."""
    return path.startswith("/api/") or path in {"/metrics", "/health"}


def answer_to(scope: Any, refusal: Refused, *, fragment: bool) -> tuple[int, Headers, bytes]:  # noqa: ANN401 - ASGI's scope is a dict of anything
    """The status, headers and body for a refused request.

    `fragment` says that a script of a page asks for a part of it.
    """
    extra: Headers = []
    status = refusal.status
    programs = for_programs(scope["path"])
    if status == _UNAUTHORIZED and not programs:
        if fragment:
            extra.append((b"hx-redirect", b"/login"))
        elif scope["method"] in SAFE:
            status = _SEE_OTHER
            query = filters.without_names(scope.get("query_string", b"").decode("latin-1"))
            back = scope["path"] + (f"?{query}" if query else "")
            extra.append((b"location", f"/login?next={quote(back, safe='/')}".encode()))
    elif status == _NOT_ALLOWED:
        extra.append((b"allow", ", ".join(sorted(METHODS)).encode()))
    elif status == _UNAUTHORIZED:
        extra.append((b"www-authenticate", b'Bearer realm="eventlog"'))
    if refusal.wait_s:
        extra.append((b"retry-after", b"%d" % max(1, round(refusal.wait_s))))
    body = msgspec.json.encode({"error": refusal.word, "message": str(refusal)})
    media = b"application/json"
    if not programs:
        body, media = str(refusal).encode(), b"text/plain; charset=utf-8"
    extra += [(b"content-type", media), (b"content-length", b"%d" % len(body))]
    if status >= _BAD_REQUEST:
        extra.append((b"connection", b"close"))  # the rest of its body is not read
    return status, extra, b"" if scope["method"] == "HEAD" else body
