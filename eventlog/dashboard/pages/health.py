"""The page Health, the health check for monitors, and the metrics for Prometheus.

`/health` says one word to anybody: "ok" with 200, else what is wrong with 503. The page,
`/metrics` and `/health` as JSON say the rest to those who may know.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any, Final

import anyio.to_thread
from litestar import Request, Response, get
from msgspec import to_builtins

from eventlog.dashboard import queries
from eventlog.dashboard.local_time import exact, instant, with_offset
from eventlog.dashboard.one_event import writer_words
from eventlog.dashboard.pages import health_devices, health_doubts, health_parts
from eventlog.dashboard.pages.positions import may_know, positions
from eventlog.dashboard.pages.templating import page
from eventlog.dashboard.server.metrics import Figures
from eventlog.dashboard.server.view_lag import ViewLag, stand
from eventlog.dashboard.site import Site, site_of
from eventlog.errors import EventLogError
from eventlog.evidence import outside
from eventlog.followers import checkpoints
from eventlog.followers.checkpoints import Parked
from eventlog.journal import table as journal
from eventlog.maintenance.retention_rule import in_words
from eventlog.maintenance.room import room
from eventlog.maintenance.status import names_status
from eventlog.projections.late import Words
from eventlog.projections.times import shown_us
from eventlog.storage.paths import verified_path, wal_path
from eventlog.storage.side_files import read_side_file
from eventlog.storage.sqlite_version import has_wal_fault
from eventlog.storage.wal_file import bytes_in_use

ANSWER_S: Final = 1.0  # a log that does not answer within this time is stuck
LOW_DISK: Final = 64 * 1024 * 1024
PARKED_SHOWN: Final = 50
SENTENCES: Final = {
    "ok": "All is well.",
    "failing": "A part of the dashboard failed, and is started again.",
    "behind": "A view lags and does not move.",
    "blocked": "A program that writes the log hangs, so nothing can be written.",
    "stuck": "The log does not answer.",
    "unreadable": "The log can't be reached: its disk fails, or is missing.",
    "read-only": "The log can be read, not written.",
    "full": "The disk is nearly full.",
    "unproved": "Heads are not signed, or do not get out of this machine.",
}
THUMBNAILS_COUNTED: Final = 100_000


@get("/health")
async def word(request: Request[Any, Any, Any]) -> Response[Any]:
    """One word for a monitor; as JSON, for those who may know, the positions as well."""
    site = site_of(request)
    standing, said = await judged(site)
    status = 200 if said == "ok" else 503
    if not may_know(request):
        return Response(said, status_code=status, media_type="text/plain")
    head = 0 if standing is None else standing.head
    known = {"health": said, "head": head, **to_builtins(await positions(site))}
    return Response(known, status_code=status, media_type="application/json")


@get("/metrics")
async def metrics(request: Request[Any, Any, Any]) -> Response[bytes]:
    """The figures for Prometheus."""
    site = site_of(request)
    standing, said = await judged(site)
    standing = standing or ViewLag(0, {}, {})
    path = site.settings.db_path
    at = await positions(site)
    wal, size, free = await anyio.to_thread.run_sync(_sizes, path)
    measured = Figures(
        head=standing.head,
        lags={view: max(0, standing.head - seen) for view, seen in standing.views.items()},
        parked={view: standing.parked.get(view, 0) for view in standing.views},
        wal_bytes=wal,
        database_bytes=size,
        disk_free_bytes=free,
        streams=site.streams.count,
        healthy=said == "ok",
        sources={} if site.running is None else site.running.sources(),
        restarts={}
        if site.running is None
        else {name: part.restarts for name, part in site.running.parts().items()},
        durable=at.durable,
        signed=at.signed,
        kept=at.kept,
        witnessed=at.witnessed,
        outside_age_s=at.outside_age_s,
    )
    text = site.metrics.exposition(measured)
    return Response(text, media_type="text/plain; version=0.0.4")


@get("/status")
async def status(request: Request[Any, Any, Any]) -> Response[str]:
    """The page."""
    site = site_of(request)
    standing, said = await judged(site)
    cameras: list[tuple[str, str]] = []
    parked: list[Parked] = []
    if standing is not None:
        cameras, parked = await site.figures.run(
            lambda c: (queries.cameras_last_seen(c), checkpoints.parked(c, limit=PARKED_SHOWN))
        )
    path = site.settings.db_path
    wal, size, free = await anyio.to_thread.run_sync(_sizes, path)
    verified = await anyio.to_thread.run_sync(_verified, path)
    doubts = health_doubts.doubts(cameras, verified, site.now, site.zone) if said == "ok" else []
    concerns: list[str] = []
    known: list[dict[str, Any]] = []
    if standing is not None:
        concerns, known = await site.figures.run(_devices(site, await writer_words(site)))
    doubts = [*concerns, *doubts]
    door_troubles = [] if site.running is None else site.running.troubles()
    unsure = said == "ok" and bool(doubts or door_troubles)
    return page(
        request,
        "health.html",
        tone="doubt" if unsure else "good" if said == "ok" else "bad",
        verdict=health_doubts.UNSURE if unsure else SENTENCES[said],
        doubts=doubts,
        devices=known,
        standing=standing,
        troubles=site.troubles(),
        accounts_writable=site.accounts.writable,
        parked=parked,
        parked_count=0 if standing is None else sum(standing.parked.values()),
        cameras=[
            {"name": name, "at": with_offset(at), "exact": exact(instant(at), site.zone)}
            for name, at in cameras
        ],
        wal=_bytes(wal),
        size=_bytes(size),
        free=_bytes(free),
        thumbnails=await anyio.to_thread.run_sync(_thumbnails, site.settings.thumbnails_dir),
        verified=_shown_verification(verified, site),
        heads=await anyio.to_thread.run_sync(_heads, site),
        names=None if standing is None else await _names(site),
        kept=in_words(None) if site.running is None else site.running.kept(),
        room=None
        if standing is None
        else await site.figures.run(lambda connection: _room(connection, site)),
        sqlite=sqlite3.sqlite_version,
        sqlite_old=has_wal_fault(sqlite3.sqlite_version),
        streams=site.streams.count,
        door_troubles=door_troubles,
        around=None if standing is None else await health_parts.shown(site),
        channels=[] if site.running is None else site.running.channels(),
    )


def _devices(
    site: Site, writers: Words
) -> Callable[[sqlite3.Connection], tuple[list[str], list[dict[str, Any]]]]:
    """What reads what somebody should look at, and the devices."""
    return lambda connection: (
        health_devices.concerns(connection, site.zone),
        health_devices.known_devices(connection, site.zone, writers),
    )


def _shown_verification(verified: dict[str, Any] | None, site: Site) -> dict[str, Any] | None:
    """What the last `verify` left, with its time at the door."""
    if verified is None:
        return None
    at = health_doubts.verification_time(verified)
    return {**verified, "exact": verified["at"] if at is None else exact(at, site.zone)}


async def judged(site: Site) -> tuple[ViewLag | None, str]:
    """The positions of the log, None if it does not answer, and one word for its health."""
    try:
        async with asyncio.timeout(ANSWER_S):
            standing = await site.figures.run(stand)
    except TimeoutError:
        return None, "stuck"
    except EventLogError:
        return None, "unreadable"
    word = _word(site, standing, asyncio.get_running_loop().time())
    if word != "ok":
        return standing, word
    try:
        _, _, free = await anyio.to_thread.run_sync(_sizes, site.settings.db_path)
    except OSError:
        return standing, "unreadable"
    if free < LOW_DISK:
        return standing, "full"
    heads = await anyio.to_thread.run_sync(outside.read, site.settings.db_path)
    fault = None if heads is None else heads.fault(int(site.clock() * 1e6))
    return standing, "ok" if fault is None else "unproved"


def _heads(site: Site) -> dict[str, Any] | None:
    """How far heads are signed and kept; None if the log has no key."""
    known = outside.read(site.settings.db_path)
    if known is None:
        return None
    return {
        "signed": known.signed,
        "fault": known.fault(int(site.clock() * 1e6)),
        "places": [
            {
                "name": place.name,
                "size": place.size,
                "at": None if place.at_us is None else with_offset(shown_us(place.at_us) or ""),
                "exact": _exact_us(place.at_us, site),
            }
            for place in known.places
        ],
    }


async def _names(site: Site) -> dict[str, Any]:
    """Whether names are sealed, and how old the second place of the keys is."""
    now_us = int(site.clock() * 1e6)
    known = await site.pages.run(
        lambda c: names_status(c, site.settings.keys_dir, journal.log_id(c), now_us)
    )
    days = None if known.backup_age_s is None else int(known.backup_age_s // 86_400)
    return {
        "sealed": known.sealed,
        "lost": known.lost,
        "not_kept": known.not_kept,
        "old": known.backup_is_old,
        "days": days,
    }


def _exact_us(at_us: int | None, site: Site) -> str:
    shown = None if at_us is None else shown_us(at_us)
    return "" if shown is None else exact(instant(shown), site.zone)


def _word(site: Site, standing: ViewLag, now: float) -> str:
    """What is wrong but for the disk's room, in a word."""
    if site.write_probe.word != "ok":
        return site.write_probe.word
    if site.troubles():
        return "failing"
    stream = ViewLag(standing.head, {"the live stream": site.broadcast.last}, {})
    if site.watch.stands_still(standing, now) or site.stream_watch.stands_still(stream, now):
        return "behind"
    return "ok"


def _room(connection: sqlite3.Connection, site: Site) -> dict[str, str]:
    """How much room is taken, and how much more each month."""
    settings = site.settings
    now_us = int(site.clock() * 1e6)
    taken = room(connection, settings.db_path, settings.thumbnails_dir, now_us)
    return {
        "pictures": _bytes(taken.picture_bytes),
        "month": _bytes(taken.month_bytes),
        "month_pictures": _bytes(taken.month_picture_bytes),
    }


def _sizes(path: Path) -> tuple[int, int, int]:
    """Bytes of the WAL in use, of the database, and free on its disk."""
    return bytes_in_use(wal_path(path)), path.stat().st_size, shutil.disk_usage(path.parent).free


def _thumbnails(folder: Path) -> str:
    """How many pictures there are; a folder of many is not counted to its end."""
    try:
        with os.scandir(folder) as files:
            number = sum(1 for _ in islice(files, THUMBNAILS_COUNTED + 1))
    except FileNotFoundError:
        return "none yet"
    if number > THUMBNAILS_COUNTED:
        return f"more than {THUMBNAILS_COUNTED:,}"
    return f"{number:,}"


VERIFIED_SIZE_MAX: Final = 65536


def _verified(path: Path) -> dict[str, Any] | None:
    """What the last `verify` left in its file; None if there is none."""
    try:
        found = json.loads(read_side_file(verified_path(path), VERIFIED_SIZE_MAX))
        return {"at": str(found["at"]), "ok": found["ok"] is True, "said": str(found["said"])}
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _bytes(number: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:  # noqa: PLR2004 - the step between units
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"
