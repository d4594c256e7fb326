"""Subscribes a browser to web push, and removes devices, on the page Account.

What a browser sends is checked by the running door before it is stored: `running.check_push`.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final

from litestar import Request, Response, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from eventlog.dashboard.accounts import push_devices
from eventlog.dashboard.accounts.push_devices import Subscription
from eventlog.dashboard.pages.account import as_sentence, signed_in
from eventlog.dashboard.pages.notified import browser_of
from eventlog.dashboard.site import visitor_of
from eventlog.errors import BadArgument
from eventlog.record import ID_MAX

KEY_TEXT_MAX: Final = 128  # characters of a key in base64url; more is cut, and no key
_ALPHABET: Final = str.maketrans("-_", "+/")


@post("/account/push", status_code=200)
async def subscribe(request: Request[Any, Any, Any]) -> Response[str]:
    """Notify this device from now on. The page's script sends what the browser gave it."""
    site, session = signed_in(request)
    running = site.running
    server_key = None if running is None else running.push_key()
    if running is None or server_key is None:
        raise NotFoundException("No channel of the config is web push.")
    form = await request.form()
    try:
        asked = Subscription(
            endpoint=str(form.get("endpoint", "")),
            public_key=_decoded(str(form.get("p256dh", ""))),
            auth_secret=_decoded(str(form.get("auth", ""))),
            server_key=server_key,
            session_hash=session.secret_hash,
            browser_hash=browser_of(request, site),
            device=session.device,
        )
        running.check_push(asked.endpoint, asked.public_key, asked.auth_secret)
        now_s, address = site.now_s, visitor_of(request).address
        await site.accounts.run(
            lambda c: push_devices.subscribe(c, session.user_id, asked, now_s, address=address)
        )
    except BadArgument as error:
        return Response(as_sentence(error), status_code=400, media_type="text/plain")
    return Response("This device is notified.", media_type="text/plain")


@post("/account/push/{device_id:int}/remove")
async def remove(request: Request[Any, Any, Any], device_id: FromPath[int]) -> Redirect:
    """Notify a device no more: one of this user's, or anybody's for an owner."""
    site, session = signed_in(request)
    whose = None if session.role == "owner" else session.user_id
    now_s = site.now_s
    if not 0 < device_id <= ID_MAX or not await site.accounts.run(
        lambda c: push_devices.remove(c, whose, device_id, now_s)
    ):
        raise NotFoundException
    return Redirect("/account", status_code=303)


def _decoded(text: str) -> bytes:
    """The bytes of base64url, with or without its padding. Raises BadArgument."""
    plain = text[:KEY_TEXT_MAX].rstrip("=").translate(_ALPHABET)
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadArgument("a device's keys are base64url") from error
