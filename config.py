"""The deployment's settings, from the environment.

An attribute reads its variable when it is used, so a change of the environment after the import
counts. Imports nothing of eventlog: the library takes paths as arguments.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Final, Generic, TypeVar

T = TypeVar("T")

PORT_MAX: Final = 65535


class Setting(Generic[T]):
    """One attribute of `Config`: its variable in the environment, or the default.

    The variable bears the attribute's name. An empty one counts as not set. Raises ValueError,
    naming the variable, where its text is not a valid value.
    """

    def __init__(self, default: T, parse: Callable[[str], T]) -> None:
        self.default = default
        self.parse = parse
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object, owner: type | None = None) -> T:
        text = os.environ.get(self.name, "")
        if not text:
            return self.default
        try:
            return self.parse(text)
        except ValueError as error:
            message = f"{self.name} in the environment: {error}"
            raise ValueError(message) from error


def port(text: str) -> int:
    """A TCP port, 0 to 65535; 0 lets the system choose."""
    if not (text.isascii() and text.isdigit() and int(text) <= PORT_MAX):
        raise ValueError(f"{text!r} is not a port; ports are 0 to {PORT_MAX}")
    return int(text)


def switch(text: str) -> bool:
    """Whether something is on: 1, true, yes or on; off: 0, false, no or off."""
    if text.lower() in {"1", "true", "yes", "on"}:
        return True
    if text.lower() in {"0", "false", "no", "off"}:
        return False
    raise ValueError(f"{text!r} is neither yes nor no")


class Config:
    """Paths, addresses and switches of the deployment. Attributes of the class itself."""

    DB_PATH = Setting("./events.db", str)
    """The database with the journal and the read tables."""

    THUMBNAILS_DIR = Setting("./thumbnails", str)
    """The folder of JPEG files."""

    HOST = Setting("127.0.0.1", str)
    """The address that the dashboard listens at."""

    PORT = Setting(8000, port)
    """The dashboard's TCP port."""

    MUST_EXIST = Setting(False, switch)  # noqa: FBT003 - the default, as with the others
    """Whether the log must exist: then `serve` and `ingest` make no new one."""

    TIME_ZONE = Setting("", str)
    """The IANA name of the zone that times are shown in, which are stored in UTC. Empty: the
    machine's."""

    KEYS_DIR = Setting("", str)
    """The folder of keys, never inside the log's own folder. Empty: heads are not signed."""

    HEAD_TO = Setting("", str)
    """Where signed heads go: file:, exec: and witness: places, parted by semicolons."""

    LOG_NAME = Setting("", str)
    """The domain that the log's name begins with in signed heads. Empty: eventlog.invalid."""
