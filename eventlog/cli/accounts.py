"""`eventlog user` and `token`: who may look at the dashboard, and which programs may."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from eventlog.cli.context import Context
from eventlog.cli.options import AtDesk
from eventlog.cli.serve import load
from eventlog.errors import BadArgument
from eventlog.storage.error_translation import translated

Add = Annotated[Literal["add"], Parameter(name="ACTION", show_choices=False, help="add")]
Name = Annotated[str, Parameter(name="NAME", help="What it is called.")]
Scope = Annotated[
    list[Literal["read", "append"]],
    Parameter(help="What it may do; may be given twice."),
]


def user(action: Add, name: Name, /, *, context: AtDesk) -> int:
    """Add a user of the dashboard, or give one a new password."""
    assert action == "add"  # noqa: S101 - there is no other
    commands = load()
    path = context.db_path
    commands.check_user(name)
    password = _password(lambda typed: commands.check_user(name, typed))
    with translated(_accounts_path(path)):
        commands.add_user(str(path), name, password)
    context.say(f"{name} may sign in to the dashboard of {path}")
    _remark_missing(path, context)
    return 0


def token(action: Add, name: Name, /, *, scope: Scope, context: AtDesk) -> int:
    """Make a token for a program, and show it once."""
    assert action == "add"  # noqa: S101 - there is no other
    commands = load()
    with translated(_accounts_path(context.db_path)):
        secret = commands.add_token(str(context.db_path), name, scope)
    context.say(secret)
    context.note("this is shown once: keep it where the program finds it, and nobody else")
    _remark_missing(context.db_path, context)
    return 0


def _accounts_path(path: Path) -> Path:
    from eventlog.dashboard.accounts import database  # noqa: PLC0415 - an extra, and slow to load

    return database.accounts_path(path)


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
        return sys.stdin.readline().rstrip("\r\n")
    try:
        first = getpass.getpass("Password: ")
        check(first)
        again = getpass.getpass("Again: ")
    except EOFError as error:
        raise BadArgument("no password was given") from error
    if first != again:
        raise BadArgument("the two passwords differ; nothing is changed")
    return first
