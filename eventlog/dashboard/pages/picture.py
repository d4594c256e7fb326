"""Serves pictures of events, only if the file is the one that was recorded.

A picture is asked for by its event; the path comes from the event's own records, and its bytes
are compared with the digest in them, so that a damaged picture is never shown.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import anyio.to_thread
from litestar import Request, Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from eventlog.dashboard.one_event import last_picture
from eventlog.dashboard.pages.cards import picture_key
from eventlog.dashboard.site import Site, site_of
from eventlog.facts import ThumbnailSaved
from eventlog.pictures import MAX_BYTES
from eventlog.pictures.small import card_webp, small_jpeg
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.projections import story
from eventlog.record import ID_MAX
from eventlog.storage.durable_files import open_plain

_JPEG: Final = b"\xff\xd8\xff"
_GONE: Final = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 320 180"><rect width="320" height="180"'
    ' fill="#888" fill-opacity=".25"/><g text-anchor="middle" font-family="sans-serif"'
    ' font-size="36" fill="#888"><text x="160" y="84">Picture</text>'
    '<text x="160" y="126">{}</text></g></svg>'
)


class Unfit(Exception):
    """A picture that may not be shown: its file is missing, or damaged."""


@get(["/events/{event_id:int}/picture", "/api/events/{event_id:int}/picture"])
async def picture(request: Request[Any, Any, Any], event_id: FromPath[int]) -> Response[bytes]:
    """The event's picture; a drawing that says so where it is missing or damaged."""
    site = site_of(request)
    fact = await _last(site, event_id)
    try:
        content = await anyio.to_thread.run_sync(contents, site.thumbnails, fact)
    except Unfit as unfit:
        return drawing(unfit)
    tag = f'"{sha256(content).hexdigest()}"'
    # To revalidate costs little, and a browser shows nothing after its session has ended.
    headers = {"cache-control": "private, no-cache", "etag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(b"", status_code=304, headers=headers)
    headers["content-disposition"] = f'inline; filename="event-{event_id}.jpg"'
    return Response(content, media_type="image/jpeg", headers=headers)


@get("/events/{event_id:int}/small/{key:str}")
async def small_picture(
    request: Request[Any, Any, Any], event_id: FromPath[int], key: FromPath[str]
) -> Response[bytes]:
    """A small rendition of the event's picture.

    The address has the picture's key (see `cards.picture_key`), so that a browser may keep it for
    good: another picture has another address.
    """
    return await _rendition(request, event_id, key, small_jpeg)


@get("/events/{event_id:int}/card/{key:str}")
async def card_picture(
    request: Request[Any, Any, Any], event_id: FromPath[int], key: FromPath[str]
) -> Response[bytes]:
    """What a card shows of the event's picture; the small rendition to a browser without WebP."""
    takes_webp = "image/webp" in request.headers.get("accept", "")
    answer = await _rendition(request, event_id, key, card_webp if takes_webp else small_jpeg)
    answer.headers["vary"] = "Accept"
    return answer


async def _rendition(
    request: Request[Any, Any, Any], event_id: int, key: str, make: Callable[[Path, bytes], bytes]
) -> Response[bytes]:
    site = site_of(request)
    fact = await _last(site, event_id)
    if key != picture_key(fact.path):
        raise NotFoundException
    try:
        content = await anyio.to_thread.run_sync(_made, site.thumbnails, fact, make)
    except Unfit as unfit:
        return drawing(unfit)
    headers = {"cache-control": "private, max-age=31536000, immutable"}
    media_type = "image/jpeg" if content.startswith(_JPEG) else "image/webp"
    return Response(content, media_type=media_type, headers=headers)


async def _last(site: Site, event_id: int) -> ThumbnailSaved:
    """The event's last picture. Raises NotFoundException if it has none."""
    if not 0 < event_id <= ID_MAX:
        raise NotFoundException
    stored = await site.pages.story(event_id)
    fact = last_picture([story.read(row) for row in stored if row.kind == "thumbnail_saved"])
    if fact is None:
        raise NotFoundException
    return fact


def drawing(unfit: Unfit) -> Response[bytes]:
    """A drawing that says why there is no picture."""
    drawn = _GONE.format(unfit).encode()
    return Response(drawn, status_code=404, media_type="image/svg+xml")


def condition(
    thumbnails: Thumbnails, fact: ThumbnailSaved | None
) -> tuple[str | None, tuple[int, int] | None]:
    """What is wrong with a picture, and its size in pixels where nothing is."""
    if fact is None:
        return None, None
    wrong = thumbnails.check(fact)
    if wrong is not None:
        return wrong, None
    if not fact.width_px or not fact.height_px:
        fact = thumbnails.describe(fact.path)
    if not fact.width_px or not fact.height_px:
        return None, None
    return None, (fact.width_px, fact.height_px)


def _made(
    thumbnails: Thumbnails, fact: ThumbnailSaved, make: Callable[[Path, bytes], bytes]
) -> bytes:
    """A rendition of an undamaged picture. Raises Unfit."""
    picture = contents(thumbnails, fact)
    path = thumbnails.find(fact.path)
    if path is None:
        raise Unfit("missing")
    try:
        return make(path, picture)
    except ValueError as error:
        raise Unfit("damaged") from error


def contents(thumbnails: Thumbnails, fact: ThumbnailSaved) -> bytes:
    """A picture's bytes. Raises Unfit, which says "missing" or "damaged"."""
    path = thumbnails.find(fact.path)
    if path is None:
        raise Unfit("missing")
    try:
        with open_plain(path) as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError as error:
        raise Unfit("missing") from error
    except OSError as error:
        raise Unfit("damaged") from error
    whole = fact.sha256 is None or sha256(content).digest() == fact.sha256
    if not whole or not content.startswith(_JPEG) or len(content) > MAX_BYTES:
        raise Unfit("damaged")
    return content
