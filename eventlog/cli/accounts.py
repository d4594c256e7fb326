"""`eventlog user` and `token`: who may use the dashboard, and which programs may."""

from __future__ import annotations

import getpass
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, Literal, TypeVar

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.table import Table

from eventlog.cli.context import Context
from eventlog.cli.options import AsJson, AtDesk
from eventlog.cli.safe_text import safe
from eventlog.cli.serve import load
from eventlog.errors import BadArgument
from eventlog.storage.error_translation import translated

T = TypeVar("T")

DAY_S = 24 * 3600
_LINE_MAX = 4096  # characters of a password that is piped in; a longer one is refused

Role = Literal["owner", "viewer", "kiosk"]
UserAction = Annotated[
    Literal["add", "list", "remove", "role", "link"],
    Parameter(name="ACTION", show_choices=False, help="add, list, remove, role or link"),
]
TokenAction = Annotated[
    Literal["add", "list", "revoke"],
    Parameter(name="ACTION", show_choices=False, help="add, list or revoke"),
]
Name = Annotated[str | None, Parameter(name="NAME", help="The name of the user or token.")]
NewRole = Annotated[
    Role | None, Parameter(name="ROLE", help="The new role: owner, viewer or kiosk.")
]
RoleOption = Annotated[
    Role | None,
    Parameter(help="What a new user may do. [owner for the first user, else viewer]"),
]
Scope = Annotated[
    list[Literal["read", "append"]] | None,
    Parameter(help="What it may do; repeatable.", negative=()),
]
Kind = Annotated[
    list[str] | None, Parameter(help="A kind of facts that it may append. [all]", negative=())
]
Camera = Annotated[
    list[str] | None, Parameter(help="A camera that it may append for. [all]", negative=())
]
JoinDays = Annotated[
    int | None,
    Parameter(
        validator=Number(gte=0, lte=36500), help="It may add to events up to this age, in days. [1]"
    ),
]
KeysOf = Annotated[
    str | None,
    Parameter(help="A source whose idempotency keys it shares, such as ring. [its own keys]"),
]
Days = Annotated[
    int | None,
    Parameter(validator=Number(gte=1, lte=36500), help="Days after which it ends. [never]"),
]


def user(
    action: UserAction,
    name: Name = None,
    new_role: NewRole = None,
    /,
    *,
    role: RoleOption = None,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """Add, list or remove users of the dashboard, give one another role or a one-time code."""
    commands = _manage()
    path = str(context.db_path)
    if action == "list":
        _list_users(context, _told(context, lambda: commands.list_users(path)), as_json=as_json)
        return 0
    name = _required(name, f"eventlog user {action} NAME")
    if action == "add":
        _add_user(context, commands, name, role)
    elif action == "remove":
        _told(context, lambda: commands.remove_user(path, name))
        context.say(f"{name} and all sessions and tokens of {name} are removed")
    elif action == "link":
        context.say(_told(context, lambda: commands.make_link(path, name)))
        context.note("it signs in once, within an hour, on the dashboard's page /sign-in")
    else:
        wanted = _required(new_role, f"eventlog user role {name} owner|viewer|kiosk")
        _told(context, lambda: commands.change_role(path, name, wanted))
        context.say(f"{name} is {'an' if wanted == 'owner' else 'a'} {wanted} now")
    return 0


def token(
    action: TokenAction,
    name: Name = None,
    /,
    *,
    scope: Scope = None,
    kind: Kind = None,
    camera: Camera = None,
    join_days: JoinDays = None,
    keys_of: KeysOf = None,
    days: Days = None,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """Make, list or revoke tokens for programs; a new one is shown once."""
    commands = _manage()
    path = str(context.db_path)
    if action == "list":
        found, names = _told(context, lambda: commands.list_tokens(path))
        _list_tokens(context, found, names, as_json=as_json)
        return 0
    name = _required(name, f"eventlog token {action} NAME")
    if action == "revoke":
        _told(context, lambda: commands.revoke_token(path, name))
        context.say(f"the token {name} is revoked")
        return 0
    if not scope:
        raise BadArgument("name what it may do: --scope read, --scope append, or both")
    limits = commands.Limits(
        kinds=None if kind is None else tuple(kind),
        cameras=None if camera is None else tuple(camera),
        join_s=(1 if join_days is None else join_days) * DAY_S,
        key_space=keys_of,
        ends_at=None if days is None else int(time.time()) + days * DAY_S,
    )
    secret = _told(context, lambda: commands.add_token(path, name, scope, limits))
    _show_once(context, commands, name, secret)
    _remark_missing(context.db_path, context)
    return 0


# ── users ──────────────────────────────────────────────────────────────────────────────────


def _add_user(context: Context, commands: ModuleType, name: str, role: Role | None) -> None:
    commands.check_user(name)
    password = _password(lambda typed: commands.check_user(name, typed))
    _told(context, lambda: commands.add_user(str(context.db_path), name, password, role))
    context.say(f"{name} may sign in to the dashboard of {context.db_path}")
    _remark_missing(context.db_path, context)


def _list_users(context: Context, found: list[Any], *, as_json: bool) -> None:
    if as_json:
        for one in found:
            context.json({"name": one.name, "role": one.role, "created_at": _at(one.created_at)})
        return
    table = Table("name", "role", "two-step", "added", box=None)
    for one in found:
        two_step = "on" if one.totp_secret is not None else "off"
        table.add_row(safe(one.name), one.role, two_step, _shown(context, one.created_at))
    context.draw(table)


# ── tokens ─────────────────────────────────────────────────────────────────────────────────


def _show_once(context: Context, commands: ModuleType, name: str, secret: str) -> None:
    """Show a new token's secret; one that can't be shown is revoked again."""
    try:
        context.say(secret)
        context.out.file.flush()
    except BaseException:
        _told(context, lambda: commands.revoke_token(str(context.db_path), name))
        context.note("the token could not be shown, so it is revoked again")
        raise
    context.note("this is shown once: store it where only the program can read it")


def _list_tokens(
    context: Context, found: list[Any], names: dict[int, str], *, as_json: bool
) -> None:
    if as_json:
        for one in found:
            context.json(
                {
                    "name": one.name,
                    "scopes": one.scopes,
                    "owner": None if one.owner_id is None else names.get(one.owner_id),
                    "created_at": _at(one.created_at),
                    "last_used_at": _at(one.last_used_at),
                    "ends_at": _at(one.limits.ends_at),
                }
            )
        return
    table = Table("name", "may", "owner", "last used", "ends", box=None)
    for one in found:
        owner = "this machine" if one.owner_id is None else names.get(one.owner_id, "")
        used, ends = one.last_used_at, one.limits.ends_at
        table.add_row(
            safe(one.name),
            ", ".join(one.scopes),
            safe(owner),
            "never" if used is None else _shown(context, used),
            "never" if ends is None else _shown(context, ends),
        )
    context.draw(table)


# ── both ───────────────────────────────────────────────────────────────────────────────────


def _manage() -> ModuleType:
    """What is done with accounts. Raises BadArgument if the extra is missing."""
    load()
    from eventlog.dashboard import manage  # noqa: PLC0415 - an extra, and slow to load

    return manage


def _told(context: Context, function: Callable[[], T]) -> T:
    """The answer of a function on the accounts; its errors name the accounts file."""
    from eventlog.dashboard.accounts import database  # noqa: PLC0415 - an extra, and slow to load

    with translated(database.accounts_path(context.db_path)):
        return function()


def _required(value: str | None, usage: str) -> Any:  # noqa: ANN401 - a name or a role
    if value is None:
        raise BadArgument(f"something is missing: {usage}")
    return value


def _at(seconds: int | None) -> str | None:
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


def _shown(context: Context, seconds: int) -> str:
    return f"{context.local(datetime.fromtimestamp(seconds, UTC)):%Y-%m-%d %H:%M}"


def _remark_missing(path: Path, context: Context) -> None:
    """A name that was mistyped must not be found out at the first sign-in."""
    if not path.exists():
        context.note(f"there is no log at {path} yet; `eventlog serve` makes it")


def _password(check: Callable[[str], None]) -> str:
    """The new password: asked for twice on a terminal, else a line of the standard input.

    `check` refuses one that can't be, before it is asked for again. Raises BadArgument.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise BadArgument("the standard input is closed, so no password can be asked for")
    if not sys.stdin.isatty():
        return sys.stdin.readline(_LINE_MAX).rstrip("\r\n")
    try:
        first = getpass.getpass("Password: ")
        check(first)
        again = getpass.getpass("Again: ")
    except EOFError as error:
        raise BadArgument("no password was given") from error
    if first != again:
        raise BadArgument("the two passwords differ; nothing is changed")
    return first
