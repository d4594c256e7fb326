"""The page Account: a user's sessions and password, two-step sign-in, tokens, security log.

A token and recovery codes are shown once, on the page that answers their making, and never again.
Tokens and the security log are the owner's.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any, Final

import anyio.to_thread
from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from eventlog.dashboard.accounts import (
    passwords,
    security_log,
    sessions,
    throttle,
    tokens,
    totp,
    users,
)
from eventlog.dashboard.accounts.sessions import Session
from eventlog.dashboard.local_time import exact, local
from eventlog.dashboard.pages import notified
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import Site, site_of, visitor_of
from eventlog.errors import BadArgument
from eventlog.storage.connections import transaction

ENTRIES_SHOWN: Final = 100
_WRONG: Final = "that is not your password"


@get("/account")
async def account(request: Request[Any, Any, Any]) -> Response[str]:
    """The page."""
    return await account_page(request)


# ── sessions ───────────────────────────────────────────────────────────────────────────────


@post("/account/sessions/{number:str}/end")
async def end_session(request: Request[Any, Any, Any], number: FromPath[str]) -> Redirect:
    """End one session of this user, and its streams at once."""
    site, session = signed_in(request)
    await site.signed_in.end_by_number(session.user_id, number, site.now_s)
    site.broadcast.recheck()
    return Redirect("/account", status_code=303)


# ── the password ───────────────────────────────────────────────────────────────────────────


@post("/account/password", status_code=200)
async def change_password(request: Request[Any, Any, Any]) -> Response[Any]:
    """Change the password, for which the old one is asked: every other session ends."""
    site, session = signed_in(request)
    form = await request.form()
    new = str(form.get("new", ""))
    try:
        await require_old_password(request, str(form.get("old", "")))
        _require_same(new, str(form.get("again", "")))
        hashed = await anyio.to_thread.run_sync(passwords.hash_password, new, session.user_name)
    except BadArgument as error:
        return await account_page(request, status=400, problem=as_sentence(error))
    secret = await site.accounts.run(lambda c: _changed(c, site, session, hashed))
    site.signed_in.end_all(session.user_id)
    site.broadcast.recheck()
    answer = Redirect("/account", status_code=303)
    longest_s = site.signed_in.lifetimes.longest(kept=session.is_kept)
    answer.set_cookie(site.cookies.made(site.cookies.session, secret, longest_s))
    return answer


def _changed(connection: sqlite3.Connection, site: Site, session: Session, hashed: str) -> str:
    """The new session's secret: the password and the session change in one transaction."""
    now_s = site.now_s
    with transaction(connection):
        users.set_password(connection, session.user_id, hashed, now_s)
        return sessions.begin(
            connection,
            session.user_id,
            session.address,
            now_s,
            device=session.device,
            kept=session.kept,
            lifetimes=site.signed_in.lifetimes,
        )


def _require_same(new: str, again: str) -> None:
    if new != again:
        raise BadArgument("the two new passwords differ; nothing is changed")


async def require_old_password(request: Request[Any, Any, Any], password: str) -> None:
    """Raise BadArgument for a wrong password, which counts as a guess, and TooMany."""
    site, session = signed_in(request)
    forgive = await site.signed_in.admit(
        visitor_of(request).address,
        throttle.account_of(session.user_name),
        site.clock(),
        known=True,
    )
    user = await site.accounts.run(lambda c: users.find(c, session.user_name))
    if not await anyio.to_thread.run_sync(users.is_password, user, password):
        raise BadArgument(_WRONG)
    await forgive()


# ── the page ───────────────────────────────────────────────────────────────────────────────


async def account_page(
    request: Request[Any, Any, Any],
    *,
    status: int = 200,
    problem: str = "",
    new_token: str = "",
    two_step: dict[str, str] | None = None,
    recovery_codes: list[str] | None = None,
) -> Response[str]:
    """The page, with what the answer to one of its forms adds."""
    site, session = signed_in(request)
    is_owner = session.role == "owner"
    found = await site.accounts.run(lambda c: _found(c, site, session))
    return page(
        request,
        "account.html",
        status=status,
        problem=problem,
        new_token=new_token,
        two_step=two_step,
        recovery_codes=recovery_codes or [],
        has_two_step=found["has_two_step"],
        codes_left=found["codes_left"],
        sessions=[
            {
                "here": one.secret_hash == session.secret_hash,
                "number": one.number,
                "address": one.address,
                "device": one.device,
                "kept": _kept(site, one),
                **_times(site, one.created_at),
            }
            for one in found["sessions"]
        ],
        tokens=[_shown_token(site, one, found["users"]) for one in found["tokens"]]
        if is_owner
        else None,
        push=await notified.shown(request, site, session),
        entries=[_shown_entry(site, one, found) for one in found["entries"]] if is_owner else None,
    )


def _found(connection: sqlite3.Connection, site: Site, session: Session) -> dict[str, Any]:
    """What the page shows, in one hop."""
    lifetimes = site.signed_in.lifetimes
    user = users.find(connection, session.user_name)
    return {
        "sessions": sessions.of_user(connection, session.user_id, site.now_s, lifetimes),
        "tokens": tokens.listed(connection),
        "entries": security_log.newest(connection, ENTRIES_SHOWN),
        "users": users.names(connection),
        "token_names": tokens.names(connection),
        "has_two_step": user is not None and user.totp_secret is not None,
        "codes_left": totp.codes_left(connection, session.user_id),
    }


def _kept(site: Site, session: Session) -> str:
    """What is said of a session that is kept on its device, '' of any other."""
    if not session.is_kept:
        return ""
    ends = datetime.fromtimestamp(session.created_at + site.signed_in.lifetimes.kept_s, UTC)
    what = "wall tablet" if session.role == "kiosk" else "kept"
    return f"{what} until {local(ends, site.zone):%d %b %Y}"


def _shown_token(site: Site, token: tokens.Token, names: dict[int, str]) -> dict[str, Any]:
    used = token.last_used_at
    ends = token.limits.ends_at
    return {
        "id": token.id,
        "name": token.name,
        "scopes": token.scopes,
        "owner": "this machine" if token.owner_id is None else names.get(token.owner_id, ""),
        "used": None if used is None else _times(site, used),
        "ends": None if ends is None else _times(site, ends),
        "kinds": token.limits.kinds,
        "cameras": token.limits.cameras,
        **_times(site, token.created_at),
    }


def _shown_entry(site: Site, entry: security_log.Entry, found: dict[str, Any]) -> dict[str, Any]:
    who = []
    if entry.user_id is not None:
        who.append(found["users"].get(entry.user_id, f"removed account {entry.user_id}"))
    if entry.token_id is not None:
        name = found["token_names"].get(entry.token_id)
        who.append(f"removed token {entry.token_id}" if name is None else f"token {name}")
    return {
        "kind": entry.kind,
        "who": ", ".join(who),
        "address": entry.address,
        "detail": entry.detail,
        **_times(site, entry.at),
    }


def signed_in(request: Request[Any, Any, Any]) -> tuple[Site, Session]:
    """The site and the visitor's session. Raises NotFoundException for a token."""
    session = visitor_of(request).session
    if session is None:
        raise NotFoundException
    return site_of(request), session


def as_sentence(error: BadArgument) -> str:
    """An error's text as a page has it."""
    text = str(error)
    return f"{text[:1].upper()}{text[1:]}."


def _times(site: Site, seconds: int) -> dict[str, str]:
    at = datetime.fromtimestamp(seconds, UTC)
    return {"at": at.isoformat().replace("+00:00", "Z"), "exact": exact(at, site.zone)}
