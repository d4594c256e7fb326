"""The section of the page Account with the devices that are notified by web push."""

from __future__ import annotations

import base64
import sqlite3
from datetime import UTC, datetime
from typing import Any

from litestar import Request

from eventlog.dashboard.accounts import push_devices, users
from eventlog.dashboard.accounts.push_devices import PushDevice
from eventlog.dashboard.accounts.secrets import hash_of
from eventlog.dashboard.accounts.sessions import Session
from eventlog.dashboard.local_time import exact
from eventlog.dashboard.site import Site


async def shown(request: Request[Any, Any, Any], site: Site, session: Session) -> dict[str, Any]:
    """The door's key, '' where no channel is web push, and the devices: an owner sees everybody's.

    Devices are shown without a key as well, so that they can be removed.
    """
    key = None if site.running is None else site.running.push_key()
    whose = None if session.role == "owner" else session.user_id

    def look(connection: sqlite3.Connection) -> tuple[list[PushDevice], dict[int, str]]:
        return push_devices.listed(connection, whose), users.names(connection)

    found, names = await site.accounts.run(look)
    browser = browser_of(request, site)
    return {
        "key": "" if key is None else base64.urlsafe_b64encode(key).rstrip(b"=").decode(),
        "devices": [
            {
                "id": one.id,
                "device": one.device or "Unknown device",
                "of": "" if one.user_id == session.user_id else names.get(one.user_id, ""),
                "here": browser != b"" and one.browser_hash == browser,
                "failure": one.failure,
                "is_old": key is not None and one.server_key != key,
                "made": _times(site, one.created_at),
                "sent": None if one.last_sent_at is None else _times(site, one.last_sent_at),
            }
            for one in found
        ],
    }


def browser_of(request: Request[Any, Any, Any], site: Site) -> bytes:
    """The hash of the cookie by which a browser is known, b"" if it has none."""
    cookie = request.cookies.get(site.cookies.device, "")
    return hash_of(cookie) if cookie else b""


def _times(site: Site, seconds: int) -> dict[str, str]:
    at = datetime.fromtimestamp(seconds, UTC)
    return {"at": at.isoformat().replace("+00:00", "Z"), "exact": exact(at, site.zone)}
