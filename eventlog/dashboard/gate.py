"""The gate: the checks that every request passes before it reaches a page.

Checks the host, the origin of a write, the account or token and its rights, and the size and speed
of a body; and adds the security headers to every response. Only the few public paths named here are
reached without a session or a token. An ASGI middleware;
knows no page.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from eventlog.dashboard import addresses, cookies, head_requests
from eventlog.dashboard.accounts import roles
from eventlog.dashboard.accounts.secrets import hash_of
from eventlog.dashboard.accounts.visitor import Visitor
from eventlog.dashboard.api import witness
from eventlog.dashboard.client_address import address_of
from eventlog.dashboard.refused import METHODS, SAFE, Refused, answer_to, for_programs
from eventlog.dashboard.request_bodies import (
    Message,
    Receive,
    body_of,
    check_form_token,
    replayed,
)
from eventlog.dashboard.security_headers import with_security
from eventlog.dashboard.site import Site
from eventlog.errors import DatabaseError
from eventlog.storage.error_site import whereabouts

log: Final = logging.getLogger("eventlog")

Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Any, Any, Any], Awaitable[None]]

PUBLIC: Final = frozenset({"/login", "/sign-in", "/shared", "/health"})
FORBIDDEN: Final = 403
NOTED_EVERY_S: Final = 60  # refusals of one account or token in the security log
NOTED_MAX: Final = 1_000
STATIC: Final = "/static/"
# Asked for by a page by itself, so no sign that its reader is still there.
_BACKGROUND: Final = re.compile(r"/api/stream|/timeline/live|/events/\d+/live")


class Gate:
    """The middleware around the app."""

    def __init__(self, app: App, site: Site) -> None:
        self._app = app
        self._site = site
        self._own_names = addresses.own_names() | site.settings.hosts
        self._noted: dict[str, int] = {}

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:  # noqa: ANN401 - ASGI's scope is a dict of anything
        """Let a request pass, or answer it here."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        scope = addresses.at_root(scope, self._site.settings.prefix)
        if scope["method"] == "HEAD":
            await head_requests.answered(self._passed, scope, receive, send)
        else:
            await self._passed(scope, receive, send)

    async def _passed(self, scope: Any, receive: Receive, send: Send) -> None:  # noqa: ANN401 - as above
        sealed = self._sealed(scope, send, time.perf_counter())
        if self._site.witness is not None and scope["path"].startswith(witness.ROUTES):
            await witness.serve(self._site.witness, scope, receive, sealed)
            return
        try:
            receive = await self._checked(scope, receive)
        except Refused as refusal:
            await self._note(scope, refusal)
            await _refuse(scope, sealed, refusal)
        except DatabaseError as error:
            log.error("the accounts can't be read: %s", error)  # noqa: TRY400 - an expected error, not a bug
            sentence = "The accounts can't be read at the moment."
            await _refuse(scope, sealed, Refused(503, "Unavailable", sentence))
        else:
            await self._answered(scope, receive, sealed)

    async def _note(self, scope: Any, refusal: Refused) -> None:  # noqa: ANN401 - as above
        """Note in the security log what an account or token may not do, once a minute each."""
        visitor = scope.get("state", {}).get("visitor")
        if refusal.status != FORBIDDEN or visitor is None or not visitor.is_known:
            return
        now_s = self._site.now_s
        if len(self._noted) > NOTED_MAX:
            self._noted.clear()
        if self._noted.get(visitor.label, 0) > now_s - NOTED_EVERY_S:
            return
        self._noted[visitor.label] = now_s
        session, token = visitor.session, visitor.token
        await self._site.signed_in.note(
            "not allowed",
            now_s,
            user_id=None if session is None else session.user_id,
            token_id=None if token is None else token.id,
            address=visitor.address,
            detail=refusal.word,
        )

    async def _answered(self, scope: Any, receive: Receive, send: Send) -> None:  # noqa: ANN401 - as above
        """Let the app answer. What fails after its answer began ends the connection, unfinished."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - the server's own log would show its message
            told = whereabouts(error.__cause__ or error)
            log.error("%s %r broke off: %s", scope["method"], scope["path"], told)  # noqa: TRY400 - likewise

    async def _checked(self, scope: Any, receive: Receive) -> Receive:  # noqa: ANN401 - as above
        headers = _headers(scope)
        method, path = scope["method"], scope["path"]
        if method not in METHODS:
            raise Refused(405, "MethodNotAllowed", "This method is not used here.")
        if not addresses.is_plain(path):
            raise Refused(404, "NotFound", "There is no such address.")
        host = headers.get("host", "")
        addresses.check_host(host, self._own_names)
        if method not in SAFE:
            addresses.check_origin(headers, self._origins(scope, host))
        visitor = await self._visitor(scope, headers)
        scope.setdefault("state", {})["visitor"] = visitor
        if path not in PUBLIC and not path.startswith(STATIC):
            _check_visitor(visitor, method, path)
        if method in SAFE:
            return receive
        body = await body_of(receive, headers, path)
        if visitor.token is None:
            check_form_token(headers, body, visitor.secret)
        else:
            await self._site.spending.spend(visitor.token, len(body), self._site.now_s)
        return replayed(body, receive)

    def _origins(self, scope: Any, host: str) -> frozenset[str]:  # noqa: ANN401 - as above
        """Where writes may come from: the address that was asked, and the public one."""
        scheme = "https" if self._site.settings.secure else scope.get("scheme", "http")
        return self._site.settings.origins | {f"{scheme}://{host}"}

    async def _visitor(self, scope: Any, headers: dict[str, str]) -> Visitor:  # noqa: ANN401 - as above
        site = self._site
        address = address_of(
            scope,
            headers,
            behind_proxy=site.settings.behind_proxy,
            proxy_secret=site.settings.proxy_secret,
        )
        authorization = headers.get("authorization", "")
        if authorization:
            kind, _, secret = authorization.partition(" ")
            if kind.lower() != "bearer" or not secret:
                return Visitor(address=address)
            return Visitor(
                address=address, token=await site.signed_in.token(secret.strip(), site.now_s)
            )
        sent = cookies.parsed(headers.get("cookie", ""))
        secret = sent.get(site.cookies.session, "")
        if secret:
            touch = _BACKGROUND.fullmatch(scope["path"]) is None
            session = await site.signed_in.find(hash_of(secret), site.now_s, touch=touch)
            if session is not None:
                return Visitor(address=address, secret=secret, session=session)
        return Visitor(address=address, secret=sent.get(site.cookies.form, ""))

    def _sealed(self, scope: Any, send: Send, began: float) -> Send:  # noqa: ANN401 - as above
        """`send`, with the security headers on the way out."""

        async def sealed(message: Message) -> None:
            if message["type"] == "http.response.start":
                seconds = time.perf_counter() - began
                self._site.metrics.answered(message["status"], seconds)
                settings = self._site.settings
                given = addresses.headers_rooted(message.get("headers", []), settings.prefix)
                headers = with_security(given, settings.hsts_s, framed=bool(settings.prefix))
                if scope.get("state", {}).get("visitor") is not None:
                    headers.append((b"server-timing", b"app;dur=%.2f" % (seconds * 1000)))
                message["headers"] = headers
            await send(message)

        return sealed


async def _refuse(scope: Any, send: Send, refusal: Refused) -> None:  # noqa: ANN401 - as above
    fragment = "hx-request" in _headers(scope)
    status, headers, body = answer_to(scope, refusal, fragment=fragment)
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _check_visitor(visitor: Visitor, method: str, path: str) -> None:
    """Raise Refused for who is not known, or may not do that."""
    if not visitor.is_known:
        raise Refused(401, "Unauthorized", "Sign in first.")
    token = visitor.token
    if token is None:
        if not roles.may(visitor.role, method, path):
            sentence = f"This account may not do that: it is a {visitor.role}."
            raise Refused(403, "Forbidden", sentence)
        return
    if not for_programs(path):
        raise Refused(403, "Forbidden", "A token opens the API only.")
    if method in SAFE and not token.may_read:
        raise Refused(403, "Forbidden", "This token may not read.")
    if method not in SAFE and not token.may_append:
        raise Refused(403, "Forbidden", "This token may not append.")


def _headers(scope: Any) -> dict[str, str]:  # noqa: ANN401 - as above
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }
