"""`eventlog run`: the one process of a door, as its config describes it.

Its own log goes to the standard error: lines for a terminal, JSON for journald.
"""

from __future__ import annotations

import logging
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from cyclopts import Parameter

from eventlog.cli.context import Context
from eventlog.cli.options import AtDesk
from eventlog.cli.safe_text import safe
from eventlog.run import check as checks
from eventlog.run.config_file import DEFAULT_PATH
from eventlog.run.process import run_door

ConfigPath = Annotated[Path, Parameter(name="--config", help="Its config. [/etc/eventlog.toml]")]
Check = Annotated[bool, Parameter(help="Check the config and its connections; start nothing.")]
LogLevel = Annotated[
    Literal["debug", "info", "warning", "error"], Parameter(help="What is logged. [info]")
]
LogFormat = Annotated[
    Literal["text", "json"] | None,
    Parameter(help="How it is logged. [json under systemd, else text]"),
]
# systemd sets it for a process whose standard error is the journal's.
JOURNAL: Final = "JOURNAL_STREAM"
# journald's numbers for the levels of `logging`.
_PRIORITY: Final = {"DEBUG": 7, "INFO": 6, "WARNING": 4, "ERROR": 3, "CRITICAL": 2}


async def run(
    *,
    config: ConfigPath = DEFAULT_PATH,
    check: Check = False,
    log_level: LogLevel = "info",
    log_format: LogFormat = None,
    context: AtDesk,
) -> int:
    """Run the door that a config describes."""
    if check:
        return await _check(config, context)
    _set_logging(log_level, log_format or ("json" if os.environ.get(JOURNAL) else "text"))
    await run_door(config, say=logging.getLogger("eventlog").info)
    return 0


async def _check(path: Path, context: Context) -> int:
    """Print what was found; 1 where something must be fixed first."""
    code = 0
    async for finding in checks.check(path):
        mark, style = {"ok": ("ok", "green"), "note": ("note", "yellow"), "wrong": ("no", "red")}[
            finding.grade
        ]
        context.say(f"{mark:5}{finding.where}: {finding.said}", style)
        code = code or int(finding.grade == "wrong")
    return code


def _set_logging(level: str, log_format: str) -> None:
    root = logging.getLogger()
    root.setLevel(level.upper())
    for name in ("mqtt", "aiosqlite", "websockets", "apprise"):
        logging.getLogger(name).setLevel(logging.WARNING)
    formatter = _Json() if log_format == "json" else _Line("%(levelname)s %(message)s")
    for handler in root.handlers:
        handler.setFormatter(formatter)


class _Line(logging.Formatter):
    """A line for a person; what a message repeats from outside can't steer a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of the message, each made safe."""
        return "\n".join(map(safe, super().format(record).splitlines()))


class _Json(logging.Formatter):
    """One JSON object a line, with the field names that journald knows."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON, its text escaped to ASCII."""
        fields = {
            "PRIORITY": _PRIORITY.get(record.levelname, 6),
            "TIME": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "LOGGER": record.name,
            "MESSAGE": safe(record.getMessage()),
        }
        if record.exc_info:
            fields["EXCEPTION"] = safe(self.formatException(record.exc_info))
        return msgspec.json.encode(fields).decode()
