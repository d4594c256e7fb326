"""API tokens on the page Account: created with their limits, shown once, revoked."""

from __future__ import annotations

from typing import Any, Final

from litestar import Request, Response, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from eventlog.dashboard import filters
from eventlog.dashboard.accounts import tokens
from eventlog.dashboard.accounts.tokens import SCOPES, Limits
from eventlog.dashboard.pages.account import account_page, as_sentence, signed_in
from eventlog.dashboard.site import site_of
from eventlog.errors import BadArgument
from eventlog.record import ID_MAX

DAYS_MAX: Final = 3650


@post("/account/tokens", status_code=200)
async def add_token(request: Request[Any, Any, Any]) -> Response[str]:
    """Make a token of this user, and show it this once."""
    site, session = signed_in(request)
    form = {name: str(value).strip() for name, value in (await request.form()).items()}
    scopes = {scope for scope in SCOPES if form.get(scope) == "on"}
    now_s = site.now_s
    try:
        limits = _limits(form, now_s)
        secret = await site.accounts.run(
            lambda c: tokens.add(
                c, form.get("name", ""), scopes, now_s, owner_id=session.user_id, limits=limits
            )
        )
    except BadArgument as error:
        return await account_page(request, status=400, problem=as_sentence(error))
    return await account_page(request, new_token=secret)


@post("/account/tokens/{token_id:int}/revoke")
async def revoke_token(request: Request[Any, Any, Any], token_id: FromPath[int]) -> Redirect:
    """Revoke a token, and end its streams at once."""
    if not 0 < token_id <= ID_MAX:
        raise NotFoundException
    site = site_of(request)
    await site.accounts.run(lambda c: tokens.revoke(c, token_id, site.now_s))
    site.broadcast.recheck()
    return Redirect("/account", status_code=303)


def _limits(form: dict[str, str], now_s: int) -> Limits:
    """The limits that a form names; what it leaves empty is not limited, or as by default."""
    days = _days(form, "days")
    join_days = _days(form, "join_days")
    return Limits(
        kinds=_items(form, "kinds"),
        cameras=_items(form, "cameras"),
        join_s=tokens.DAY_S if join_days is None else join_days * tokens.DAY_S,
        key_space=form.get("key_space") or None,
        ends_at=None if days is None else now_s + days * tokens.DAY_S,
        kept=form.get("kept") == "on",
    )


def _items(form: dict[str, str], name: str) -> tuple[str, ...] | None:
    found = tuple(item.strip() for item in form.get(name, "").split(",") if item.strip())
    return found or None


def _days(form: dict[str, str], name: str) -> int | None:
    text = form.get(name, "")
    if not text:
        return None
    days = filters.whole_number(text, DAYS_MAX)
    if days is None:
        raise BadArgument(f"days are a number up to {DAYS_MAX}")
    return days
