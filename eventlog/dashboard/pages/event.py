"""The page Event: the picture with its boxes, the story in order, the raw facts; live.

Reads the read tables, and the event's records for its story. A long story is shown in parts, and
every page is made in a thread: it may take a second.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import anyio.to_thread
from litestar import Request, Response, get
from litestar.params import FromPath
from msgspec.structs import replace

from eventlog.dashboard import filters
from eventlog.dashboard.listing import events_asked
from eventlog.dashboard.local_time import local
from eventlog.dashboard.names import isolated
from eventlog.dashboard.one_event import Looked, looked_at, off_the_loop, writer_words
from eventlog.dashboard.pages import boxes, cards, event_story, faces, neighbours, today
from eventlog.dashboard.pages import picture as pictures
from eventlog.dashboard.pages.event_story import Part
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import Site, site_of
from eventlog.evidence import outside
from eventlog.projections import late, story
from eventlog.record import instant as record_instant

DETECTIONS_MAX: Final = 200  # that the page draws
FACES_MAX: Final = 12  # crops that the page shows
LIVE_WAIT_S: Final = 2.0


@get("/events/{event_id:int}")
async def event(request: Request[Any, Any, Any], event_id: FromPath[int]) -> Response[str]:
    """The page."""
    return await _shown(request, event_id)


@get("/events/{event_id:int}/live")
async def live(request: Request[Any, Any, Any], event_id: FromPath[int]) -> Response[str]:
    """The page again, once the views have the record that a stream has announced."""
    site = site_of(request)
    await site.wait_for_views(
        min(filters.position(request.query_params), site.broadcast.last), LIVE_WAIT_S
    )
    return await _shown(request, event_id)


async def _shown(request: Request[Any, Any, Any], event_id: int) -> Response[str]:
    site = site_of(request)
    # Read before the event: what comes in between is sent by the stream, not lost.
    position = site.broadcast.last
    await today.note_seen(request, event_id)
    within = (await events_asked(request)).query
    looked = await looked_at(site, event_id, most=DETECTIONS_MAX)
    beside = await neighbours.of_event(request, looked.event)
    part = event_story.part_of(request.query_params, len(looked.stored))
    words = await writer_words(site)
    wrong, size = await anyio.to_thread.run_sync(
        pictures.condition, site.thumbnails, looked.picture
    )
    heads = await anyio.to_thread.run_sync(outside.read, site.settings.db_path)
    ends = looked.stored and (looked.stored[0].position, looked.stored[-1].position)
    return await off_the_loop(
        lambda: page(
            request,
            "event.html",
            picture=looked.picture,
            wrong=wrong,
            size=size,
            boxes=[] if size is None else drawn(looked, *size),
            faces=[] if size is None else faces.boxed_faces(looked.records)[:FACES_MAX],
            # Views may know an event whose records a restored journal has lost.
            anchored=outside.anchored(heads, *ends, _short(site)) if ends else None,
            provable=0 if heads is None else heads.signed,
            position=position,
            beside=beside,
            **_addresses(event_id, within, part),
            **_told(site, looked, part, words),
        )
    )


def _addresses(event_id: int, within: dict[str, str], part: Part) -> dict[str, Any]:
    """Where the page leads: back to the list that it was opened from, and to the other parts."""
    path = f"/events/{event_id}"
    here = within if part.number == 1 else {**within, "part": str(part.number)}
    return {
        "back": filters.address("/", within),
        "live": filters.address(f"{path}/live", here),
        "part": part,
        "earlier": filters.address(path, within, part=str(part.number - 1))
        if part.number > 1
        else None,
        "later": filters.address(path, within, part=str(part.number + 1))
        if part.number < part.count
        else None,
    }


def _told(site: Site, looked: Looked, part: Part, words: late.Words) -> dict[str, Any]:
    """What the page says of the event, and this part of its story."""
    names = isolated(looked.names)
    told = story.tell(
        story.relabelled(looked.records, looked.people),
        names,
        late.remarks(looked.stored, words),
        part=part.slice,
    )
    authors = late.authors(looked.stored)
    records, stored = looked.records[part.slice], looked.stored[part.slice]
    card = cards.card(looked.event, names, site.zone)
    if looked.labels is not None:
        card = replace(card, seen=cards.counted_labels(looked.labels))
    return {
        "card": card,
        "told": told,
        "steps": [
            event_story.step(one, line, site.zone)
            for one, line in zip(records, told.lines, strict=True)
        ],
        "raw": [
            event_story.raw(*pair, words(authors.get(pair[0].position)))
            for pair in zip(stored, records, strict=True)
        ],
    }


def _short(site: Site) -> Callable[[int], str]:
    """A time of today as the time of day, any other with its date."""

    def show(at_us: int) -> str:
        at = local(record_instant(at_us), site.zone)
        today = local(site.now, site.zone).date()
        return f"{at:%H:%M}" if at.date() == today else f"{at:%Y-%m-%d %H:%M}"

    return show


def drawn(looked: Looked, width_px: int, height_px: int) -> list[boxes.Rectangle]:
    """The boxes over the picture: objects first, faces above them."""
    frames = {one.position: one.box for one in faces.boxed_faces(looked.records)}
    objects = [boxes.of_detection(d, width_px, height_px) for d in looked.event["detections"]]
    drawn_faces = [
        boxes.of_face(
            face,
            looked.names.get(name, name) or "stranger",
            frames.get(face["id"]),
            width_px,
            height_px,
        )
        for face in looked.faces
        for name in (face["name"] or "",)
    ]
    return [box for box in (*objects, *drawn_faces) if box is not None]
