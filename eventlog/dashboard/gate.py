"""The gate: what every request passes before any page sees it.

Checks the host, where a write comes from, who asks, and how large and slow a body is; and puts
the security headers on every answer. Nothing behind it is reached without a session or a token,
but for the few public paths named here. An ASGI middleware; knows no page.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import time
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import parse_qs, quote, urlsplit

import msgspec

from eventlog.dashboard.accounts import sessions, tokens
from eventlog.dashboard.accounts.secrets import hash_of, is_form_token
from eventlog.dashboard.accounts.visitor import Visitor
from eventlog.dashboard.server.error_site import whereabouts
from eventlog.dashboard.server.limits import (
    BODY_S,
    FACTS_BYTES,
    FORM_BYTES,
    PICTURE_BYTES,
    source_of,
)
from eventlog.dashboard.site import Site
from eventlog.errors import DatabaseError

log: Final = logging.getLogger("eventlog")

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]

SAFE: Final = frozenset({"GET", "HEAD"})
METHODS: Final = SAFE | {"POST"}
PUBLIC: Final = frozenset({"/login", "/sign-in", "/health"})
STATIC: Final = "/static/"
# Asked for by a page by itself, so no sign that its reader is still there.
BACKGROUND: Final = frozenset({"/api/stream", "/timeline/live"})
FIELDS_MAX: Final = 50
FORM: Final = "application/x-www-form-urlencoded"

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
TLS_HEADER: Final = (b"strict-transport-security", b"max-age=31536000")
NO_STORE: Final = (b"cache-control", b"no-store")


class Refused(Exception):
    """A request that does not pass: the status, a word for programs, a sentence for people."""

    def __init__(self, status: int, word: str, sentence: str) -> None:
        self.status = status
        self.word = word
        super().__init__(sentence)


class CookieNames(NamedTuple):
    """Of the session, of what the login's form is bound to, and of a browser that signed in."""

    session: str
    form: str
    device: str


def cookie_names(*, secure: bool) -> CookieNames:
    """What our cookies are called."""
    prefix = "__Host-eventlog" if secure else "eventlog"
    return CookieNames(f"{prefix}_session", f"{prefix}_form", f"{prefix}_device")


class Gate:
    """The middleware around the whole app."""

    def __init__(self, app: App, site: Site) -> None:
        self._app = app
        self._desk = site
        self._own_names = _own_names() | site.settings.hosts
        self._cookies = cookie_names(secure=site.settings.secure)

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:  # noqa: ANN401 - ASGI's scope is a dict of anything
        """Let a request pass, or answer it here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        began = time.perf_counter()
        sealed = self._sealed(scope, send, began)
        try:
            receive = await self._checked(scope, receive)
        except Refused as refusal:
            await self._refuse(scope, sealed, refusal)
        except DatabaseError as error:
            log.error("the accounts can't be read: %s", error)  # noqa: TRY400 - told, not a bug
            sentence = "The accounts can't be read at the moment."
            await self._refuse(scope, sealed, Refused(503, "Unavailable", sentence))
        else:
            await self._answered(scope, receive, sealed)

    async def _answered(self, scope: Any, receive: Receive, send: Send) -> None:  # noqa: ANN401 - as above
        """Let the app answer. What fails after its answer began ends the connection, unfinished."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the server's own log would tell its message
            told = whereabouts(error.__cause__ or error)
            log.error("%s %r broke off: %s", scope["method"], scope["path"], told)  # noqa: TRY400 - likewise

    # ── what is checked ────────────────────────────────────────────────────────────────────

    async def _checked(self, scope: Any, receive: Receive) -> Receive:  # noqa: ANN401 - as above
        headers = _headers(scope)
        method, path = scope["method"], scope["path"]
        if method not in METHODS:
            raise Refused(405, "MethodNotAllowed", "This method is not used here.")
        host = self._check_host(headers)
        if method not in SAFE:
            self._check_origin(scope, headers, host)
        visitor = await self._visitor(scope, headers)
        scope.setdefault("state", {})["visitor"] = visitor
        public = path in PUBLIC or path.startswith(STATIC)
        if not public:
            _check_visitor(visitor, method, path)
        if method in SAFE:
            return receive
        most = _body_limit(path)
        length = headers.get("content-length", "0")
        if not length.isascii() or not length.isdigit() or len(length) > 12:  # noqa: PLR2004 - a terabyte
            raise Refused(400, "BadRequest", "The request has no sensible length.")
        if int(length) > most:
            raise Refused(413, "TooLarge", f"A body has {most} bytes at most here.")
        body = await _whole_body(receive, most)
        if visitor.token is None:
            _check_form_token(headers, body, visitor)
        return _replayed(body, receive)

    def _check_host(self, headers: dict[str, str]) -> str:
        """Refuse a name that is not ours: a foreign page may have bound it to our address."""
        host = headers.get("host", "")
        try:
            name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
        except ValueError:
            name = ""
        if name in self._own_names or _is_address(name):
            return host
        raise Refused(421, "WrongHost", "This dashboard is not known by that name.")

    def _check_origin(self, scope: Any, headers: dict[str, str], host: str) -> None:  # noqa: ANN401 - as above
        scheme = "https" if self._desk.settings.secure else scope.get("scheme", "http")
        origin = headers.get("origin")
        if headers.get("sec-fetch-site", "same-origin") not in {"same-origin", "none"}:
            raise Refused(403, "ForeignOrigin", "The request comes from another site.")
        if origin is None and "authorization" in headers and "cookie" not in headers:
            return  # a program with its token
        if origin != f"{scheme}://{host}":
            raise Refused(403, "ForeignOrigin", "The request comes from another site.")

    async def _visitor(self, scope: Any, headers: dict[str, str]) -> Visitor:  # noqa: ANN401 - as above
        client = scope.get("client")
        address = source_of(client[0]) if client else "unknown"
        authorization = headers.get("authorization", "")
        accounts, now = self._desk.accounts, self._desk.now_s
        if authorization:
            kind, _, secret = authorization.partition(" ")
            if kind.lower() != "bearer" or not secret:
                return Visitor(address=address)
            token = await accounts.run(lambda c: tokens.find(c, secret.strip()))
            return Visitor(address=address, token=token)
        cookies = _cookies(headers)
        secret = cookies.get(self._cookies.session, "")
        if secret:
            touch = scope["path"] not in BACKGROUND
            hashed = hash_of(secret)
            session = await accounts.run(lambda c: sessions.find(c, hashed, now, touch=touch))
            if session is not None:
                return Visitor(address=address, secret=secret, session=session)
        return Visitor(address=address, secret=cookies.get(self._cookies.form, ""))

    # ── what is answered ───────────────────────────────────────────────────────────────────

    def _sealed(self, scope: Any, send: Send, began: float) -> Send:  # noqa: ANN401 - as above
        """`send`, with the security headers on the way out."""

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                seconds = time.perf_counter() - began
                self._desk.metrics.answered(message["status"], seconds)
                headers = list(message.get("headers", []))
                present = {name.lower() for name, _ in headers}
                headers += [pair for pair in HEADERS if pair[0] not in present]
                if b"cache-control" not in present:
                    headers.append(NO_STORE)
                if self._desk.settings.secure:
                    headers.append(TLS_HEADER)
                if scope.get("state", {}).get("visitor") is not None:
                    headers.append((b"server-timing", b"app;dur=%.2f" % (seconds * 1000)))
                message["headers"] = headers
            await send(message)

        return sealed

    async def _refuse(self, scope: Any, send: Send, refusal: Refused) -> None:  # noqa: ANN401 - as above
        headers = _headers(scope)
        extra: list[tuple[bytes, bytes]] = []
        status = refusal.status
        fragment = "hx-request" in headers
        if status == 401 and not _for_programs(scope["path"]):  # noqa: PLR2004 - unauthorized
            if fragment:
                extra.append((b"hx-redirect", b"/login"))
            elif scope["method"] in SAFE:
                status = 303
                query = scope.get("query_string", b"").decode("latin-1")
                back = scope["path"] + (f"?{query}" if query else "")
                extra.append((b"location", f"/login?next={quote(back, safe='/')}".encode()))
        elif status == 405:  # noqa: PLR2004 - method not allowed
            extra.append((b"allow", ", ".join(sorted(METHODS)).encode()))
        elif status == 401:  # noqa: PLR2004 - unauthorized
            extra.append((b"www-authenticate", b'Bearer realm="eventlog"'))
        body = msgspec.json.encode({"error": refusal.word, "message": str(refusal)})
        media = b"application/json"
        if not _for_programs(scope["path"]):
            body, media = str(refusal).encode(), b"text/plain; charset=utf-8"
        extra += [(b"content-type", media), (b"content-length", b"%d" % len(body))]
        if status >= 400:  # noqa: PLR2004 - what a body leaves behind is not read
            extra.append((b"connection", b"close"))
        await send({"type": "http.response.start", "status": status, "headers": extra})
        await send(
            {"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body}
        )


def _check_visitor(visitor: Visitor, method: str, path: str) -> None:
    if not visitor.is_known:
        raise Refused(401, "Unauthorized", "Sign in first.")
    token = visitor.token
    if token is None:
        return
    if not _for_programs(path):
        raise Refused(403, "Forbidden", "A token opens the API only.")
    if method in SAFE and not token.may_read:
        raise Refused(403, "Forbidden", "This token may not read.")
    if method not in SAFE and not token.may_append:
        raise Refused(403, "Forbidden", "This token may not append.")


def _check_form_token(headers: dict[str, str], body: bytes, visitor: Visitor) -> None:
    token = headers.get("x-csrf-token", "")
    if not token and headers.get("content-type", "").partition(";")[0].strip() == FORM:
        try:
            fields = parse_qs(body.decode("utf-8", "replace"), max_num_fields=FIELDS_MAX)
        except ValueError as error:
            raise Refused(400, "BadRequest", "The form has too many fields.") from error
        token = fields.get("csrf_token", [""])[0]
    if not visitor.secret or not is_form_token(token, visitor.secret):
        raise Refused(403, "BadFormToken", "This page is too old. Go back, reload it, try again.")


def _body_limit(path: str) -> int:
    if path == "/api/facts":
        return FACTS_BYTES
    return PICTURE_BYTES if path == "/api/thumbnails" else FORM_BYTES


async def _whole_body(receive: Receive, most: int) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_S):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise Refused(400, "BadRequest", "The request ended early.")
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > most:
                    raise Refused(413, "TooLarge", f"A body has {most} bytes at most here.")
                chunks.append(chunk)
                if not message.get("more_body", False):
                    return b"".join(chunks)
    except TimeoutError as error:
        raise Refused(408, "TooSlow", "The request took too long.") from error


def _replayed(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body once more, then what comes after it."""
    given = False

    async def replayed() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replayed


def _headers(scope: Any) -> dict[str, str]:  # noqa: ANN401 - as above
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }


def _cookies(headers: dict[str, str]) -> dict[str, str]:
    try:
        parsed = SimpleCookie(headers.get("cookie", ""))
    except CookieError:
        return {}
    return {name: morsel.value for name, morsel in parsed.items()}


def _for_programs(path: str) -> bool:
    return path.startswith("/api/") or path in {"/metrics", "/health"}


def _own_names() -> frozenset[str]:
    name = socket.gethostname().lower()
    return frozenset({"localhost", name, f"{name}.local"})


def _is_address(name: str) -> bool:
    # No page elsewhere can have a bare address bound to itself.
    try:
        ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return True
