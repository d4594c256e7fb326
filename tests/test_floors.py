"""The floor plan: imports go downstairs, and neighbours do not know each other.

A room is a file of eventlog/, or a folder with floors of its own. Whoever builds a room puts it
on a floor here; whoever needs an import upstairs, or next door, moves a wall and says why in
docs/architecture.md. The syntax trees are read, so an import inside a function counts as well.
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

# From the ground up. A room may import what stands on a floor below its own.
FLOORS: Final = [
    # words
    ["errors", "facts"],
    ["record"],
    # bytes
    ["beside"],
    ["upcasters", "chain", "head"],
    ["codecs"],
    ["appends", "visits", "clock"],
    # files and locks
    ["durable_files"],
    [
        "to_the_end",
        "lock",
        "wal",
        "presence",
        "reserve",
        "nudge",
        "progress",
        "disk_errors",
        "frames",
    ],
    # the database
    ["authorizer"],
    ["database", "pictures"],
    ["callers", "worker", "rescue"],
    ["writer"],
    # tables, one owner each
    ["journal", "checkpoints", "projections", "thumbnails"],
    ["queries", "fold", "plain", "tail"],
    ["adopt"],
    ["schema"],
    # motion
    ["committer", "projector", "subscription", "swap"],
    ["appender", "reader"],
    ["engine", "replay", "replay_check", "new_file", "checks"],
    # the front desk
    ["bulk", "exchange"],
    ["store", "archive", "verify", "story"],
    ["salvage", "backup", "status", "__init__"],
    # doors
    ["ingest", "sample_pictures"],
    ["sample"],
    ["dashboard"],
    ["cli"],
    ["__main__"],
]

# The floors inside a folder whose files hang on each other; a folder that is not listed has no
# circles, and that is all that is asked of it.
INNER_FLOORS: Final[Mapping[str, list[list[str]]]] = {
    "frames": [["frame"], ["jpeg", "png"], ["__init__"]],
    "projections": [
        ["projection", "paging", "times"],
        [
            "events",
            "detections",
            "persons",
            "face_results",
            "unlock_actions",
            "unclean_stops",
        ],
        ["__init__"],
    ],
    "checks": [
        ["__init__", "findings", "walk", "clock_jumps", "head_mark"],
        ["records", "sqlite_file"],
    ],
    "ingest": [
        ["intake"],
        ["payload"],
        ["ring", "frigate_object"],
        ["frigate_mqtt"],
        ["frigate"],
        ["__init__"],
    ],
}

# Imports upstairs that are there for type checkers only, each with its reason.
FOR_TYPES_ONLY: Final = {
    ("errors", "record"): "KeyConflict carries the first receipt, and every room raises errors",
}

# Libraries that one or two rooms know, so that the others need not.
KNOWN_TO: Final = {
    "aiosqlite": {"store"},
    "PIL": {"pictures", "sample_pictures"},
    "cyclopts": {"cli"},
    "rich": {"cli"},
    "litestar": {"dashboard"},
    "jinja2": {"dashboard"},
    "uvicorn": {"dashboard"},
    "argon2": {"dashboard"},
    "prometheus_client": {"dashboard"},
    "msgspec.msgpack": {"codecs"},
    "config": {"__main__"},
    "event_store": set(),
    "tests": set(),
    "benchmarks": set(),
}


class Import(NamedTuple):
    """One import: the file it stands in, the file or library it names, and whether it runs."""

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
    """The file that a dotted name of ours means; a library's name as it is."""
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
    """The room that a file stands in: its own name, or that of its folder."""
    return file.split(".")[1]


def floors_of(plan: list[list[str]]) -> dict[str, int]:
    """The floor of every room on a plan."""
    return {name: floor for floor, rooms in enumerate(plan) for name in rooms}


def upstairs(plan: list[list[str]], edges: list[tuple[str, str]]) -> list[str]:
    """The imports that do not go downstairs, in words."""
    floor = floors_of(plan)
    return sorted(
        {
            f"{of} (floor {floor[of]}) imports {name} (floor {floor[name]})"
            for of, name in edges
            if floor[name] >= floor[of]
        }
    )


def between_rooms() -> list[tuple[str, str, bool]]:
    """The imports from one room to another."""
    return [
        (room(one.of), room(one.name), one.for_types)
        for one in imports()
        if one.name.startswith("eventlog.") and room(one.of) != room(one.name)
    ]


def test_every_room_stands_on_one_floor() -> None:
    """A new file is not left off the plan, and the plan shows no room that is not there."""
    planned = [name for rooms in FLOORS for name in rooms]
    assert sorted(planned) == sorted({room(file) for file in files()})


def test_imports_go_downstairs() -> None:
    """No room imports one above it, or beside it."""
    edges = [
        (of, name)
        for of, name, for_types in between_rooms()
        if not (for_types and (of, name) in FOR_TYPES_ONLY)
    ]
    assert len(edges) > 100
    assert upstairs(FLOORS, edges) == []


@pytest.mark.parametrize("pair", FOR_TYPES_ONLY)
def test_an_exception_is_still_needed(pair: tuple[str, str]) -> None:
    """An import that is excused is there, goes upstairs, and runs at no time."""
    floor = floors_of(FLOORS)
    assert floor[pair[1]] >= floor[pair[0]]
    assert {for_types for of, name, for_types in between_rooms() if (of, name) == pair} == {True}


@pytest.mark.parametrize("folder", INNER_FLOORS)
def test_a_folder_has_floors_of_its_own(folder: str) -> None:
    """Every file of it stands on one of them, and imports go downstairs there, too."""
    plan = INNER_FLOORS[folder]
    inside = [file for file in files() if file.startswith(f"eventlog.{folder}.")]
    assert sorted(name for rooms in plan for name in rooms) == sorted(
        file.split(".", 2)[2] for file in inside
    )
    edges = [
        (one.of.split(".", 2)[2], one.name.split(".", 2)[2])
        for one in imports()
        if one.of in inside and one.name in inside
    ]
    assert upstairs(plan, edges) == []


def test_no_file_leads_back_to_itself() -> None:
    """Taking away, again and again, what imports nothing of the rest leaves no file over."""
    left = {file: set[str]() for file in files()}
    for one in imports():
        excused = one.for_types and (room(one.of), room(one.name)) in FOR_TYPES_ONLY
        if one.name in left and not excused:
            left[one.of].add(one.name)
    while free := [file for file, below in left.items() if not below & left.keys()]:
        for file in free:
            del left[file]
    assert left == {}


@pytest.mark.parametrize("library", KNOWN_TO)
def test_a_library_is_known_to_its_rooms_only(library: str) -> None:
    """What stands behind a wall can be changed there, and nowhere else."""
    who = {
        room(one.of)
        for one in imports()
        if one.name == library or one.name.startswith(f"{library}.")
    }
    assert who <= KNOWN_TO[library]


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
