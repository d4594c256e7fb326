"""Runs a command: from its arguments to its exit code.

Each command is loaded when it is called, so that all start quickly. Errors that are raised on
purpose become one line on the standard error; any other is a defect, which keeps its traceback and
has an exit code of its own.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import re
import shutil
import sys
import textwrap
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Final, TextIO, TypeAlias, cast

from cyclopts import App, CycloptsError, Group, Parameter
from rich.console import Console

from eventlog.cli import signals, streams
from eventlog.cli.advice import with_advice
from eventlog.cli.command import Command
from eventlog.cli.command_list import COMMANDS
from eventlog.cli.context import Context, Settings
from eventlog.cli.safe_text import safe
from eventlog.errors import BadArgument, BadRecord, EventLogError, JournalHole

FINE: Final = 0
FINDING: Final = 1
WRONG: Final = 2
# How Python represents the bytes of an argument that are not valid text.
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
# As shells count a program that the end of its reader has ended.
BROKEN_PIPE: Final = 141
CRASH: Final = 70  # EX_SOFTWARE of sysexits.h
# What an error repeats of an argument is cut there.
SENTENCE_MAX: Final = 1000


EVERYWHERE: Final = Group("Everywhere", sort_key=8)

Database: TypeAlias = Annotated[
    Path | None, Parameter(group=EVERYWHERE, help="The log's database.")
]
Thumbnails: TypeAlias = Annotated[
    Path | None, Parameter(group=EVERYWHERE, help="The folder of pictures.")
]


def make_app(load: Callable[[], Settings]) -> App:
    """The command line over a deployment's settings."""
    app = App(
        name="eventlog",
        help="The record of everything that happens at a door.",
        version=_version,
        console=Console(file=cast("TextIO", streams.Output(sys.stdout)), highlight=False),
        help_format="plaintext",
        help_epilogue="eventlog COMMAND --help shows how each is called. Exit codes: 0 fine,"
        " 1 a finding, 2 wrong use or an unusable file, 70 a defect of the program.",
        group_commands=Group("Options", sort_key=9),
        result_action="return_value",
        suppress_keyboard_interrupt=False,
        default_parameter=Parameter(show_default=False, negative=""),
    )
    for command in COMMANDS:
        app.command(
            command.function,
            name=command.name,
            group=command.group,
            help=command.help,
            usage=_usage(command),
            help_epilogue="\n".join(["Examples:", *(f"  {line}" for line in command.examples)]),
        )

    app.meta.suppress_keyboard_interrupt = False

    @app.meta.default
    def launch(
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        db: Database = None,
        thumbnails: Thumbnails = None,
    ) -> int:
        """Hand the command its context, and run it."""
        call, bound, ignored = app.parse_args(tokens, print_error=False, exit_on_error=False)
        given = (
            {"context": Context(load, db=db, thumbnails=thumbnails)} if "context" in ignored else {}
        )
        answer = call(*bound.args, **bound.kwargs, **given)
        if inspect.iscoroutine(answer):
            answer = asyncio.run(answer)
        return answer if isinstance(answer, int) else FINE

    return app


def run(arguments: Sequence[str], load: Callable[[], Settings]) -> int:
    """Run one command.

    Args:
        arguments: The words behind the program's name.
        load: Reads the deployment's settings; called only when a command needs one.

    Returns:
        The exit code.
    """
    streams.prepare()
    handler = logging.StreamHandler(streams.Remarks(sys.stderr))
    handler.setFormatter(_Remark("eventlog: %(message)s"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    with signals.as_interruptions() as interruption:
        code = _ending(lambda: _run(arguments, load), interruption)
        # What is still buffered may find a full disk, whatever the command's own end was.
        return _ending(lambda: _flushed(code), interruption)


def _run(arguments: Sequence[str], load: Callable[[], Settings]) -> int:
    streams.require_output()
    code = make_app(load).meta(_tokens(arguments), print_error=False, exit_on_error=False)
    return code if isinstance(code, int) else FINE


def _flushed(code: int) -> int:
    if sys.stdout is not None:
        streams.Output(sys.stdout).flush()
    return code


def _ending(doing: Callable[[], int], interruption: signals.Interruption) -> int:  # noqa: PLR0911 - each kind of end is one line
    """The exit code of what is done; errors that are raised on purpose become one line."""
    try:
        return doing()
    except CycloptsError as error:
        return _fail(f"{error} Try: {' '.join(['eventlog', *(error.command_chain or ())])} --help")
    except (BadRecord, JournalHole) as error:
        _fail(str(error))
        return FINDING
    except EventLogError as error:
        return _fail(with_advice(error))
    except KeyboardInterrupt:
        return interruption.code
    except streams.ReaderGone:
        streams.drop_output()
        return BROKEN_PIPE
    except streams.OutputFailed as error:
        streams.drop_output()
        return _fail(str(error))
    except OSError as error:
        where = "" if error.filename is None else f"{os.fsdecode(error.filename)}: "
        return _fail(f"{where}{error.strerror or error}")
    except Exception:  # noqa: BLE001 - the process ends here, with the traceback
        streams.Remarks(sys.stderr).write(traceback.format_exc())
        _fail(f"this is a defect of the program, version {_version()}: please report what is above")
        return CRASH


def _usage(command: Command) -> str | None:
    return None if command.usage is None else f"Usage: eventlog {command.name} {command.usage}"


class _Remark(logging.Formatter):
    """A warning of the library as a remark; what it repeats may come from outside."""

    def format(self, record: logging.LogRecord) -> str:
        """The lines of the message, each made safe."""
        return "\n".join(map(safe, super().format(record).splitlines()))


def _tokens(arguments: Sequence[str]) -> list[str]:
    for argument in arguments:
        if not argument.isprintable() and (_SURROGATE.search(argument) or "\0" in argument):
            raise BadArgument(f"an argument is not valid text: {argument[:100]!r}")
    # cyclopts takes a lone - for an option. As a path ./- is the same, and looks like none.
    return ["./-" if argument == "-" else argument for argument in arguments]


def _fail(sentence: str) -> int:
    if len(sentence) > SENTENCE_MAX:
        sentence = sentence[:SENTENCE_MAX] + "…"
    line = f"eventlog: {safe(sentence)}"
    if sys.stderr.isatty():
        width = shutil.get_terminal_size().columns
        line = textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
    streams.Remarks(sys.stderr).write(f"{line}\n")
    return WRONG


def _version() -> str:
    try:
        return version("doorjournal")
    except PackageNotFoundError:
        return "a checkout"
