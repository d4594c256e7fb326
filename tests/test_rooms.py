"""The rooms: who may import whom, as one literal table.

A room is a folder of eventlog/; the files at its root that hold values are the room `words`. Who
needs an import that the table does not have changes the table and docs/architecture.md together,
and says why there. The syntax trees are read, so an import inside a function counts as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

CHECKOUT: Final = Path(__file__).resolve().parent.parent
PACKAGE: Final = CHECKOUT / "eventlog"

# The files at the root of eventlog/ that every room may import.
WORDS: Final = {"errors", "facts", "record", "upcasters", "codecs"}
ROOT_FILES_MAX: Final = 8

_STORE: Final = {
    "words",
    "storage",
    "journal",
    "pictures",
    "projections",
    "followers",
    "evidence",
    "store",
}

# What each room may import; a room of the table need not be there yet.
MAY_IMPORT: Final[Mapping[str, set[str]]] = {
    "words": set(),
    "storage": {"words"},
    "journal": {"words", "storage"},
    "pictures": {"words", "storage"},
    "projections": {"words"},
    "followers": {"words", "storage", "journal", "projections"},
    "evidence": {"words", "storage", "journal"},
    "store": _STORE - {"store"},
    "maintenance": _STORE,
    "decision": {"words"},
    "actuators": {"words", "storage"},
    "sources": {"words", "pictures", "decision"},
    "reactors": {
        "words",
        "decision",
        "storage",
        "journal",
        "projections",
        "followers",
        "evidence",
        "fleet",
    },
    "fleet": {"words", "storage", "journal", "projections", "followers", "evidence"},
    "dashboard": {*_STORE, "maintenance", "decision", "fleet"},
    "run": {
        *_STORE,
        "maintenance",
        "decision",
        "actuators",
        "sources",
        "reactors",
        "fleet",
        "dashboard",
    },
    "cli": {
        *_STORE,
        "maintenance",
        "decision",
        "actuators",
        "sources",
        "reactors",
        "fleet",
        "dashboard",
        "run",
    },
    "__main__": {"words", "cli"},
    "__init__": {*_STORE, "maintenance"},
}
# Of the fleet, a reactor may import this file only.
OF_THE_FLEET: Final = "eventlog.fleet.block"

# Imports of a circle that are there for type checkers only, each with its reason.
FOR_TYPES_ONLY: Final = {
    ("eventlog.errors", "eventlog.record"): "KeyConflict carries the first receipt",
}

# Libraries that a few files know, so that the others need not.
KNOWN_TO: Final[Mapping[str, tuple[str, ...]]] = {
    "aiosqlite": ("eventlog.store.",),
    "PIL": ("eventlog.pictures.", "eventlog.sources.simulator."),
    "cyclopts": ("eventlog.cli.",),
    "rich": ("eventlog.cli.",),
    "litestar": ("eventlog.dashboard.",),
    "jinja2": ("eventlog.dashboard.",),
    "uvicorn": ("eventlog.dashboard.",),
    "argon2": ("eventlog.dashboard.",),
    "prometheus_client": ("eventlog.dashboard.",),
    "aiomqtt": ("eventlog.sources.live.", "eventlog.run."),
    "paho": ("eventlog.sources.live.",),
    "apprise": ("eventlog.reactors.",),
    "websockets": ("eventlog.sources.live.",),
    "ring_doorbell": ("eventlog.sources.live.", "eventlog.cli.ring"),
    "cryptography": ("eventlog.evidence.openssl", "eventlog.reactors.alerts.push_encryption"),
    "segno": ("eventlog.evidence.qr",),
    "msgspec.msgpack": ("eventlog.codecs",),
    "config": ("eventlog.__main__",),
    "event_store": (),
    "tests": (),
    "benchmarks": (),
}


class Import(NamedTuple):
    """One import: its file, the file or library that it names, and whether it runs."""

    of: str
    name: str
    for_types: bool


def name_of(path: Path) -> str:
    """A file's name as imports spell it: 'eventlog.sources.ring', 'eventlog.sources.__init__'."""
    return ".".join(path.relative_to(CHECKOUT).with_suffix("").parts)


@cache
def files() -> dict[str, ast.Module]:
    """Every file of the package with its syntax tree."""
    paths = sorted(PACKAGE.rglob("*.py"))
    return {name_of(path): ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def resolved(dotted: str) -> str:
    """The file that a dotted name of ours means; a library's name unchanged."""
    while dotted.startswith("eventlog"):
        for candidate in (dotted, f"{dotted}.__init__"):
            if candidate in files():
                return candidate
        dotted = dotted.rpartition(".")[0]
    return dotted


def is_for_types(node: ast.AST) -> bool:
    """Whether a node is `if TYPE_CHECKING:`."""
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def imported(node: ast.AST, *, for_types: bool = False) -> Iterator[tuple[str, bool]]:
    """Every dotted name that a tree imports or takes from msgspec, and whether for types only."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, for_types) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        assert node.level == 0, "imports name the package, so that the plan can be read from them"
        yield from ((f"{node.module}.{alias.name}", for_types) for alias in node.names)
    elif isinstance(node, ast.Attribute) and ast.unparse(node).startswith("msgspec."):
        yield ast.unparse(node), for_types
    for child in ast.iter_child_nodes(node):
        yield from imported(child, for_types=for_types or is_for_types(node))


@cache
def imports() -> tuple[Import, ...]:
    """Every import of the package."""
    return tuple(
        Import(of, resolved(name), for_types)
        for of, tree in files().items()
        for name, for_types in imported(tree)
    )


def room(file: str) -> str:
    """The room that a file belongs to: its folder, or `words` for a file of values."""
    name = file.split(".")[1]
    return "words" if name in WORDS else name


def test_every_room_is_in_the_table() -> None:
    """A new folder or file of eventlog/ is named in the table before it is built."""
    assert {room(file) for file in files()} <= MAY_IMPORT.keys()


def test_the_root_of_the_package_has_few_files() -> None:
    """Values, the package's names, and the composition root; everything else is in a room."""
    assert len(list(PACKAGE.glob("*.py"))) <= ROOT_FILES_MAX


def test_a_room_imports_only_what_the_table_allows() -> None:
    """Imports inside functions and for type checkers count as well."""
    edges = [one for one in imports() if one.name.startswith("eventlog.")]
    assert len(edges) > 100
    refused = {
        f"{one.of} imports {one.name}"
        for one in edges
        if room(one.of) != room(one.name) and room(one.name) not in MAY_IMPORT[room(one.of)]
    }
    assert refused == set()


def test_a_reactor_knows_blocks_of_the_fleet_and_nothing_else_of_it() -> None:
    """Forwarding packs blocks; hubs and comparisons are the fleet's own."""
    known = {
        one.name
        for one in imports()
        if room(one.of) == "reactors" and one.name.startswith("eventlog.fleet.")
    }
    assert known <= {OF_THE_FLEET}


def test_a_view_is_pure() -> None:
    """No projection imports sqlite3, so that each can be tested without a database."""
    known = {one.of for one in imports() if one.name.partition(".")[0] == "sqlite3"}
    assert {file for file in known if room(file) == "projections"} == set()


@pytest.mark.parametrize("file", FOR_TYPES_ONLY)
def test_an_exception_is_still_needed(file: tuple[str, str]) -> None:
    """An import that is excused from the search for circles exists, and is for types only."""
    found = {one.for_types for one in imports() if (one.of, one.name) == file}
    assert found == {True}


def test_no_file_leads_back_to_itself() -> None:
    """Taking away, again and again, what imports nothing of the rest leaves no file over."""
    left = {file: set[str]() for file in files()}
    for one in imports():
        excused = one.for_types and (one.of, one.name) in FOR_TYPES_ONLY
        if one.name in left and not excused:
            left[one.of].add(one.name)
    while free := [file for file, below in left.items() if not below & left.keys()]:
        for file in free:
            del left[file]
    assert left == {}


@pytest.mark.parametrize("library", KNOWN_TO)
def test_a_library_is_known_to_few_files(library: str) -> None:
    """A library behind a wall can be replaced there, and nowhere else."""
    known = {
        one.of for one in imports() if one.name == library or one.name.startswith(f"{library}.")
    }
    assert {file for file in known if not file.startswith(KNOWN_TO[library])} == set()


@pytest.mark.parametrize(("name", "ours"), [("config.py", set()), ("event_store.py", {"eventlog"})])
def test_the_files_beside_the_package_know_what_they_must(name: str, ours: set[str]) -> None:
    """Settings know nothing of eventlog; the old import path hands on its class."""
    tree = ast.parse((CHECKOUT / name).read_text(encoding="utf-8"))
    known = {dotted.partition(".")[0] for dotted, _ in imported(tree)}
    assert known & {"eventlog", "config", "event_store", "tests"} == ours


def test_the_rooms_that_are_left_unbuilt_stay_so() -> None:
    """Names that say nothing gather what belongs elsewhere."""
    unbuilt = {"utils", "helpers", "models", "types", "constants", "base", "manager", "common"}
    names = {part for file in files() for part in file.split(".")}
    assert not names & unbuilt


def test_every_room_opens_with_what_it_is_for() -> None:
    """A docstring at the top of each file."""
    assert [file for file, tree in files().items() if not ast.get_docstring(tree)] == []
