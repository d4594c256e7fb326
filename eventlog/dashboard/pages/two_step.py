"""Two-step sign-in on the page Account: set up with an authenticator app, and turned off.

The secret of an app and the recovery codes are shown once, while it is set up.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from litestar import Request, Response, post

from eventlog.dashboard.accounts import totp
from eventlog.dashboard.pages.account import (
    account_page,
    as_sentence,
    require_old_password,
    signed_in,
)
from eventlog.errors import BadArgument


@post("/account/two-step/start", status_code=200)
async def start_two_step(request: Request[Any, Any, Any]) -> Response[str]:
    """Show a new secret for an authenticator app. Nothing is kept until a code of it comes."""
    _, session = signed_in(request)
    secret = totp.new_secret()
    return await account_page(request, two_step=_two_step(secret, session.user_name))


@post("/account/two-step", status_code=200)
async def turn_on_two_step(request: Request[Any, Any, Any]) -> Response[str]:
    """Turn it on with the password and a code of the new secret, and show the recovery codes."""
    site, session = signed_in(request)
    form = await request.form()
    code, now_s = str(form.get("code", ""))[:64], site.now_s
    try:
        secret = _secret(str(form.get("secret", ""))[:64])
        await require_old_password(request, str(form.get("old", "")))
        step = _step(secret, code, now_s)
    except BadArgument as error:
        return await account_page(request, status=400, problem=as_sentence(error))
    codes = await site.accounts.run(
        lambda c: totp.turn_on(c, session.user_id, secret, now_s, used_step=step)
    )
    return await account_page(request, recovery_codes=codes)


@post("/account/two-step/off", status_code=200)
async def turn_off_two_step(request: Request[Any, Any, Any]) -> Response[str]:
    """Turn it off with the password."""
    site, session = signed_in(request)
    form = await request.form()
    try:
        await require_old_password(request, str(form.get("old", "")))
    except BadArgument as error:
        return await account_page(request, status=400, problem=as_sentence(error))
    await site.accounts.run(lambda c: totp.turn_off(c, session.user_id, site.now_s))
    return await account_page(request)


def _step(secret: bytes, code: str, now_s: int) -> int:
    step = totp.step_of(secret, code, now_s)
    if step is None:
        raise BadArgument("that is not the code of this moment")
    return step


def _two_step(secret: bytes, user_name: str) -> dict[str, str]:
    return {"secret": totp.typed_secret(secret), "address": totp.address(secret, user_name)}


def _secret(typed: str) -> bytes:
    try:
        secret = base64.b32decode(typed)
    except (binascii.Error, ValueError) as error:
        raise BadArgument("this page is too old; begin again") from error
    if len(secret) != totp.SECRET_BYTES:
        raise BadArgument("this page is too old; begin again")
    return secret
