"""Signing in and out: by password, or by a one-time code. The only pages without a session.

Guesses are counted before they are checked (`attempts.py`), and a name that does not exist takes
as long as a wrong password. A sign-in always begins a new session, and the browser is known from
then on.
"""

from __future__ import annotations

from typing import Any, Final

import anyio
import anyio.to_thread
from litestar import Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.response import Redirect

from eventlog.dashboard.accounts import sessions, users
from eventlog.dashboard.accounts import throttle as attempts
from eventlog.dashboard.accounts.secrets import form_token, hash_of, new_secret
from eventlog.dashboard.gate import cookie_names
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.server.limits import TooMany
from eventlog.dashboard.site import Site, site_of, visitor_of

NAME_MAX: Final = 64
HOME: Final = "/"
DEVICE_S: Final = 365 * 24 * 3600

# Hashing takes 64 MB: one at a time, and few who wait for it.
_hashing: Final = anyio.CapacityLimiter(1)
_WAITING_MAX: Final = 8


@get("/login")
async def login_page(request: Request[Any, Any, Any]) -> Response[str]:
    """The form."""
    return await _form(request)


@post("/login")
async def login(request: Request[Any, Any, Any]) -> Response[Any]:
    """Sign in by password."""
    site, visitor = site_of(request), visitor_of(request)
    form = await request.form()
    name, password = str(form.get("name", "")), str(form.get("password", ""))
    user = await site.accounts.run(lambda c: users.find(c, name[:NAME_MAX]))
    device = _device(request)
    known = user is not None and await site.accounts.run(lambda c: users.knows(c, user.id, device))
    source = f"browser {hash_of(device).hex()}" if known else visitor.address
    now = site.clock()
    try:
        _require_on_room()
        guess = await site.accounts.run(lambda c: attempts.admit(c, source, now, known=known))
    except TooMany as too_many:
        wait_s = max(1, round(too_many.wait_s))
        answer = await _form(
            request, status=429, problem=f"Too many attempts. Try again in {_spoken(wait_s)}."
        )
        answer.headers["retry-after"] = str(wait_s)
        return answer
    right = await anyio.to_thread.run_sync(users.is_password, user, password, limiter=_hashing)
    if not right or user is None:
        return await _form(request, status=403, problem="That is not the name and its password.")
    await site.accounts.run(lambda c: attempts.forgive(c, guess))
    return await _begin(request, user.id, str(form.get("next", HOME)))


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
            problem="That code is used up, too old, or none.",
        )
    return await _begin(request, user_id, HOME)


@post("/sign-out")
async def sign_out(request: Request[Any, Any, Any]) -> Redirect:
    """End this session."""
    site, visitor = site_of(request), visitor_of(request)
    session = visitor.session
    if session is not None:
        await site.accounts.run(lambda c: sessions.end(c, session.secret_hash))
    return _signed_out(site)


@post("/sign-out-everywhere")
async def sign_out_everywhere(request: Request[Any, Any, Any]) -> Redirect:
    """End every session of this user."""
    site, visitor = site_of(request), visitor_of(request)
    session = visitor.session
    if session is not None:
        await site.accounts.run(lambda c: sessions.end_all(c, session.user_id))
        await site.accounts.run(lambda c: users.forget_devices(c, session.user_id))
    return _signed_out(site)


def _device(request: Request[Any, Any, Any]) -> str:
    """The cookie of a browser that has signed in, '' where there is none."""
    return request.cookies.get(cookie_names(secure=site_of(request).settings.secure).device, "")


def _require_on_room() -> None:
    if _hashing.statistics().tasks_waiting >= _WAITING_MAX:
        raise TooMany("too many sign-ins at once", 5)


async def _begin(request: Request[Any, Any, Any], user_id: int, next_path: str) -> Redirect:
    site, source = site_of(request), visitor_of(request).address
    now = site.now_s
    old = visitor_of(request).session
    if old is not None:
        await site.accounts.run(lambda c: sessions.end(c, old.secret_hash))
    secret = await site.accounts.run(lambda c: sessions.begin(c, user_id, source, now))
    brought = _device(request)
    device = await site.accounts.run(lambda c: users.remember(c, user_id, brought, now))
    names = cookie_names(secure=site.settings.secure)
    answer = Redirect(_own_path(next_path), status_code=303)
    answer.set_cookie(_cookie(site, names.session, secret, sessions.LONGEST_S))
    answer.set_cookie(_cookie(site, names.device, device, DEVICE_S))
    answer.set_cookie(_cookie(site, names.form, "", 0))
    return answer


def _signed_out(site: Site) -> Redirect:
    answer = Redirect("/login", status_code=303)
    answer.set_cookie(_cookie(site, cookie_names(secure=site.settings.secure).session, "", 0))
    answer.headers["clear-site-data"] = '"cache"'
    return answer


async def _form(
    request: Request[Any, Any, Any],
    *,
    template: str = "login.html",
    status: int = 200,
    problem: str = "",
) -> Response[str]:
    """A form that is bound to a cookie of its own, as there is no session yet."""
    site, visitor = site_of(request), visitor_of(request)
    secret = visitor.secret or new_secret()
    answer = page(
        request,
        template,
        status=status,
        problem=problem,
        next=_own_path(request.query_params.get("next", HOME)),
        login_token=form_token(secret),
        has_users=await site.accounts.run(users.count) > 0,
    )
    if visitor.session is None:
        name = cookie_names(secure=site.settings.secure).form
        answer.set_cookie(_cookie(site, name, secret, 3600))
    return answer


def _cookie(site: Site, name: str, value: str, max_age_s: int) -> Cookie:
    return Cookie(
        key=name,
        value=value,
        max_age=max_age_s,
        path="/",
        httponly=True,
        samesite="lax",
        secure=site.settings.secure,
    )


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
