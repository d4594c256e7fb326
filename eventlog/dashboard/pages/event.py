"""The page Event: the picture with its boxes, the story in order, the raw facts.

Reads the read tables, and the event's records for its story.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import anyio.to_thread
import msgspec
from litestar import Request, Response, get
from litestar.params import FromPath
from msgspec import Struct

from eventlog import codecs
from eventlog.dashboard.local_time import exact, local, with_offset
from eventlog.dashboard.names import isolated
from eventlog.dashboard.one_event import Looked, looked_at, writer_words
from eventlog.dashboard.pages import boxes, cards
from eventlog.dashboard.pages import picture as pictures
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.site import Site, site_of
from eventlog.evidence import outside
from eventlog.facts import FaceResult
from eventlog.followers.cursor import of_row
from eventlog.projections import late, story
from eventlog.projections.times import canonical, shown_us
from eventlog.record import Record, StoredRecord
from eventlog.record import instant as record_instant

SCALE_END: Final = 1.2  # the distance at a scale's right end, unless a distance is further
_SIGNS: Final = {
    "motion": "motion",
    "ding": "ding",
    "detection": "seen",
    "face_result": "face",
    "unlock_action": "door",
    "thumbnail_saved": "picture",
    "alert_sent": "alert",
}


class Scale(Struct, frozen=True):
    """A face's distance against its tolerance, as parts of a scale's length, in percent."""

    distance: float
    tolerance: float | None
    distance_at: float
    tolerance_at: float | None
    within: bool


class Step(Struct, frozen=True, kw_only=True):
    """One line of the story."""

    position: int
    sign: str
    at: str
    exact: str
    clock: str
    happened: bool
    text: str
    scale: Scale | None


class Raw(Struct, frozen=True):
    """A record as it is stored."""

    position: int
    kind: str
    hash: str
    appended_at: str
    writer: str
    key: str | None
    fact: str


@get("/events/{event_id:int}")
async def event(request: Request[Any, Any, Any], event_id: FromPath[int]) -> Response[str]:
    """The page."""
    site = site_of(request)
    looked = await looked_at(site, event_id)
    names = isolated(looked.names)
    words = await writer_words(site)
    told = story.tell(looked.records, names, late.remarks(looked.stored, words))
    authors = late.authors(looked.stored)
    saved = looked.picture
    wrong, size = await anyio.to_thread.run_sync(pictures.condition, site.thumbnails, saved)
    heads = await anyio.to_thread.run_sync(outside.read, site.settings.db_path)
    ends = looked.stored[0].position, looked.stored[-1].position
    return page(
        request,
        "event.html",
        card=cards.card(looked.event, names, site.zone),
        told=told,
        steps=[
            _step(one, line, site) for one, line in zip(looked.records, told.lines, strict=True)
        ],
        raw=[
            _raw(*pair, words(authors.get(pair[0].position)))
            for pair in zip(looked.stored, looked.records, strict=True)
        ],
        picture=saved,
        wrong=wrong,
        size=size,
        boxes=[] if size is None else drawn(looked, *size),
        anchored=outside.anchored(heads, *ends, _short(site)),
        provable=0 if heads is None else heads.signed,
    )


def _short(site: Site) -> Callable[[int], str]:
    """A time of today as the time of day, any other with its date."""

    def show(at_us: int) -> str:
        at = local(record_instant(at_us), site.zone)
        today = local(site.now, site.zone).date()
        return f"{at:%H:%M}" if at.date() == today else f"{at:%Y-%m-%d %H:%M}"

    return show


def drawn(looked: Looked, width_px: int, height_px: int) -> list[boxes.Rectangle]:
    """The boxes over the picture: objects first, faces above them."""
    objects = [boxes.of_detection(d, width_px, height_px) for d in looked.event["detections"]]
    faces = [
        boxes.of_face(face, looked.names.get(name, name) or "stranger", width_px, height_px)
        for face in looked.faces
        for name in (face["name"] or "",)
    ]
    return [box for box in (*objects, *faces) if box is not None]


# ── the story ──────────────────────────────────────────────────────────────────────────────


def _step(record: Record | story.Unread, line: story.Line, site: Site) -> Step:
    fact = record.fact if isinstance(record, Record) else None
    return Step(
        position=line.position,
        sign=_SIGNS.get(line.kind, "other"),
        at=with_offset(canonical(line.at)),
        exact=exact(line.at, site.zone),
        clock=f"{local(line.at, site.zone):%H:%M:%S}",
        happened=line.happened,
        text=line.text,
        scale=_scale(fact) if isinstance(fact, FaceResult) else None,
    )


def _scale(face: FaceResult) -> Scale | None:
    if face.distance is None:
        return None
    end = max(SCALE_END, face.distance * 1.1, (face.tolerance or 0.0) * 1.1)
    return Scale(
        distance=face.distance,
        tolerance=face.tolerance,
        distance_at=round(100 * face.distance / end, 2),
        tolerance_at=None if face.tolerance is None else round(100 * face.tolerance / end, 2),
        within=face.tolerance is not None and face.distance <= face.tolerance,
    )


def _raw(stored: StoredRecord, record: Record | story.Unread, writer: str) -> Raw:
    if isinstance(record, Record):
        plain = msgspec.json.encode(codecs.to_builtins(record.fact))
        text = msgspec.json.format(plain, indent=2).decode()
    else:
        text = record.reason
    appended_at = shown_us(stored.appended_at)
    return Raw(
        position=stored.position,
        kind=str(stored.kind),
        hash=of_row(stored).hash,
        appended_at="not a date" if appended_at is None else with_offset(appended_at),
        writer=writer,
        key=stored.key,
        fact=text,
    )
