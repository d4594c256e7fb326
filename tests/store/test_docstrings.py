"""The docstrings of EventStore and Reader: every argument, answer and error is named."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator
from contextlib import chdir
from typing import Any, Final, NamedTuple

import msgspec
import pytest

import eventlog
from eventlog import EventLogError, EventStore, Reader, errors
from tests.store.edge_values import EDGES
from tests.store.test_values import ARGUMENTS
from tests.store.value_desk import Desk, opened_desk

# Never raised to a caller: another projector's move is waited for, and tried again.
KEPT_INSIDE: Final = {"CheckpointMoved"}
ANYWHERE: Final = {
    *("__init__", "initialize", "close", "save_thumbnail", "save_thumbnail_async"),
    *("head_line", "witnessed"),
}
# Of the standard library, aiosqlite and typing.
KNOWN_TYPES: Final = {
    *("Any", "AsyncIterator", "Callable", "Connection", "Iterable", "Mapping", "None", "Path"),
    *("Self", "Sequence", "T", "aiosqlite", "bool", "bytes", "datetime", "dict", "float", "int"),
    *("list", "sqlite3", "str", "tuple", "Before", "checkpoints", "cls", "self"),
}


class Method(NamedTuple):
    """A public method or property, by its class and its name."""

    owner: type
    name: str

    @property
    def function(self) -> Callable[..., Any]:
        """The function below a property or a class method."""
        found = inspect.getattr_static(self.owner, self.name)
        if isinstance(found, property):
            assert found.fget is not None
            return found.fget
        return found.__func__ if isinstance(found, classmethod) else found

    @property
    def sections(self) -> dict[str, str]:
        """The text of each section; the summary is under ""."""
        doc = inspect.getdoc(self.function) or ""
        parts = re.split(r"^(Args|Returns|Raises):\n", doc, flags=re.MULTILINE)
        return {"": parts[0], **dict(zip(parts[1::2], parts[2::2], strict=True))}

    def entries(self, section: str) -> dict[str, str]:
        """What a section says of each name."""
        text = self.sections.get(section, "")
        parts = re.split(r"^    (\w+): ", text, flags=re.MULTILINE)
        return dict(zip(parts[1::2], parts[2::2], strict=True))


METHODS: Final = [
    Method(owner, name)
    for owner in (EventStore, Reader)
    for name in dir(owner)
    if not name.startswith("_") and (callable(getattr(owner, name)) or name in {"db", "reader"})
] + [Method(EventStore, "__init__")]


def _named(method: Method) -> str:
    return f"{method.owner.__name__}.{method.name}"


@pytest.mark.parametrize("method", METHODS, ids=_named)
def test_every_argument_is_explained(method: Method) -> None:
    """Each is named in Args, with what None means and what the default is."""
    parameters = dict(inspect.signature(method.function).parameters)
    parameters.pop("self", None)
    parameters.pop("cls", None)
    told = method.entries("Args")
    assert list(told) == list(parameters)
    for name, parameter in parameters.items():
        if parameter.default is None:
            assert "None" in told[name], name
        elif parameter.default is not inspect.Parameter.empty:
            assert "default" in told[name] or str(parameter.default) in told[name], name


@pytest.mark.parametrize("method", METHODS, ids=_named)
def test_a_summary_and_the_answer_are_there(method: Method) -> None:
    """The first line is a sentence; what is answered has a section of its own."""
    first, _, _ = method.sections[""].partition("\n")
    assert first.endswith(".")
    answer = inspect.signature(method.function).return_annotation
    is_plain = isinstance(inspect.getattr_static(method.owner, method.name), property)
    assert ("Returns" in method.sections) is (answer != "None" and not is_plain)


@pytest.mark.parametrize("method", METHODS, ids=_named)
def test_every_error_that_is_named_can_be_imported(method: Method) -> None:
    """An error of Raises is a public name; a closed store and another loop are named with it."""
    told = method.entries("Raises")
    for name in told:
        assert issubclass(getattr(eventlog, name), EventLogError)
        assert name in eventlog.__all__
    if method.name not in ANYWHERE | {"open", "db", "close_from_outside"}:
        assert told.keys() >= {"StoreClosed", "OpenedElsewhere"} or "EventLogError" in told


def test_every_error_of_callers_and_disks_is_public() -> None:
    """What a public method may raise can be caught by its name."""
    raised = {
        name
        for name, error in vars(errors).items()
        if isinstance(error, type)
        and issubclass(error, errors.CallerError | errors.DatabaseError | errors.BadRecord)
    }
    assert raised - set(eventlog.__all__) == KEPT_INSIDE


@pytest.mark.parametrize("method", METHODS, ids=_named)
def test_every_type_that_is_taken_or_answered_can_be_imported(method: Method) -> None:
    """A caller can annotate its own functions with the public names."""
    signature = inspect.signature(method.function)
    given = [parameter.annotation for parameter in signature.parameters.values()]
    text = " ".join(str(one) for one in (*given, signature.return_annotation))
    names = set(re.findall(r"[A-Za-z_]\w*", text.replace("inspect._empty", "")))
    assert names - KNOWN_TYPES - {"class"} <= set(eventlog.__all__)


STRUCTS: Final = [
    name
    for name in eventlog.__all__
    if isinstance(thing := getattr(eventlog, name), type)
    and (issubclass(thing, msgspec.Struct) or hasattr(thing, "_fields"))
]


@pytest.mark.parametrize("name", STRUCTS)
def test_every_field_of_a_public_value_is_explained(name: str) -> None:
    """Facts, filters, records and receipts name each of their fields, but a kind's version."""
    thing = getattr(eventlog, name)
    fields = getattr(thing, "__struct_fields__", None) or thing._fields
    doc = inspect.getdoc(thing) or ""
    unnamed = {field for field in fields if not re.search(rf"\b{field}\b", doc)}
    assert unnamed <= {"version"}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A store with one event in it, in a folder that is deleted."""
    folder = tmp_path_factory.mktemp("docstrings")
    with chdir(folder), opened_desk(folder) as opened:
        yield opened


def _method_of(argument: str) -> Method | None:
    name = argument.partition("(")[0]
    owner: type = EventStore
    if name.startswith("Reader."):
        name = name.removeprefix("Reader.")
        owner = Reader
    return Method(owner, name) if Method(owner, name) in METHODS else None


@pytest.mark.parametrize("argument", [one for one in ARGUMENTS if _method_of(one) is not None])
def test_every_error_that_a_value_leads_to_is_listed(desk: Desk, argument: str) -> None:
    """Whatever an argument is, the error is one of Raises, or of a group that is."""
    method = _method_of(argument)
    assert method is not None
    listed = tuple(getattr(eventlog, name) for name in method.entries("Raises"))
    for value in EDGES:
        outcome = desk.outcome(ARGUMENTS[argument], value)
        if isinstance(outcome, EventLogError):
            assert isinstance(outcome, listed), f"{type(outcome).__name__} is not listed"
