"""The public names: what `from eventlog import …` promises, written down and held."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

import eventlog
from eventlog.facts import FACT_TYPES

INIT: Final = Path(eventlog.__file__)
# A name is added here on purpose, and taken away never without a new major version.
PROMISED: Final = [
    "ActuatorOutcome",
    "AlertIntended",
    "AlertSent",
    "Author",
    "BadAppend",
    "BadArgument",
    "BadBody",
    "BadFact",
    "BadKey",
    "BadPayload",
    "BadRecord",
    "Box",
    "CallerError",
    "Checkpoint",
    "CredentialPresented",
    "Cursor",
    "CursorLike",
    "DatabaseError",
    "DatabaseMissing",
    "Detection",
    "DeviceState",
    "Ding",
    "DiskFailure",
    "DiskFull",
    "DoorState",
    "Durability",
    "EraBegun",
    "EventFilter",
    "EventId",
    "EventLogError",
    "EventStore",
    "FaceEnrolled",
    "FaceResult",
    "Fact",
    "ForeignDatabase",
    "Guarded",
    "HeadSeen",
    "HeadWitnessed",
    "IdentityLinked",
    "JournalHole",
    "KeyConflict",
    "KeysMissing",
    "LockState",
    "LockTimeout",
    "Machine",
    "MissingFolder",
    "Motion",
    "NewerDatabase",
    "NotADatabase",
    "Observation",
    "OpenedElsewhere",
    "OtherHistory",
    "Outcome",
    "PartBack",
    "PartStopped",
    "PastHead",
    "PersonErased",
    "PersonNamed",
    "PictureRemoved",
    "Position",
    "ReadOnly",
    "Reader",
    "Receipt",
    "Record",
    "ReplayRunning",
    "Replayed",
    "RuleArmed",
    "Score",
    "Sealed",
    "SigningKey",
    "SourceBack",
    "SourceSilent",
    "StoreClosed",
    "StoredRecord",
    "ThumbnailSaved",
    "UncleanStop",
    "UnknownEvent",
    "UnknownKind",
    "UnlockAction",
    "UnlockFilter",
    "UnsafeFile",
    "VisitEnded",
]


def test_the_public_names_are_those_that_are_promised() -> None:
    """No more and no fewer, each once, in alphabetical order."""
    assert eventlog.__all__ == PROMISED
    assert sorted(set(PROMISED)) == PROMISED


@pytest.mark.parametrize("name", PROMISED)
def test_a_public_name_can_be_imported(name: str) -> None:
    """Each name is there, and a class says what it is for."""
    thing = getattr(eventlog, name)
    if inspect.isclass(thing):
        assert inspect.getdoc(thing)


def test_the_list_is_written_out() -> None:
    """A list that is computed could not be read, by people or by type checkers."""
    tree = ast.parse(INIT.read_text(encoding="utf-8"))
    (value,) = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    ]
    assert ast.literal_eval(value) == eventlog.__all__


def test_the_front_of_the_house_only_hands_on() -> None:
    """__init__.py imports and lists; it makes nothing of its own."""
    for node in ast.parse(INIT.read_text(encoding="utf-8")).body:
        assert isinstance(node, ast.Expr | ast.ImportFrom | ast.Assign)
        if isinstance(node, ast.ImportFrom):
            assert {alias.asname or alias.name for alias in node.names} <= set(PROMISED)


def test_every_fact_is_public() -> None:
    """A caller can import the type of every fact that it may append."""
    assert {fact_type.__name__ for fact_type in FACT_TYPES} <= set(PROMISED)


def test_the_old_import_path_gives_the_same_class() -> None:
    """A pipeline of today imports event_store and finds the very EventStore."""
    from event_store import EventStore  # noqa: PLC0415 - the import is what is tested

    assert EventStore is eventlog.EventStore


def test_importing_needs_neither_doors_nor_extras() -> None:
    """A pipeline pays for the log only: no command line and no web framework comes along."""
    code = (
        "import sys, eventlog; "
        "print(*sorted({name.partition('.')[0] for name in sys.modules}"
        " & {'cyclopts', 'rich', 'litestar', 'uvicorn', 'jinja2', 'hypothesis', 'config'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, cwd=INIT.parent.parent
    )
    assert done.stdout.decode().split() == []
