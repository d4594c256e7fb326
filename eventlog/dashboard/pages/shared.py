"""Shares one event by a link for a day: the owner's side, and what somebody with the link sees.

The link's secret is behind its '#': no server, log or preview is sent it, the page's script posts
it. What is shown has the time, what was seen and one picture, and names nobody: no person, no
camera, no rule. The picture is in the answer itself, so that nothing else is reachable by a link.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any, Final

import anyio.to_thread
from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect

from eventlog.dashboard import one_event
from eventlog.dashboard.accounts import shared_links
from eventlog.dashboard.accounts.secrets import form_token, new_secret
from eventlog.dashboard.accounts.shared_links import Link
from eventlog.dashboard.local_time import exact, instant
from eventlog.dashboard.pages import cards, picture
from eventlog.dashboard.pages.account import signed_in
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.security_headers import POLICY
from eventlog.dashboard.site import Site, site_of, visitor_of
from eventlog.record import ID_MAX

SECRET_MAX: Final = 64
FORM_S: Final = 3600
ENDED: Final = "This link has ended, was revoked, or is not complete."
_WITH_PICTURE: Final = POLICY.replace("img-src 'self'", "img-src 'self' data:")


# ── the owner's side ───────────────────────────────────────────────────────────────────────


@get("/events/{event_id:int}/share")
async def links(request: Request[Any, Any, Any], event_id: FromPath[int]) -> Response[str]:
    """The links of an event that are open, and the button that makes one."""
    return await _links_page(request, event_id)


@post("/events/{event_id:int}/share", status_code=200)
async def share(request: Request[Any, Any, Any], event_id: FromPath[int]) -> Response[str]:
    """Make a link, and show it this once."""
    site, session = signed_in(request)
    await _require_event(site, event_id)
    now_s = site.now_s
    secret = await site.accounts.run(
        lambda c: shared_links.make(c, session.user_id, event_id, now_s)
    )
    scheme = "https" if site.settings.secure else request.scope.get("scheme", "http")
    address = f"{scheme}://{request.headers.get('host', '')}{site.settings.prefix}/shared#{secret}"
    return await _links_page(request, event_id, made=address)


@post("/events/{event_id:int}/share/{link_id:int}/revoke")
async def revoke(
    request: Request[Any, Any, Any], event_id: FromPath[int], link_id: FromPath[int]
) -> Redirect:
    """End a link at once."""
    site, _ = signed_in(request)
    if not (0 < link_id <= ID_MAX and 0 < event_id <= ID_MAX):
        raise NotFoundException
    now_s = site.now_s
    await site.accounts.run(lambda c: shared_links.revoke(c, link_id, now_s))
    return Redirect(f"/events/{event_id}/share", status_code=303)


async def _links_page(
    request: Request[Any, Any, Any], event_id: int, *, made: str = ""
) -> Response[str]:
    site, _ = signed_in(request)
    await _require_event(site, event_id)
    now_s = site.now_s
    found = await site.accounts.run(lambda c: shared_links.of_event(c, event_id, now_s))
    return page(
        request,
        "share.html",
        event_id=event_id,
        made=made,
        links=[_shown(site, link) for link in found],
    )


async def _require_event(site: Site, event_id: int) -> None:
    if not 0 < event_id <= ID_MAX or await site.pages.get_event(event_id) is None:
        raise NotFoundException


def _shown(site: Site, link: Link) -> dict[str, Any]:
    def at(seconds: int) -> dict[str, str]:
        moment = datetime.fromtimestamp(seconds, UTC)
        return {
            "at": moment.isoformat().replace("+00:00", "Z"),
            "exact": exact(moment, site.zone),
        }

    return {
        "id": link.id,
        "made": at(link.created_at),
        "ends": at(link.expires_at),
        "opened": link.opened,
    }


# ── the other side ─────────────────────────────────────────────────────────────────────────


@get("/shared")
async def form(request: Request[Any, Any, Any]) -> Response[str]:
    """The form that the script fills from the link. It says nothing of any event."""
    return _form(request)


@post("/shared", status_code=200)
async def opened(request: Request[Any, Any, Any]) -> Response[str]:
    """The event of a link, once its secret was sent."""
    site, visitor = site_of(request), visitor_of(request)
    secret = str((await request.form()).get("secret", ""))[:SECRET_MAX]
    now_s = site.now_s
    link = await site.accounts.run(
        lambda c: shared_links.open_link(c, secret, now_s, address=visitor.address)
    )
    event = None if link is None else await site.pages.get_event(link.event_id)
    if link is None or event is None:
        return _form(request, status=404, problem=ENDED)
    answer = page(
        request,
        "shared.html",
        headline=_headline(event),
        at=exact(instant(event["listed_at"]), site.zone),
        seen=cards.seen(event["detections"]),
        picture=await _picture(site, link.event_id),
        ends=exact(datetime.fromtimestamp(link.expires_at, UTC), site.zone),
    )
    answer.headers["content-security-policy"] = _WITH_PICTURE
    return answer


def _form(
    request: Request[Any, Any, Any], *, status: int = 200, problem: str = ""
) -> Response[str]:
    site, visitor = site_of(request), visitor_of(request)
    secret = visitor.secret or new_secret()
    token = form_token(secret)
    answer = page(request, "shared_form.html", status=status, problem=problem, token=token)
    if visitor.session is None:
        answer.set_cookie(site.cookies.made(site.cookies.form, secret, FORM_S))
    return answer


def _headline(event: dict[str, Any]) -> str:
    """What happened, and nobody's name."""
    nobody = {**event, "person_name": None}
    if event["person_name"] is not None:
        return "Somebody rang" if event["event_type"] == "ding" else "Somebody was seen"
    return cards.headline(nobody, {})


async def _picture(site: Site, event_id: int) -> str:
    """The event's picture as a data address; '' if it has none that may be shown."""
    looked = await one_event.looked_at(site, event_id, most=1)
    if looked.picture is None:
        return ""
    try:
        content = await anyio.to_thread.run_sync(picture.contents, site.thumbnails, looked.picture)
    except picture.Unfit:
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
