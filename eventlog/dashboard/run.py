"""What the command line calls: serve the dashboard, add a user, add a token.

Plain functions; they read no configuration and print nothing but through `say`.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
import time
from collections.abc import Awaitable, Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from eventlog.dashboard.accounts import database as accounts
from eventlog.dashboard.accounts import sessions, tokens, users
from eventlog.dashboard.accounts import throttle as attempts
from eventlog.dashboard.accounts.tokens import Scope
from eventlog.dashboard.app import make_app
from eventlog.dashboard.local_time import zone
from eventlog.dashboard.server.rlimits import forbid_core_files
from eventlog.dashboard.server.uvicorn_server import listen, make_server
from eventlog.dashboard.site import Settings, Site, open_desk
from eventlog.errors import BadArgument
from eventlog.store.event_store import EventStore

log: Final = logging.getLogger("eventlog")

DEMO_USER: Final = "demo"

Alongside = Callable[[EventStore], Awaitable[None]]


async def serve(
    db_path: str,
    thumbnails_dir: str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    time_zone: str = "UTC",
    public_url: str | None = None,
    certificate: str | None = None,
    key: str | None = None,
    sign_in_link: bool = False,
    forget_sessions: bool = False,
    alongside: Alongside | None = None,
    say: Callable[[str], None] = print,
) -> None:
    """Serve the dashboard of a log until SIGINT or SIGTERM.

    `public_url` is the address that a proxy on this machine gives it, by https. `certificate`
    and `key` are files, for TLS without one. `sign_in_link` says a one-time link that signs in
    without a password; for the demo's log. `forget_sessions` signs everybody out first, who else
    stays signed in over a restart. `alongside` runs with the open store meanwhile.

    Raises BadArgument for settings that can't be, and for a host beyond loopback while no user
    has a password; DatabaseError; OSError where the address can't be had.
    """
    settings = _settings(
        db_path, thumbnails_dir, time_zone=time_zone, public_url=public_url, tls=certificate
    )
    forbid_core_files()
    async with open_desk(settings) as site:
        if not _is_loopback(host) and not await site.accounts.run(users.count):
            raise BadArgument(
                f"no user has a password yet, so {host} is not listened at;"
                " add one with `eventlog user add NAME`, or listen at 127.0.0.1"
            )
        if forget_sessions:
            await site.accounts.run(sessions.end_everybodys)
        with closing(listen(host, port)) as bound:
            address = (public_url or _address(bound, tls=certificate is not None)).rstrip("/")
            say(f"The dashboard is at {address}/")
            if sign_in_link:
                say(f"Sign in once, within an hour: {address}/sign-in#{await _make_link(site)}")
            server = make_server(
                make_app(site),
                site.broadcast.close,
                certificate=certificate,
                key=key,
                behind_proxy=public_url is not None,
            )
            await _run(server.serve([bound]), alongside, site)


def add_user(db_path: str, name: str, password: str) -> None:
    """Make a user, or give one a new password, which ends the user's sessions.

    Guesses that were made are forgotten: who calls this has the machine itself. Raises
    BadArgument, DatabaseError, OSError.
    """
    with closing(accounts.connect(accounts.accounts_path(Path(db_path)))) as connection:
        users.add(connection, name, password, int(time.time()))
        attempts.forget(connection)


def check_user(name: str, password: str | None = None) -> None:
    """Raise BadArgument for what `add_user` would refuse, before more is asked for."""
    users.check_name(name)
    if password is not None:
        users.check_password(password)


def add_token(db_path: str, name: str, scopes: Iterable[Scope]) -> str:
    """Make an API token; the answer is its secret, which nobody can be shown again.

    Raises BadArgument, DatabaseError, OSError.
    """
    with closing(accounts.connect(accounts.accounts_path(Path(db_path)))) as connection:
        return tokens.add(connection, name, set(scopes), int(time.time()))


async def _run(serving: Awaitable[None], alongside: Alongside | None, site: Site) -> None:
    beside = None
    if alongside is not None:
        beside = asyncio.ensure_future(alongside(site.store))
        beside.add_done_callback(_tell_failure)
    try:
        await serving
    finally:
        if beside is not None:
            beside.cancel()
            await asyncio.wait([beside])


def _tell_failure(beside: asyncio.Future[None]) -> None:
    error = None if beside.cancelled() else beside.exception()
    if error is not None:
        log.error("what ran alongside the dashboard failed", exc_info=error)


async def _make_link(site: Site) -> str:
    now = site.now_s
    user_id = await site.accounts.run(lambda c: users.add(c, DEMO_USER, None, now))
    return await site.accounts.run(lambda c: sessions.make_link(c, user_id, now))


def _settings(
    db_path: str, thumbnails_dir: str, *, time_zone: str, public_url: str | None, tls: str | None
) -> Settings:
    hosts: frozenset[str] = frozenset()
    if public_url is not None:
        parts = urlsplit(public_url)
        if parts.scheme != "https" or not parts.hostname or parts.path not in {"", "/"}:
            raise BadArgument("a public URL is https:// and a name, as https://door.example")
        hosts = frozenset({parts.hostname})
    return Settings(
        db_path=Path(db_path),
        thumbnails_dir=Path(thumbnails_dir),
        zone=zone(time_zone),
        hosts=hosts,
        secure=public_url is not None or tls is not None,
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError as error:
        raise BadArgument(f"{host!r} is no address to listen at; one is 127.0.0.1") from error


def _address(bound: socket.socket, *, tls: bool) -> str:
    host, port = bound.getsockname()[:2]
    named = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{named}:{port}"
