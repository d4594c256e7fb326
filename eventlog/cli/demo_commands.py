"""What the demo says at its end: commands to try on its log, as they are typed from here."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.padding import Padding
from rich.text import Text

from eventlog.cli.context import Context
from eventlog.cli.safe_text import safe


def say_next(context: Context, event: int) -> None:
    """Say which commands to try on the demo's log."""
    at = ["--db", str(context.db_path)]
    _command(context, [*at, "events", "--refused"])
    _command(context, [*at, "show", str(event)], keys=True)
    _command(context, [*at, "tail", "--follow"], keys=True)
    pictures = ["--thumbnails", str(context.thumbnails_dir)]
    _command(context, [*at, "verify", *pictures], keys=True)
    if context.keys_dir is not None:
        _command(context, [*at, "forget", _seldom(context), *pictures], keys=True)


def say_how_to_look(context: Context, folder: Path, *, default: bool) -> None:
    """Say how to open the dashboard; a demo in a pipe does not open it, as no user could end it."""
    into = [] if default else ["--into", str(folder)]
    at = ["--db", str(context.db_path)]
    _command(context, ["demo", *into, "--serve"])
    context.say(
        "  does all this again and opens the dashboard, with a link that signs in. Or:", "dim"
    )
    _command(context, [*at, "user", "add", "demo"])
    _command(context, [*at, "serve", "--thumbnails", str(context.thumbnails_dir)], keys=True)


def _seldom(context: Context) -> str:
    """The person with the fewest visits, the first by name."""
    with context.reading() as connection:
        found = connection.execute(
            "SELECT person_name FROM events WHERE person_name IS NOT NULL"
            " GROUP BY person_name ORDER BY count(*), person_name LIMIT 1"
        ).fetchone()
    return str(found[0])


def _command(context: Context, words: Sequence[str], *, keys: bool = False) -> None:
    """A command as it is typed from here; `keys` is for one that opens names."""
    line = f"{_program()} {shlex.join(words)}"
    if keys and context.keys_dir is not None:
        line = f"KEYS_DIR={shlex.quote(str(_from_here(context.keys_dir)))} {line}"
    context.draw(Padding(Text(safe(line), "cyan"), (0, 2)))


def _program() -> str:
    """How the command line is called from here."""
    program = Path(sys.executable).with_name("eventlog")
    if not program.exists():
        return f"{sys.executable} -m eventlog"
    return str(_from_here(program))


def _from_here(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
