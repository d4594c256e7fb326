"""How far the log is durable, signed, kept outside and witnessed, for metrics and monitors."""

from __future__ import annotations

from typing import Any

import anyio.to_thread
from litestar import Request
from msgspec import Struct

from eventlog.dashboard.accounts import roles
from eventlog.dashboard.site import Site, visitor_of
from eventlog.evidence import outside
from eventlog.journal.head_file import read_mark


class Positions(Struct, frozen=True):
    """Positions of the journal; `outside_age_s` is the newest outside head's, None without one."""

    durable: int
    signed: int
    kept: int
    witnessed: int
    outside_age_s: float | None


async def positions(site: Site) -> Positions:
    """The positions now."""
    path = site.settings.db_path
    heads = await anyio.to_thread.run_sync(outside.read, path) or outside.Outside()
    mark, _ = await anyio.to_thread.run_sync(read_mark, path)
    return Positions(
        durable=0 if mark is None else mark.durable_position,
        signed=heads.signed,
        kept=heads.kept,
        witnessed=heads.witnessed,
        outside_age_s=heads.age_s(int(site.clock() * 1e6)),
    )


def may_know(request: Request[Any, Any, Any]) -> bool:
    """Whether who asks may read positions, and asks for JSON: strangers get one word."""
    if "application/json" not in request.headers.get("accept", ""):
        return False
    visitor = visitor_of(request)
    if visitor.token is not None:
        return visitor.token.may_read
    return visitor.is_known and roles.may(visitor.role, "GET", "/metrics")
