"""Serves the dashboard, for the command line.

Reads no configuration and prints nothing but through `say`.
"""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from eventlog.dashboard.accounts import sessions, users
from eventlog.dashboard.accounts.sessions import Lifetimes
from eventlog.dashboard.addresses import host_name
from eventlog.dashboard.addresses import public_url as parsed_url
from eventlog.dashboard.app import make_app
from eventlog.dashboard.local_time import zone
from eventlog.dashboard.running import Running
from eventlog.dashboard.server.rlimits import forbid_core_files
from eventlog.dashboard.server.uvicorn_server import Server, listen, listen_unix, make_server
from eventlog.dashboard.site import Settings, Site, open_desk
from eventlog.errors import BadArgument
from eventlog.storage.shield import shielded
from eventlog.storage.system_zone import system_zone
from eventlog.store.event_store import EventStore

log: Final = logging.getLogger("eventlog")

DEMO_USER: Final = "demo"
DAY_S: Final = 24 * 3600
MINUTE_S: Final = 60

Alongside = Callable[[EventStore], Awaitable[None]]


async def serve(
    db_path: str,
    thumbnails_dir: str,
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    time_zone: str = "",
    public_url: str | None = None,
    certificate: str | None = None,
    key: str | None = None,
    sign_in_link: bool = False,
    forget_sessions: bool = False,
    hsts_days: int = 1,
    proxy_secret: str = "",
    unix_socket: str | None = None,
    keep_free_mb: int | None = None,
    host_names: Iterable[str] = (),
    alongside: Alongside | None = None,
    say: Callable[[str], None] = print,
    store: EventStore | None = None,
    running: Running | None = None,
    keys_dir: str | None = None,
    idle_s: float = sessions.IDLE_S,
    longest_s: float = sessions.LONGEST_S,
) -> None:
    """Serve the dashboard of a log until SIGINT or SIGTERM.

    Args:
        db_path: the log's database.
        thumbnails_dir: its pictures.
        host: the address to listen at.
        port: the TCP port; 0 lets the system choose.
        time_zone: the door's, an IANA name; '' is the machine's.
        public_url: the address that browsers know, with the path that a proxy on this machine
            serves it under, https://door.example/log or http://vm.lan.
        certificate: a file, for TLS without a proxy.
        key: the certificate's key, None if it is in the same file.
        sign_in_link: say a one-time link that signs in without a password; for the demo's log.
        forget_sessions: sign everybody out first; else sessions outlive a restart.
        hsts_days: for how many days browsers keep to https, where `public_url` is there.
        proxy_secret: what the proxy sends in X-Eventlog-Proxy; only then, or over a unix socket,
            do its forwarded addresses count.
        keep_free_mb: room on the disk that no picture takes; None is 500 MB or 5 % of the disk,
            whichever is smaller.
        unix_socket: the path of a socket to listen at instead of host and port.
        host_names: Other host names that it answers to, such as door.fritz.box.
        alongside: what runs with the open store meanwhile.
        say: what takes a line for the owner.
        keys_dir: the folder of keys, where this machine is a witness of other logs.
        store: the log, open already, where the dashboard is a part of a running door.
        idle_s: after how many seconds without a request a session ends.
        longest_s: after how many seconds a session ends in any case, unless it is kept on its
            device.
        running: that door: it answers the signals, and ends the dashboard by cancelling it.

    Raises BadArgument for settings that can't be, and for a host beyond loopback while no user
    has a password; DatabaseError; OSError where the address can't be had.
    """
    settings = _settings(
        db_path,
        thumbnails_dir,
        time_zone=time_zone,
        public_url=public_url,
        host_names=host_names,
        tls=certificate,
        hsts_days=hsts_days,
        proxy_secret=proxy_secret,
        keys_dir=keys_dir,
        keep_free_mb=keep_free_mb,
        lifetimes=_lifetimes(idle_s, longest_s),
    )
    forbid_core_files()
    async with open_desk(settings, store) as site:
        site.running = running
        local = unix_socket is not None or _is_loopback(host)
        if not local and not await site.accounts.run(users.count):
            raise BadArgument(
                f"no user has a password yet, so {host} is not listened at;"
                " add one with `eventlog user add NAME`, or listen at 127.0.0.1"
            )
        if forget_sessions:
            await site.accounts.run(sessions.end_everybodys)
        with closing(_bound(host, port, unix_socket)) as bound:
            address = (public_url or _address(bound, tls=certificate is not None)).rstrip("/")
            say(f"The dashboard is at {address}/")
            if not settings.secure and (not local or public_url is not None):
                say(
                    "Warning: without TLS everybody on the network can read passwords and pages;"
                    " use --certificate, or a proxy and --public-url"
                )
            if sign_in_link:
                say(f"Sign in once, within an hour: {address}/sign-in#{await _make_link(site)}")
            server = make_server(
                make_app(site),
                site.broadcast.close,
                certificate=certificate,
                key=key,
                behind_proxy=settings.behind_proxy,
            )
            if running is not None:
                server.has_signals = False
            with _started_objects_kept():
                await _run(_until_cancelled(server, bound), alongside, site)


@contextmanager
def _started_objects_kept() -> Iterator[None]:
    """Leave what the start has made out of garbage collection while it serves.

    A full collection goes through all of it and stops every request for 40 ms, again and again.
    """
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


async def _until_cancelled(server: Server, bound: socket.socket) -> None:
    """Serve; a cancellation ends it as a signal does, with the answers that are under way."""
    serving = asyncio.ensure_future(server.serve([bound]))
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        server.should_exit = True
        await asyncio.wait([serving])
        raise


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
            await shielded(_ended(beside))  # the signal that ends us cancels this as well


async def _ended(beside: asyncio.Future[None]) -> None:
    await asyncio.wait([beside])


def _tell_failure(beside: asyncio.Future[None]) -> None:
    error = None if beside.cancelled() else beside.exception()
    if error is not None:
        log.error("what ran alongside the dashboard failed", exc_info=error)


async def _make_link(site: Site) -> str:
    now = site.now_s
    user_id = await site.accounts.run(lambda c: users.add(c, DEMO_USER, None, now, role="owner"))
    return await site.accounts.run(lambda c: sessions.make_link(c, user_id, now))


def _bound(host: str, port: int, unix_socket: str | None) -> socket.socket:
    return listen(host, port) if unix_socket is None else listen_unix(Path(unix_socket))


def _lifetimes(idle_s: float, longest_s: float) -> Lifetimes:
    """The limits of sessions. Raises BadArgument for what can't be one."""
    if not MINUTE_S <= idle_s <= longest_s <= sessions.KEPT_S:
        raise BadArgument(
            "a session lasts from a minute without a request to 90 days in all, and no longer"
            " without a request than in all"
        )
    return Lifetimes(idle_s=int(idle_s), longest_s=int(longest_s))


def _settings(
    db_path: str,
    thumbnails_dir: str,
    *,
    time_zone: str,
    public_url: str | None,
    tls: str | None,
    hsts_days: int,
    proxy_secret: str,
    host_names: Iterable[str] = (),
    keys_dir: str | None = None,
    keep_free_mb: int | None = None,
    lifetimes: Lifetimes = sessions.LIFETIMES,
) -> Settings:
    public = None if public_url is None else parsed_url(public_url)
    secure = tls is not None or (public is not None and public.secure)
    return Settings(
        db_path=Path(db_path),
        thumbnails_dir=Path(thumbnails_dir),
        zone=zone(time_zone or system_zone()),
        hosts=frozenset(map(host_name, host_names)) | ({public.host} if public else set()),
        origins=frozenset({public.origin} if public else ()),
        prefix=public.prefix if public else "",
        secure=secure,
        hsts_s=hsts_days * DAY_S if public is not None and public.secure else 0,
        behind_proxy=public is not None,
        proxy_secret=proxy_secret,
        keys_dir=None if keys_dir is None else Path(keys_dir),
        keep_free_bytes=None if keep_free_mb is None else keep_free_mb * 1_000_000,
        lifetimes=lifetimes,
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError as error:
        raise BadArgument(f"{host!r} is not an address to listen at, such as 127.0.0.1") from error


def _address(bound: socket.socket, *, tls: bool) -> str:
    if bound.family == socket.AF_UNIX:
        return f"the unix socket {bound.getsockname()}"
    host, port = bound.getsockname()[:2]
    named = f"[{host}]" if ":" in host else host
    return f"{'https' if tls else 'http'}://{named}:{port}"
