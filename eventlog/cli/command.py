"""A command as the help shows it, and the groups of the help."""

from __future__ import annotations

from typing import Final, NamedTuple

from cyclopts import Group


class Command(NamedTuple):
    """A command: its group in the help, what it does in a line, and how it is called.

    `usage` follows its name in the help; None leaves that to its parameters.
    """

    name: str
    group: Group
    help: str
    function: str
    examples: tuple[str, ...]
    usage: str | None = None


LOOK: Final = Group("Look", sort_key=1)
FEED: Final = Group("Input", sort_key=2)
DOOR: Final = Group("Door", sort_key=5)
WEB: Final = Group("Dashboard", sort_key=6)
CARE: Final = Group("Maintenance", sort_key=3)
CARRY: Final = Group("Copies", sort_key=4)
PROVE: Final = Group("Prove", sort_key=6)
