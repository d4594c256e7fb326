"""The composition root: the one place where the deployment's configuration meets eventlog.

Knows no command: `eventlog/cli/` does.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from eventlog.cli.context import Settings

DEFAULTS: Final = {
    "DB_PATH": "./events.db",
    "THUMBNAILS_DIR": "./thumbnails",
    "TIME_ZONE": "UTC",
    "HOST": "127.0.0.1",
    "PORT": "8000",
}


def main() -> None:
    """Run the command line, and leave with its exit code."""
    from eventlog.cli.app import run

    sys.exit(run(sys.argv[1:], load_settings))


def load_settings() -> Settings:
    """What `config.Config` says, where there is one; else the environment; else the defaults.

    Each name is looked for by itself, since a pipeline's own `config.py` may have some only.
    Raises BadArgument where `config.py` can't be imported, or holds no text under a name.
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
    )


def _config() -> object:
    """The deployment's `Config`, or None."""
    from eventlog.errors import BadArgument

    try:
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


def _value(config: object, name: str) -> str:
    from eventlog.errors import BadArgument

    try:
        value = getattr(config, name, None)
    except ValueError as error:
        raise BadArgument(str(error)) from error
    if value is None:
        return os.environ.get(name, "") or DEFAULTS[name]
    if name == "PORT" and isinstance(value, int):
        return str(value)
    if not isinstance(value, str | os.PathLike):
        raise BadArgument(f"Config.{name} is a {type(value).__name__}, not a path or text")
    return str(value)


if __name__ == "__main__":
    main()
