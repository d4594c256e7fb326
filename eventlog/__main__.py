"""The composition root: the one place that reads the deployment's configuration.

Knows no command: those are in `eventlog/cli/`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from eventlog.cli.context import Settings

DEFAULTS: Final = {
    "DB_PATH": "./events.db",
    "THUMBNAILS_DIR": "./thumbnails",
    "TIME_ZONE": "",
    "HOST": "127.0.0.1",
    "PORT": "8000",
    "MUST_EXIST": "no",
    "KEYS_DIR": "",
    "HEAD_TO": "",
    "LOG_NAME": "",
}
ON: Final = frozenset({"1", "true", "yes", "on"})
OFF: Final = frozenset({"0", "false", "no", "off"})


def main() -> None:
    """Run the command line and exit with its exit code."""
    from eventlog.cli.app import run

    sys.exit(run(sys.argv[1:], load_settings))


def load_settings() -> Settings:
    """Load the settings, each from `config.Config`, else from the environment, else its default.

    A pipeline's own `config.py` may have only some of the names.
    Raises BadArgument if `config.py` can't be imported or a value has the wrong type.
    """
    from eventlog.cli.context import Settings

    config = _config()
    values = {name: _value(config, name) for name in DEFAULTS}
    return Settings(
        db_path=values["DB_PATH"],
        thumbnails_dir=values["THUMBNAILS_DIR"],
        time_zone=values["TIME_ZONE"],
        host=values["HOST"],
        port=values["PORT"],
        must_exist=_switch("MUST_EXIST", values["MUST_EXIST"]),
        keys_dir=values["KEYS_DIR"],
        head_to=values["HEAD_TO"],
        log_name=values["LOG_NAME"],
    )


def _config() -> object:
    """The deployment's `Config`, or None."""
    from eventlog.errors import BadArgument

    try:
        with _from_here():
            import config
    except ModuleNotFoundError as error:
        if error.name == "config":
            return None
        raise BadArgument(f"config.py can't be imported: {error}") from error
    except Exception as error:
        raise BadArgument(
            f"config.py can't be imported: {type(error).__name__}: {error}"
        ) from error
    return getattr(config, "Config", None)


@contextmanager
def _from_here() -> Iterator[None]:
    """Also import from the current folder, as `python -m` does but an installed command does not.

    Python's option -P and PYTHONSAFEPATH leave the folder out in both cases.
    """
    try:
        here = str(Path.cwd())
    except FileNotFoundError:  # it was deleted
        here = ""
    if not here or sys.flags.safe_path or {here, ""} & set(sys.path):
        yield
        return
    sys.path.insert(0, here)
    try:
        yield
    finally:
        sys.path.remove(here)


def _value(config: object, name: str) -> str:
    from eventlog.errors import BadArgument

    try:
        value = getattr(config, name, None)
    except ValueError as error:
        raise BadArgument(str(error)) from error
    if value is None:
        return os.environ.get(name, "") or DEFAULTS[name]
    if name in {"PORT", "MUST_EXIST"} and isinstance(value, int):
        return str(value)
    if not isinstance(value, str | os.PathLike):
        raise BadArgument(f"Config.{name} is a {type(value).__name__}, not a path or text")
    return str(value)


def _switch(name: str, text: str) -> bool:
    from eventlog.errors import BadArgument

    if text.lower() not in ON | OFF:
        raise BadArgument(f"{name}: {text!r} is neither yes nor no")
    return text.lower() in ON


if __name__ == "__main__":
    main()
