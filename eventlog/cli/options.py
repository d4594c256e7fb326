"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, TypeAlias

from cyclopts import Parameter
from cyclopts.validators import Number

from eventlog.cli.context import Context
from eventlog.errors import BadArgument
from eventlog.record import ID_MAX

# Passed by `app.py`; not an option.
AtDesk: TypeAlias = Annotated[Context, Parameter(parse=False)]

AsJson: TypeAlias = Annotated[bool, Parameter(name="--json", help="Answer in JSON, for programs.")]
MustExist: TypeAlias = Annotated[
    bool | None,
    Parameter(
        negative="--may-be-new",
        help="Make no new log: a path without one is an error. [MUST_EXIST, or no]",
    ),
]
# The file name that means the standard input or output.
STANDARD: Final = Path("-")


def require_file(name: str, path: Path) -> None:
    """Raise BadArgument for `-`: a database can't go to the standard output."""
    if path == STANDARD:
        raise BadArgument(
            f"{name} is a new database file and can't be the standard output; `eventlog export -`"
            " writes the journal there"
        )


# Positions and ids are SQLite integers; a list has a sane length.
POSITION: Final = Number(gte=0, lte=ID_MAX)
LIMIT: Final = Number(gte=0, lte=2**31 - 1)
