"""`eventlog serve`: shows the dashboard in browsers.

The dashboard is an extra and slow to load, so it is imported when it is called. Knows no page.
"""

from __future__ import annotations

import asyncio
import errno
import os
import ssl
from collections.abc import Awaitable, Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Annotated, Final, TypeAlias

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.text import Text

from eventlog.cli.context import Context
from eventlog.cli.options import AtDesk, MustExist
from eventlog.cli.safe_text import safe
from eventlog.errors import BadArgument
from eventlog.journal import table as journal
from eventlog.record import Author
from eventlog.storage.error_translation import translated
from eventlog.store.event_store import EventStore

# What the extra `web` installs.
EXTRA: Final = frozenset(
    {
        "argon2",
        "confusable_homoglyphs",
        "jinja2",
        "litestar",
        "prometheus_client",
        "uvicorn",
        "zxcvbn",
    }
)
PORT_MAX: Final = 65535

# What runs with the open store while it is served.
Alongside: TypeAlias = Callable[[EventStore], Awaitable[None]]

Host = Annotated[str | None, Parameter(help="The address to listen at. [HOST, or 127.0.0.1]")]
Port = Annotated[
    int | None,
    Parameter(
        validator=Number(gte=0, lte=PORT_MAX),
        help="The TCP port; 0 lets the system choose. [PORT, or 8000]",
    ),
]
PublicUrl = Annotated[
    str | None,
    Parameter(
        help="The address that browsers know, https://door.example or http://vm.lan/door, where a"
        " proxy on this machine serves it."
    ),
]
HostNames = Annotated[
    tuple[str, ...],
    Parameter(
        name="--host-name",
        help="Another host name that it answers to, such as door.fritz.box; repeatable.",
    ),
]
Zone = Annotated[
    str | None,
    Parameter(help="The door's time zone, as Europe/Berlin. [TIME_ZONE, or the machine's]"),
]
Certificate = Annotated[Path | None, Parameter(help="TLS without a proxy: the certificate.")]
Key = Annotated[Path | None, Parameter(help="The certificate's key, if it is in a separate file.")]
ForgetSessions = Annotated[
    bool, Parameter(help="Sign everybody out first; otherwise sessions survive a restart.")
]

HstsDays = Annotated[
    int,
    Parameter(
        validator=Number(gte=0, lte=730),
        help="Days for which browsers must use https, if the public URL is https.",
    ),
]
ProxySecretFile = Annotated[
    Path | None,
    Parameter(help="A file with the secret that the proxy sends in X-Eventlog-Proxy."),
]
Socket = Annotated[
    Path | None, Parameter(help="Listen on this Unix socket, for a proxy, instead of a port.")
]
KeepFree = Annotated[
    int | None,
    Parameter(
        validator=Number(gte=0, lte=10**9),
        help="Disk space that pictures leave free, in MB. [500, or 5 % of the disk if less]",
    ),
]
IdleMinutes = Annotated[
    int,
    Parameter(
        validator=Number(gte=1, lte=90 * 24 * 60),
        help="Minutes after its last request at which a session ends, unless kept on its device.",
    ),
]
SessionHours = Annotated[
    int,
    Parameter(
        validator=Number(gte=1, lte=90 * 24),
        help="Hours after its sign-in at which a session ends, unless kept on its device.",
    ),
]
SECRET_MIN: Final = 32  # characters


def serve(
    *,
    host: Host = None,
    port: Port = None,
    public_url: PublicUrl = None,
    host_name: HostNames = (),
    zone: Zone = None,
    certificate: Certificate = None,
    key: Key = None,
    forget_sessions: ForgetSessions = False,
    hsts_days: HstsDays = 1,
    proxy_secret_file: ProxySecretFile = None,
    socket: Socket = None,
    keep_free_mb: KeepFree = None,
    idle_minutes: IdleMinutes = 30,
    session_hours: SessionHours = 12,
    must_exist: MustExist = None,
    context: AtDesk,
) -> int:
    """Serve the dashboard until Ctrl-C."""
    commands = load()
    _require_on_tls(certificate, key)
    context.require_writable()
    context.require_log(must_exist)
    if not _may_anybody_sign_in(context.db_path):
        context.note("there is no user yet; `eventlog user add NAME` adds one")
    host = context.settings.host if host is None else host
    port = _port(context.settings.port) if port is None else port
    try:
        run(
            commands,
            context,
            host=host,
            port=port,
            alongside=_notary(context),
            keys_dir=context.settings.keys_dir or None,
            time_zone=context.settings.time_zone if zone is None else zone,
            public_url=public_url,
            host_names=host_name,
            certificate=None if certificate is None else str(certificate),
            key=None if key is None else str(key),
            forget_sessions=forget_sessions,
            hsts_days=hsts_days,
            proxy_secret=_proxy_secret(proxy_secret_file),
            unix_socket=None if socket is None else str(socket),
            keep_free_mb=keep_free_mb,
            idle_s=min(idle_minutes * 60, session_hours * 3600),
            longest_s=session_hours * 3600,
        )
    except OSError as error:
        raise BadArgument(f"{host}, port {port}, can't be listened at: {_why(error)}") from error
    return 0


def _notary(context: Context) -> Alongside | None:
    """What signs heads while the log is served, where there is a folder of keys."""
    folder = context.keys_dir
    if folder is None:
        return None

    async def sign(store: EventStore) -> None:
        from eventlog.reactors import notary_settings  # noqa: PLC0415 - an extra signs

        await notary_settings.of_log(
            context.db_path,
            await store.reader.run(journal.log_id),
            folder,
            context.settings.head_to,
            append=partial(store.append, writer=Author("part", "notary")),
            nudge=store.reader.nudge,
        ).run()

    return sign


def load() -> ModuleType:
    """The dashboard's commands. Raises BadArgument if the extra is missing."""
    try:
        from eventlog.dashboard import run as commands  # noqa: PLC0415 - an extra, and slow to load
    except ModuleNotFoundError as error:
        if error.name not in EXTRA:
            raise
        raise BadArgument(
            f"the dashboard needs an extra ({error.name} is missing):"
            " in the checkout, pip install '.[web]'"
        ) from error
    return commands


def run(
    commands: ModuleType,
    context: Context,
    *,
    host: str,
    port: int,
    alongside: Alongside | None = None,
    **others: str | bool | int | tuple[str, ...] | None,
) -> None:
    """Serve the context's log until Ctrl-C. Raises what `commands.serve` raises."""

    def say(text: str) -> None:
        context.out.print(Text(safe(text)), soft_wrap=True)  # or an address could not be clicked
        context.out.file.flush()

    asyncio.run(
        commands.serve(
            str(context.db_path),
            str(context.thumbnails_dir),
            host=host,
            port=port,
            alongside=alongside,
            say=say,
            **others,
        )
    )


def is_taken(error: OSError) -> bool:
    """Whether another program listens there."""
    return error.errno == errno.EADDRINUSE


def _may_anybody_sign_in(path: Path) -> bool:
    from eventlog.dashboard.accounts import database as accounts  # noqa: PLC0415 - an extra, and slow to load
    from eventlog.dashboard.accounts import users  # noqa: PLC0415 - likewise

    file = accounts.accounts_path(path)
    with translated(file), closing(accounts.connect(file)) as connection:
        return users.count(connection) > 0


def _why(error: OSError) -> str:
    return "another program listens there" if is_taken(error) else str(error.strerror or error)


def _require_on_tls(certificate: Path | None, key: Path | None) -> None:
    """Raise BadArgument for files that can't be used for TLS, before a log is made."""
    if certificate is None:
        if key is not None:
            raise BadArgument("--key belongs to a --certificate")
        return
    for file in (certificate, key):
        if file is not None and not (file.is_file() and os.access(file, os.R_OK)):
            raise BadArgument(f"{file} can't be read")
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key)
    except ssl.SSLError as error:
        raise BadArgument(f"{certificate} holds no certificate with its key") from error


def _proxy_secret(file: Path | None) -> str:
    """The secret in a file, '' without one. Raises BadArgument for one that is too short."""
    if file is None:
        return ""
    try:
        secret = file.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadArgument(f"{file} can't be read as a secret") from error
    if len(secret) < SECRET_MIN:
        raise BadArgument(f"the secret in {file} has fewer than {SECRET_MIN} characters")
    return secret


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= PORT_MAX):
        raise BadArgument(f"PORT: {text!r} is not a port; ports are 0 to {PORT_MAX}")
    return int(text)
