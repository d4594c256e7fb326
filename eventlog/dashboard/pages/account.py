"""The page Account: this user's sessions, and the API tokens that programs come with.

A token is shown once, on the page that answers its making, and never again.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from eventlog.dashboard.accounts import sessions, tokens
from eventlog.dashboard.accounts.tokens import SCOPES
from eventlog.dashboard.local_time import exact
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import Site, site_of, visitor_of
from eventlog.errors import BadArgument


@get("/account")
async def account(request: Request[Any, Any, Any]) -> Response[str]:
    """The page."""
    return await _page(request)


@post("/account/tokens", status_code=200)
async def add_token(request: Request[Any, Any, Any]) -> Response[str]:
    """Make a token, and show it this once."""
    site = site_of(request)
    form = await request.form()
    name = str(form.get("name", "")).strip()
    scopes = {scope for scope in SCOPES if form.get(scope) == "on"}
    try:
        secret = await site.accounts.run(lambda c: tokens.add(c, name, scopes, site.now_s))
    except BadArgument as error:
        return await _page(
            request, status=400, problem=f"{str(error)[:1].upper()}{str(error)[1:]}."
        )
    return await _page(request, new_token=secret)


@post("/account/tokens/{token_id:int}/revoke")
async def revoke_token(request: Request[Any, Any, Any], token_id: FromPath[int]) -> Redirect:
    """Revoke a token."""
    if not 0 < token_id < 2**63:
        raise NotFoundException
    await site_of(request).accounts.run(lambda c: tokens.remove(c, token_id))
    return Redirect("/account", status_code=303)


async def _page(
    request: Request[Any, Any, Any],
    *,
    status: int = 200,
    problem: str = "",
    new_token: str = "",
) -> Response[str]:
    site, session = site_of(request), visitor_of(request).session
    if session is None:
        raise NotFoundException
    now = site.now_s
    live = await site.accounts.run(lambda c: sessions.of_user(c, session.user_id, now))
    made = await site.accounts.run(tokens.listed)
    return page(
        request,
        "account.html",
        status=status,
        problem=problem,
        new_token=new_token,
        sessions=[
            {
                "here": one.secret_hash == session.secret_hash,
                "address": one.address,
                **_times(site, one.created_at),
            }
            for one in live
        ],
        tokens=[
            {"id": t.id, "name": t.name, "scopes": t.scopes, **_times(site, t.created_at)}
            for t in made
        ],
    )


def _times(site: Site, seconds: int) -> dict[str, str]:
    at = datetime.fromtimestamp(seconds, UTC)
    return {"at": at.isoformat().replace("+00:00", "Z"), "exact": exact(at, site.zone)}
