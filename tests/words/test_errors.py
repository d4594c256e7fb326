"""The errors: the tree drawn at the top of errors.py is the tree that is there."""

from __future__ import annotations

import ast
import inspect
import pickle
import re
from pathlib import Path
from typing import Any, Final

import pytest

from eventlog import errors
from eventlog.errors import (
    BadArgument,
    BadFact,
    BadPayload,
    CallerError,
    DatabaseError,
    EventLogError,
    JournalHole,
    KeyConflict,
    StoreClosed,
    UnknownEvent,
    UnknownKind,
)
from eventlog.record import EventId, Position, Receipt

PACKAGE: Final = Path(errors.__file__).parent
CLASSES: Final = {
    name: thing
    for name, thing in vars(errors).items()
    if inspect.isclass(thing) and thing.__module__ == errors.__name__
}


def drawn() -> dict[str, str]:
    """Each class in the docstring's tree, and the one that it hangs on."""
    parents: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in (errors.__doc__ or "").splitlines():
        branch = re.match(r"^    ([│├└─ ]*)(\w+)(  +\S|$)", line)
        if branch is None:
            continue
        depth, name = len(branch[1]), branch[2]
        while above and above[-1][0] >= depth:
            above.pop()
        assert name not in parents, f"{name} is drawn twice"
        parents[name] = above[-1][1] if above else "Exception"
        above.append((depth, name))
    return parents


def test_the_tree_at_the_top_is_the_tree_that_is_there() -> None:
    """Every class is drawn, where it hangs, and nothing is drawn that is not there."""
    real = {name: error.__base__.__name__ for name, error in CLASSES.items() if error.__base__}
    assert drawn() == real


def test_the_tree_is_drawn_in_the_order_of_the_file() -> None:
    """The tree lists the classes in the order in which they are defined."""
    tree = ast.parse(inspect.getsource(errors))
    below = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    assert list(drawn()) == below


def test_every_error_has_one_root_and_one_culprit() -> None:
    """Caller, foreign message, stored record, evidence, or disk: the second floor of the tree."""
    culprits = {name for name, parent in drawn().items() if parent == "EventLogError"}
    assert culprits == {"CallerError", "BadPayload", "BadRecord", "EvidenceError", "DatabaseError"}
    for error in CLASSES.values():
        assert issubclass(error, EventLogError)
        assert len(error.__bases__) == 1


@pytest.mark.parametrize("error", CLASSES.values(), ids=CLASSES)
def test_every_error_says_in_a_sentence_what_it_means(error: type[EventLogError]) -> None:
    """A docstring of its own, that ends as sentences do."""
    said = error.__dict__.get("__doc__")
    assert said
    assert said.strip().endswith((".", "`"))


def test_every_error_is_raised_somewhere() -> None:
    """An error that is never raised is a false promise; inner nodes are there to be caught."""
    named: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if path.name == "errors.py":
            continue
        names = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        named |= {node.id for node in names if isinstance(node, ast.Name)}
    inner = set(drawn().values())
    assert set(CLASSES) - inner - named == set()


RECEIPT: Final = Receipt((Position(4), Position(5)), EventId(2))


@pytest.mark.parametrize(
    ("error", "carries", "says"),
    [
        (
            BadFact("motion", "camera_id", "is too long"),
            {"kind": "motion", "field": "camera_id", "reason": "is too long"},
            "motion.camera_id: is too long",
        ),
        (BadFact("str", "", "is no fact"), {"kind": "str", "field": ""}, "str: is no fact"),
        (
            KeyConflict("ring:1:ding", RECEIPT),
            {"key": "ring:1:ding", "receipt": RECEIPT},
            "'ring:1:ding' was used before",
        ),
        (UnknownEvent(7), {"event_id": 7}, "no event 7"),
        (
            BadPayload("frigate", "no id"),
            {"source": "frigate", "reason": "no id"},
            "frigate: no id",
        ),
        (
            UnknownKind(9, "levitation", "not known"),
            {"position": 9, "kind": "levitation", "reason": "not known"},
            "record 9: not known",
        ),
        (JournalHole(3, 5), {"expected": 3, "found": 5}, "after 2 comes 5"),
    ],
)
def test_an_error_carries_what_its_catcher_needs(
    error: EventLogError, carries: dict[str, Any], says: str
) -> None:
    """Its details are in attributes, and in its message."""
    assert {name: getattr(error, name) for name in carries} == carries
    assert says in str(error)


def test_errors_can_be_caught_by_their_culprit() -> None:
    """A program that knows only whose fault it was can go on from there."""
    for mine in (BadArgument("x"), StoreClosed(), UnknownEvent(1)):
        assert isinstance(mine, CallerError)
        assert not isinstance(mine, DatabaseError)
    assert not issubclass(DatabaseError, CallerError)


@pytest.mark.parametrize(
    "error", [BadArgument("x"), StoreClosed(), UnknownEvent(1), KeyConflict("k", RECEIPT)]
)
def test_an_error_survives_the_way_to_another_process(error: EventLogError) -> None:
    """A pool of workers hands errors on by pickle: kind, sentence and what it carries arrive."""
    again = pickle.loads(pickle.dumps(error))  # noqa: S301 - our own bytes
    assert type(again) is type(error)
    assert str(again) == str(error)
    assert vars(again) == vars(error)
