"""Signing in and out: with a password, or with a one-time code.

Guesses are counted before they are checked (`throttle.py`), and a name that does not exist takes
as long as a wrong password. A sign-in always begins a new session, and the browser is known from
then on. The pages say nothing of who has an account.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final, Self

import anyio
import anyio.to_thread
from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.response import Redirect
from msgspec import Struct

from eventlog.dashboard.accounts import sessions, throttle, users
from eventlog.dashboard.accounts.devices import device_name
from eventlog.dashboard.accounts.secrets import form_token, hash_of, new_secret
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.server.limits import TooMany
from eventlog.dashboard.site import Site, site_of, visitor_of
from eventlog.errors import DatabaseError

log: Final = logging.getLogger("eventlog")

NAME_MAX: Final = 64
CODE_MAX: Final = 64
HOME: Final = "/"
WRONG: Final = "That is not the name and its password."
# Who guesses may be somebody else, so it says what does not wait; the same for every name.
WAITS: Final = (
    "Too many attempts, from here or from elsewhere. Try again in {wait}. A browser that has signed"
    " in to the account before does not wait for others, nor does a one-time code that is made on"
    " the machine by: eventlog user link NAME"
)
DEVICE_S: Final = 365 * 24 * 3600

_STAYS: Final = {0: "", sessions.KEPT: "kept on this device", sessions.KIOSK: "a wall tablet"}


class _Typed(Struct, frozen=True, kw_only=True):
    """The content of the form without its secrets, to show it again; `kept` as in sessions."""

    name: str = ""
    next: str = HOME
    device: str = ""
    kept: int = 0

    @classmethod
    def of(cls, form: Mapping[str, Any]) -> Self:
        """What a form holds."""
        stays = sessions.KEPT if form.get("keep") == "on" else 0
        return cls(
            name=str(form.get("name", ""))[:NAME_MAX],
            next=str(form.get("next", HOME)),
            device=" ".join(str(form.get("device", "")).split())[: sessions.DEVICE_MAX],
            kept=sessions.KIOSK if form.get("kiosk") == "on" else stays,
        )


# Hashing takes 64 MB: one at a time, and few who wait for it. A browser that an account knows
# waits in a line of its own, so that no stranger's guesses keep it out.
_hashing: Final = {known: anyio.CapacityLimiter(1) for known in (True, False)}
_WAITING_MAX: Final = 8


@get("/login")
async def login_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The form."""
    return await _form(request)


@post("/login")
async def login(request: Request[Any, Any, Any]) -> Response[Any]:
    """Sign in by password, and by a code where the account asks for one."""
    site, visitor = site_of(request), visitor_of(request)
    form = await request.form()
    asked = _Typed.of(form)
    name, password = asked.name, str(form.get("password", ""))
    user = await site.accounts.run(lambda c: users.find(c, name))
    device = _device(request)
    known = user is not None and await site.accounts.run(lambda c: users.knows(c, user.id, device))
    user_id = None if user is None else user.id
    try:
        _require_room(known=known)
        forgive = await site.signed_in.admit(
            visitor.address, throttle.account_of(name), site.clock(), known=known
        )
    except TooMany as too_many:
        await _note(site, "too many guesses", user_id, visitor.address)
        return await _too_many(request, too_many, asked)
    right = await anyio.to_thread.run_sync(
        users.is_password, user, password, limiter=_hashing[known]
    )
    if not right or user is None:
        await _note(site, "wrong password", user_id, visitor.address)
        return await _form(request, status=403, problem=WRONG, typed=asked)
    if user.totp_secret is not None:
        code, now_s = str(form.get("code", ""))[:CODE_MAX], site.now_s
        if not await site.signed_in.take_code(user, code, now_s):
            await _note(site, "wrong code", user_id, visitor.address)
            return await _form(request, status=403, problem=WRONG, typed=asked)
    await forgive()
    return await _begin(request, user, asked)


async def _too_many(
    request: Request[Any, Any, Any], too_many: TooMany, typed: _Typed
) -> Response[Any]:
    wait_s = max(1, round(too_many.wait_s))
    problem = WAITS.format(wait=_spoken(wait_s))
    answer = await _form(request, status=429, problem=problem, typed=typed)
    answer.headers["retry-after"] = str(wait_s)
    return answer


async def _note(site: Site, kind: str, user_id: int | None, address: str) -> None:
    """Note a sign-in that failed, in both logs; never the name, which may be a password."""
    log.warning("a sign-in failed: %s, from %s", kind, address)
    await site.signed_in.note(kind, site.now_s, user_id=user_id, address=address)


@get("/sign-in")
async def link_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The form for a one-time code. A link carries it behind its '#', which no server sees."""
    return await _form(request, template="sign_in.html")


@post("/sign-in")
async def use_link(request: Request[Any, Any, Any]) -> Response[Any]:
    """Sign in by a one-time code."""
    site = site_of(request)
    form = await request.form()
    code = str(form.get("code", ""))[:256]
    user_id = await site.accounts.run(lambda c: sessions.use_link(c, code, site.now_s))
    if user_id is None:
        return await _form(
            request,
            template="sign_in.html",
            status=403,
            problem="That code is used up, too old, or not one of ours.",
        )
    user = await site.accounts.run(lambda c: users.find_by_id(c, user_id))
    if user is None:
        raise NotFoundException
    return await _begin(request, user, _Typed())


@post("/sign-out")
async def sign_out(request: Request[Any, Any, Any]) -> Redirect:
    """End this session, and its streams at once."""
    site, session = site_of(request), visitor_of(request).session
    if session is not None:
        browser = hash_of(_device(request)) if _device(request) else b""
        await site.signed_in.end(session, site.now_s, browser_hash=browser)
        site.broadcast.recheck()
    return _signed_out(site)


@post("/sign-out-everywhere")
async def sign_out_everywhere(request: Request[Any, Any, Any]) -> Redirect:
    """End every session of this user, and their streams at once."""
    site, session = site_of(request), visitor_of(request).session
    if session is not None:
        user_id, now_s = session.user_id, site.now_s
        await site.signed_in.end(session, now_s)
        await site.signed_in.end_everywhere(user_id, now_s)
        site.broadcast.recheck()
    return _signed_out(site)


def _device(request: Request[Any, Any, Any]) -> str:
    """The cookie of a browser that has signed in, '' if there is none."""
    return request.cookies.get(site_of(request).cookies.device, "")


def _device_name(request: Request[Any, Any, Any]) -> str:
    return device_name(request.headers.get("user-agent", ""))


def _require_room(*, known: bool) -> None:
    if _hashing[known].statistics().tasks_waiting >= _WAITING_MAX:
        raise TooMany("too many sign-ins at once", 5)


async def _begin(request: Request[Any, Any, Any], user: users.User, typed: _Typed) -> Redirect:
    """Begin a session, end the one before it, and go where the visitor wanted to."""
    site, address, now_s = site_of(request), visitor_of(request).address, site_of(request).now_s
    old = visitor_of(request).session
    if old is not None:
        await site.signed_in.end(old, now_s, "session replaced")
    named = typed.device or _device_name(request)
    secret = await site.signed_in.begin(user, address, now_s, device=named, kept=typed.kept)
    names = site.cookies
    stays = bool(typed.kept) or user.role == "kiosk"
    longest_s = site.signed_in.lifetimes.longest(kept=stays)
    answer = Redirect(_own_path(typed.next), status_code=303)
    answer.set_cookie(names.made(names.session, secret, longest_s))
    device = await _remembered(site, user.id, _device(request), now_s)
    if device is not None:
        answer.set_cookie(names.made(names.device, device, DEVICE_S))
        await site.signed_in.join_push(user.id, secret, device)
    answer.set_cookie(names.made(names.form, "", 0))
    detail = ", ".join(filter(None, (named, _STAYS[typed.kept])))
    await site.signed_in.note("signed in", now_s, user_id=user.id, address=address, detail=detail)
    return answer


async def _remembered(site: Site, user_id: int, brought: str, now_s: int) -> str | None:
    """The cookie of a browser that is known from now on; None if that can't be written."""
    try:
        return await site.accounts.run(lambda c: users.remember(c, user_id, brought, now_s))
    except DatabaseError as error:
        log.warning("a browser that signed in is not remembered: %s", error)
        return None


def _signed_out(site: Site) -> Redirect:
    answer = Redirect("/login", status_code=303)
    answer.set_cookie(site.cookies.made(site.cookies.session, "", 0))
    answer.headers["clear-site-data"] = '"cache"'
    return answer


async def _form(
    request: Request[Any, Any, Any],
    *,
    template: str = "login.html",
    status: int = 200,
    problem: str = "",
    typed: _Typed | None = None,
) -> Response[str]:
    """A form that is bound to a cookie of its own, as there is no session yet."""
    site, visitor = site_of(request), visitor_of(request)
    typed = typed or _Typed(next=request.query_params.get("next", HOME))
    secret = visitor.secret or new_secret()
    answer = page(
        request,
        template,
        status=status,
        problem=problem,
        name=typed.name,
        next=_own_path(typed.next),
        device=typed.device,
        device_name=_device_name(request),
        stays=typed.kept == sessions.KEPT,
        kiosk=typed.kept == sessions.KIOSK,
        login_token=form_token(secret),
    )
    if visitor.session is None:
        answer.set_cookie(site.cookies.made(site.cookies.form, secret, 3600))
    return answer


def _own_path(path: str) -> str:
    """Where to go after a sign-in: a path of ours, never another site."""
    plain = path.isascii() and path.isprintable() and "\\" not in path
    if not plain or not path.startswith("/") or path.startswith("//"):
        return HOME
    return path


def _spoken(seconds: int) -> str:
    if seconds < 90:  # noqa: PLR2004 - a minute and a half
        return f"{seconds} seconds"
    return f"{round(seconds / 60)} minutes"
