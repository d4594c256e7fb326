"""The types of config values: durations, hours, ports, secrets.

A secret is named by a file (`password_file`) or by a variable of the environment
(`password = "env:NAME"`), and read when it is used; a secret in the config itself is refused.
"""

from __future__ import annotations

import os
import re
from datetime import time
from pathlib import Path
from typing import Annotated, Final, TypeAlias

from msgspec import Meta

from eventlog.errors import BadArgument
from eventlog.evidence.small_files import read_given

_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SPAN: Final = re.compile(r"([0-9]{1,7})(ms|s|m|h|d)")

# A length of time: 500ms, 30s, 5m, 2h, 30d.
Span: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9]{1,7}(ms|s|m|h|d)\Z")]
Port: TypeAlias = Annotated[int, Meta(ge=1, le=65535)]
# A secret by the name of the variable that holds it.
FromEnvironment: TypeAlias = Annotated[str, Meta(pattern=r"\Aenv:[A-Za-z_][A-Za-z0-9_]*\Z")]
# A time window of each day, local: 23:00-06:00.
Hours: TypeAlias = Annotated[
    str, Meta(pattern=r"\A([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]\Z")
]


def seconds(span: str) -> float:
    """A length of time in seconds; "all" is forever."""
    if span == "all":
        return float("inf")
    match = _SPAN.fullmatch(span)
    if match is None:
        raise BadArgument(f"{span!r} is not a length of time; write 30s, 5m, 2h or 30d")
    return int(match[1]) * _UNITS[match[2]]


def hours(window: str) -> tuple[time, time]:
    """The beginning and the end of a daily window; it spans midnight where it ends earlier."""
    start, _, end = window.partition("-")
    return time.fromisoformat(start), time.fromisoformat(end)


def secret(name: str, from_environment: str | None, file: str | None) -> str | None:
    """A secret, from the environment or a file; None if neither is given.

    Raises:
        BadArgument: the variable is not set, or the file can't be read or is empty.
    """
    if from_environment is not None:
        variable = from_environment.removeprefix("env:")
        value = os.environ.get(variable, "")
        if not value:
            raise BadArgument(f"{name}: the environment has no {variable}")
        return value
    if file is None:
        return None
    try:
        value = read_given(Path(file)).decode().strip()
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise BadArgument(f"{name}_file: {file} can't be read: {why}") from error
    if not value:
        raise BadArgument(f"{name}_file: {file} is empty")
    return value
