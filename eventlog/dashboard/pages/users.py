"""The pages Users and Security log, for owners: accounts, their roles and sessions, what happened.

To add or remove an account or to change a role asks for the owner's own password. The last owner
can't be removed, and can't become anything else.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Final

import anyio.to_thread
from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from eventlog.dashboard import filters
from eventlog.dashboard.accounts import passwords, security_log, sessions, tokens, users
from eventlog.dashboard.accounts.roles import ROLES
from eventlog.dashboard.accounts.users import User
from eventlog.dashboard.local_time import exact
from eventlog.dashboard.pages.account import as_sentence, require_old_password, signed_in
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import Site
from eventlog.errors import BadArgument
from eventlog.record import ID_MAX

ENTRIES: Final = 100  # of one page of the security log

Form = dict[str, str]
Change = Callable[[Form], Awaitable[str]]


@get("/account/users")
async def listed(request: Request[Any, Any, Any]) -> Response[str]:
    """The accounts with their roles and sessions."""
    return await _users_page(request)


@post("/account/users", status_code=200)
async def add(request: Request[Any, Any, Any]) -> Response[str]:
    """Add an account with a password."""
    site, _ = signed_in(request)

    async def change(form: Form) -> str:
        name, now_s = form.get("name", "").strip(), site.now_s
        role = users.check_role(form.get("role", ""))
        users.check_name(name)
        hashed = await anyio.to_thread.run_sync(passwords.hash_password, form.get("new", ""), name)
        await site.accounts.run(lambda c: users.add_hashed(c, name, hashed, role, now_s))
        return f"{name} was added, as {role}."

    return await _changed(request, change)


@post("/account/users/{user_id:int}/role", status_code=200)
async def change_role(request: Request[Any, Any, Any], user_id: FromPath[int]) -> Response[str]:
    """Give an account another role; its sessions end."""
    site, user = signed_in(request)[0], await _user(request, user_id)

    async def change(form: Form) -> str:
        role, now_s = users.check_role(form.get("role", "")), site.now_s
        await site.accounts.run(lambda c: users.change_role(c, user.name, role, now_s))
        _end_streams(site, user)
        return f"{user.name} is now {role}, and has to sign in again."

    return await _changed(request, change)


@post("/account/users/{user_id:int}/remove", status_code=200)
async def remove(request: Request[Any, Any, Any], user_id: FromPath[int]) -> Response[str]:
    """Remove an account with all that it has: sessions, links, tokens, marks."""
    site, user = signed_in(request)[0], await _user(request, user_id)

    async def change(_: Form) -> str:
        now_s = site.now_s
        await site.accounts.run(lambda c: users.remove(c, user.name, now_s))
        _end_streams(site, user)
        return f"{user.name} was removed."

    return await _changed(request, change)


@post("/account/users/{user_id:int}/sessions/{number:str}/end", status_code=200)
async def end_session(
    request: Request[Any, Any, Any], user_id: FromPath[int], number: FromPath[str]
) -> Response[str]:
    """End one session of an account, and its streams at once."""
    site, user = signed_in(request)[0], await _user(request, user_id)
    await site.signed_in.end_by_number(user.id, number, site.now_s)
    site.broadcast.recheck()
    return await _users_page(request, said=f"A session of {user.name} was ended.")


@get("/account/security")
async def security(request: Request[Any, Any, Any]) -> Response[str]:
    """The security log, the newest first, a page at a time."""
    site, _ = signed_in(request)
    text = request.query_params.get("before", "")
    before = filters.whole_number(text)
    if text and before is None:
        raise BadArgument("before: is the number of an entry")

    def look(connection: sqlite3.Connection) -> tuple[list[security_log.Entry], Any, Any]:
        some = security_log.newest(connection, ENTRIES, before=before)
        return some, users.names(connection), tokens.names(connection)

    entries, named, tokened = await site.accounts.run(look)
    return page(
        request,
        "security.html",
        entries=[
            {
                "kind": one.kind,
                "who": _who(one, named, tokened),
                "address": one.address,
                "detail": one.detail,
                **_times(site, one.at),
            }
            for one in entries
        ],
        older=entries[-1].id if len(entries) == ENTRIES else None,
        newest=before is not None,
    )


def _who(entry: security_log.Entry, named: dict[int, str], tokened: dict[int, str]) -> str:
    who = []
    if entry.user_id is not None:
        who.append(named.get(entry.user_id, f"removed account {entry.user_id}"))
    if entry.token_id is not None:
        name = tokened.get(entry.token_id)
        who.append(f"removed token {entry.token_id}" if name is None else f"token {name}")
    return ", ".join(who)


async def _changed(request: Request[Any, Any, Any], change: Change) -> Response[str]:
    """Make a change once the owner's password is right, and show the accounts after it."""
    form = {name: str(value) for name, value in (await request.form()).items()}
    try:
        await require_old_password(request, form.get("old", ""))
        said = await change(form)
    except BadArgument as error:
        return await _users_page(request, status=400, problem=as_sentence(error))
    return await _users_page(request, said=said)


def _end_streams(site: Site, user: User) -> None:
    site.signed_in.end_all(user.id)
    site.broadcast.recheck()


async def _user(request: Request[Any, Any, Any], user_id: int) -> User:
    """The account of an id, another one than the visitor's. Raises NotFoundException."""
    site, _ = signed_in(request)
    if not 0 < user_id <= ID_MAX:
        raise NotFoundException
    user = await site.accounts.run(lambda c: users.find_by_id(c, user_id))
    if user is None:
        raise NotFoundException
    return user


async def _users_page(
    request: Request[Any, Any, Any], *, status: int = 200, problem: str = "", said: str = ""
) -> Response[str]:
    site, session = signed_in(request)
    lifetimes, now_s = site.signed_in.lifetimes, site.now_s

    def look(connection: sqlite3.Connection) -> list[tuple[User, list[sessions.Session]]]:
        return [
            (user, sessions.of_user(connection, user.id, now_s, lifetimes))
            for user in users.listed(connection)
        ]

    found = await site.accounts.run(look)
    return page(
        request,
        "users.html",
        status=status,
        problem=problem,
        said=said,
        roles=ROLES,
        accounts=[
            {
                "id": user.id,
                "name": user.name,
                "role": user.role,
                "is_own": user.id == session.user_id,
                "has_password": user.password_hash is not None,
                "two_step": user.totp_secret is not None,
                "sessions": [_session(site, one) for one in live],
                **_times(site, user.created_at),
            }
            for user, live in found
        ],
    )


def _session(site: Site, one: sessions.Session) -> dict[str, Any]:
    return {
        "number": one.number,
        "address": one.address,
        "device": one.device,
        "kept": one.is_kept,
        **_times(site, one.created_at),
    }


def _times(site: Site, seconds: int) -> dict[str, str]:
    at = datetime.fromtimestamp(seconds, UTC)
    return {"at": at.isoformat().replace("+00:00", "Z"), "exact": exact(at, site.zone)}
