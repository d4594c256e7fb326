"""The page Faces: strangers as faces, and "this is …", which names one by a fact.

A crop shows the face of one record in its event's picture. A name that is given here is a
`face_result` given by a person; without a name it takes a name back.
"""

from __future__ import annotations

import sqlite3
from datetime import UTC
from typing import Any, Final

import anyio.to_thread
from litestar import Request, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath
from litestar.response import Redirect
from msgspec import Struct

from eventlog.dashboard import filters, queries
from eventlog.dashboard.local_time import exact, instant, with_offset
from eventlog.dashboard.one_event import last_picture
from eventlog.dashboard.pages import face_boxes
from eventlog.dashboard.pages.cards import picture_key
from eventlog.dashboard.pages.picture import Unfit, contents, drawing
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import Site, site_of, visitor_of
from eventlog.facts import Box, FaceResult, ThumbnailSaved
from eventlog.pictures.small import face_jpeg
from eventlog.pictures.thumbnails import Thumbnails
from eventlog.projections import story
from eventlog.projections.event_list import Before
from eventlog.record import ID_MAX, Record

EVENTS: Final = 24  # of one page
NAMES_MAX: Final = 200
_WAIT_S: Final = 2.0

# Strangers' faces with a box, of the newest events with a picture.
_STRANGERS: Final = (
    "SELECT e.id, e.listed_at, e.thumbnail_path, f.id FROM"
    " (SELECT id, listed_at, thumbnail_path FROM events WHERE face_recognised = 0"
    " AND thumbnail_path IS NOT NULL AND (:at IS NULL OR (listed_at, id) < (:at, :id))"
    " ORDER BY listed_at DESC, id DESC LIMIT :limit) e"
    " LEFT JOIN face_results f ON f.event_id = e.id AND f.name IS NULL AND f.box_x1 IS NOT NULL"
    " AND f.box_y1 IS NOT NULL AND f.box_x2 IS NOT NULL AND f.box_y2 IS NOT NULL"
    " ORDER BY e.listed_at DESC, e.id DESC, f.id"
)


class Boxed(Struct, frozen=True):
    """A face of an event that has a box, and its number among these."""

    number: int
    position: int
    box: Box
    track: str | None


@get("/faces")
async def faces(request: Request[Any, Any, Any]) -> Response[str]:
    """The page; `before` is the cursor of the page before it."""
    site = site_of(request)
    before = filters.before(request.query_params)
    found, names, following = await site.figures.run(lambda c: _found(c, before))
    return page(
        request,
        "faces.html",
        events=[
            {**event, "exact": exact(instant(event["listed_at"]), site.zone)} for event in found
        ],
        names=names,
        following=None if following is None else filters.address("/faces", {"before": following}),
    )


@get("/events/{event_id:int}/faces/{face:int}/{key:str}")
async def face_picture(
    request: Request[Any, Any, Any],
    event_id: FromPath[int],
    face: FromPath[int],
    key: FromPath[str],
) -> Response[bytes]:
    """The face of one record, cut out of its event's picture; `key` is the picture's."""
    site = site_of(request)
    boxed, fact = await _boxed(site, event_id, face)
    if fact is None or key != picture_key(fact.path):
        raise NotFoundException
    try:
        content = await anyio.to_thread.run_sync(_cropped, site.thumbnails, fact, boxed)
    except Unfit as unfit:
        return drawing(unfit)
    headers = {"cache-control": "private, max-age=31536000, immutable"}
    return Response(content, media_type="image/jpeg", headers=headers)


@post("/events/{event_id:int}/name")
async def name(request: Request[Any, Any, Any], event_id: FromPath[int]) -> Redirect:
    """Say who is to be seen in an event; without a name, that it is a stranger."""
    site = site_of(request)
    form = await request.form()
    face = filters.whole_number(str(form.get("face", "")))
    boxed = None
    if face is not None:
        boxed, _ = await _boxed(site, event_id, face)
    fact = FaceResult(
        name=str(form.get("name", "")).strip() or None,
        box=None if boxed is None else boxed.box,
        track=None if boxed is None else boxed.track,
        given_by="person",
        recorded_at=site.now.astimezone(UTC),
    )
    receipt = await site.store.append(
        fact, event_id=event_id, writer=visitor_of(request).author("faces")
    )
    await site.wait_for_views(receipt.positions[-1], _WAIT_S)
    to = "/faces" if form.get("back") == "faces" else f"/events/{event_id}"
    return Redirect(to, status_code=303)


def boxed_faces(records: list[Record | story.Unread]) -> list[Boxed]:
    """The faces of an event's records that have a box, in their order."""
    found: list[Boxed] = []
    for record in records:
        fact = record.fact if isinstance(record, Record) else None
        if isinstance(fact, FaceResult) and fact.box is not None and fact.given_by != "person":
            found.append(Boxed(len(found), record.position, fact.box, fact.track))
    return found


async def _boxed(site: Site, event_id: int, position: int) -> tuple[Boxed, ThumbnailSaved | None]:
    """The face of a record, and its event's picture. Raises NotFoundException."""
    if not 0 < event_id <= ID_MAX:
        raise NotFoundException
    stored = await site.pages.story(event_id)
    kept = [row for row in stored if row.kind in {"face_result", "thumbnail_saved"}]
    records = await anyio.to_thread.run_sync(lambda: [story.read(row) for row in kept])
    for face in boxed_faces(records):
        if face.position == position:
            return face, last_picture(records)
    raise NotFoundException


def _cropped(thumbnails: Thumbnails, fact: ThumbnailSaved, face: Boxed) -> bytes:
    picture = contents(thumbnails, fact)
    path = thumbnails.find(fact.path)
    if path is None:
        raise Unfit("missing")
    described = fact if fact.width_px and fact.height_px else thumbnails.describe(fact.path)
    corners = face_boxes.corners(face.box, described.width_px or 0, described.height_px or 0)
    if corners is None:
        raise Unfit("without this face")
    try:
        return face_jpeg(path, picture, face.number, corners)
    except ValueError as error:
        raise Unfit("damaged") from error


def _found(
    connection: sqlite3.Connection, before: Before | None
) -> tuple[list[dict[str, Any]], list[str], str | None]:
    at, event_id = (None, None) if before is None else before
    found: dict[int, dict[str, Any]] = {}
    values = {"at": at, "id": event_id, "limit": EVENTS + 1}
    for number, listed_at, path, face in connection.execute(_STRANGERS, values):
        event = found.setdefault(
            number,
            {
                "id": number,
                "listed_at": listed_at,
                "at": with_offset(listed_at),
                "picture": picture_key(path),
                "faces": [],
            },
        )
        if face is not None:
            event["faces"].append(face)
    events = list(found.values())
    names = [row[1] for row in queries.persons_after(connection, "", NAMES_MAX)]
    shown = events[:EVENTS]
    more = len(events) > EVENTS
    following = filters.cursor(shown[-1]["listed_at"], shown[-1]["id"]) if more else None
    return shown, names, following
