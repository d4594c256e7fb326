"""`eventlog ring login FILE`: asks for Ring's password and code once, and stores the token."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from eventlog.cli.options import AtDesk
from eventlog.errors import BadArgument
from eventlog.run import ring as tokens

Login = Annotated[Literal["login"], Parameter(name="ACTION", show_choices=False, help="login")]
TokenFile = Annotated[Path, Parameter(name="FILE", help="Where the token is kept.")]


async def ring(action: Login, token_file: TokenFile, /, *, context: AtDesk) -> int:
    """Sign in to Ring once."""
    assert action == "login"  # noqa: S101 - there is no other
    try:
        from ring_doorbell import Requires2FAError, RingError  # noqa: PLC0415 - an extra

        from eventlog.sources.live.ring import sign_in  # noqa: PLC0415 - likewise
    except ModuleNotFoundError as error:
        raise BadArgument("python-ring-doorbell is missing; it is in the extra `ring`") from error
    if not sys.stdin.isatty():
        raise BadArgument("a password is asked for: call this on a terminal")
    user = _asked("Ring account (e-mail): ")
    password = getpass.getpass("Password: ")
    try:
        try:
            token = await sign_in(user, password, None)
        except Requires2FAError:
            token = await sign_in(user, password, _asked("The code that Ring sent: "))
    except RingError as error:
        raise BadArgument(f"Ring refuses: {type(error).__name__}") from error
    tokens.write(token_file, token)
    context.say(f"the token is in {token_file}; name it as token_file of the source")
    return 0


def _asked(question: str) -> str:
    return input(question).strip()
