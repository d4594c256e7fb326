"""Writes the generated part of architecture.md: the drawing of the rooms, and every file's line.

Run as `make docs`. A file's line is the first sentence of its docstring, a room's text is that of
its `__init__.py`, and the arrows are the imports that the code has. A test compares the page with
what this script would write.
"""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.test_rooms import MAY_IMPORT, files, imports, room

PAGE: Final = Path(__file__).resolve().parent / "architecture.md"
BEGIN: Final = "<!-- written by docs/rooms.py: begin -->\n"
END: Final = "<!-- written by docs/rooms.py: end -->\n"
# Every room may import the words, so no arrow shows it.
WORDS_TEXT: Final = (
    "Value types that every room knows: facts, records, errors and their bytes. No I/O."
)


def written(page: str) -> str:
    """The page with its generated part written again."""
    before, rest = page.split(BEGIN)
    _, after = rest.split(END)
    return (
        before + BEGIN + "\n" + drawing() + "\n" + "\n".join(map(section, present())) + END + after
    )


def present() -> list[str]:
    """The rooms that exist, in the order of the table, which goes from the ground up."""
    there = {room(file) for file in files()}
    return [name for name in MAY_IMPORT if name in there and not name.startswith("__")]


def edges() -> set[tuple[str, str]]:
    """Who imports whom, by room; what every room may know is left out."""
    found = {
        (room(one.of), room(one.name)) for one in imports() if one.name.startswith("eventlog.")
    }
    shown = set(present()) - {"words"}
    return {(of, name) for of, name in found if of != name and {of, name} <= shown}


def drawing() -> str:
    """The rooms and their imports as a mermaid graph, without arrows that follow from others."""
    every = edges()
    below: dict[str, set[str]] = {}
    for name in present():  # from the ground up, so that the rooms below are known already
        direct = {other for of, other in every if of == name}
        below[name] = direct.union(*(below.get(other, set()) for other in direct))
    drawn = sorted(
        (of, name)
        for of, name in every
        if not any(name in below[other] for o, other in every if o == of and other != name)
    )
    lines = [f"    {of} --> {name}" for of, name in drawn]
    return "\n".join(["```mermaid", "graph TD", *lines, "```", ""])


def section(name: str) -> str:
    """One room: what it is for, what it may import, and its files."""
    inside = [file for file in files() if room(file) == name]
    own = f"eventlog.{name}.__init__"
    allowed = [other for other in MAY_IMPORT if other in MAY_IMPORT[name]]
    rows = [f"| `{path_of(file)}` | {first_sentence(files()[file])} |" for file in inside]
    return "\n".join(
        [
            f"### {name}",
            "",
            WORDS_TEXT if name == "words" else first_sentence(files()[own], whole=True),
            f"May import: {', '.join(allowed) or 'nothing of ours'}.",
            "",
            "| file | what it is for |",
            "| --- | --- |",
            *(row for row, file in zip(rows, inside, strict=True) if file != own),
            "",
        ]
    )


def path_of(file: str) -> str:
    """A file's path within eventlog/."""
    path = file.removeprefix("eventlog.").replace(".", "/")
    return path.removesuffix("__init__") if path.endswith("/__init__") else f"{path}.py"


def first_sentence(tree: ast.Module, *, whole: bool = False) -> str:
    """The first sentence of a docstring, or its complete first paragraph, on one line."""
    paragraph = (ast.get_docstring(tree) or "").split("\n\n")[0]
    found = re.match(r".*?[.?](?=\s+[A-Z`]|\n|$)", paragraph, re.DOTALL)
    return " ".join((paragraph if whole or found is None else found[0]).split())


def main() -> None:
    """Write the page."""
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(written(page), encoding="utf-8")


if __name__ == "__main__":
    main()
