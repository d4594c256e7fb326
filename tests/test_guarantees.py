"""docs/guarantees.md: every promise names tests, every test named there exists, marks are true."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

CHECKOUT: Final = Path(__file__).resolve().parent.parent
PAGE: Final = CHECKOUT / "docs" / "guarantees.md"

PROMISES_END: Final = "\n## What no software can promise\n"
PROMISE: Final = re.compile(r"^\*\*G(\d+)\.\*\* ", re.MULTILINE)
NAMED: Final = re.compile(r"^- `(tests/[\w/]+\.py)::(\w+)`( \*faults\*)?$")


class Named(NamedTuple):
    """A test that a promise names, and whether the page says that it is one of `make faults`."""

    path: str
    name: str
    faults: bool


class Promise(NamedTuple):
    """A numbered sentence of the page and the lines below it."""

    number: int
    sentence: str
    lines: list[str]

    def tests(self) -> list[Named]:
        """The tests that it names."""
        matches = [match for line in self.lines if (match := NAMED.match(line))]
        return [Named(match[1], match[2], bool(match[3])) for match in matches]


def promises(page: str) -> list[Promise]:
    """The promises of a page, in order."""
    told, _, _ = page.partition(PROMISES_END)
    parts = PROMISE.split(re.sub(r"^## .*$", "", told, flags=re.MULTILINE))[1:]
    found = []
    for number, body in zip(parts[::2], parts[1::2], strict=True):
        sentence, _, rest = body.strip().partition("\n\n")
        found.append(Promise(int(number), sentence, rest.splitlines()))
    return found


@cache
def named_in(path: str) -> dict[str, bool]:
    """The tests of a file, and whether `make test` leaves each out as one of the faults."""
    tree = ast.parse((CHECKOUT / path).read_text(encoding="utf-8"))
    found: dict[str, bool] = {}
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                marks = [ast.unparse(decorator) for decorator in node.decorator_list]
                found[name] = "pytest.mark.faults" in marks
            # hypothesis makes a test class of a machine by an assignment.
            case ast.ClassDef(name=name) | ast.Assign(targets=[ast.Name(id=name)]):
                found[name] = False
    return {name: faults for name, faults in found.items() if name.lower().startswith("test")}


def wrong(page: str) -> list[str]:
    """What is wrong with a page of promises."""
    told = promises(page)
    findings = []
    if [promise.number for promise in told] != list(range(1, len(told) + 1)):
        findings.append("the numbers do not run on from 1")
    for number, sentence, lines in told:
        if not sentence.endswith("."):
            findings.append(f"G{number} is no sentence")
        if not lines:
            findings.append(f"G{number} names no test")
        findings += [
            f"G{number}: {line!r} names no test" for line in lines if not NAMED.match(line)
        ]
    for promise in told:
        for path, name, faults in promise.tests():
            if not (CHECKOUT / path).is_file() or name not in named_in(path):
                findings.append(f"G{promise.number}: there is no {path}::{name}")
            elif named_in(path)[name] is not faults:
                findings.append(f"G{promise.number}: {name} is marked wrongly")
    return findings


def test_every_promise_names_tests_that_there_are() -> None:
    """A promise without a test, or with a test that does not exist, is an error."""
    page = PAGE.read_text(encoding="utf-8")
    assert len(promises(page)) > 40
    assert wrong(page) == []


def test_what_no_software_can_promise_stands_at_the_end() -> None:
    """Failing cards, decaying blocks and attackers with root are named at the end of the page."""
    _, heading, limits = PAGE.read_text(encoding="utf-8").partition(PROMISES_END)
    assert heading
    assert "\n## " not in limits
    for limit in ("confirms writes", "rot", "root"):
        assert limit in limits


@pytest.mark.parametrize(
    ("page", "finding"),
    [
        ("**G1.** All is well.\n", "G1 names no test"),
        ("**G1.** All is well.\n\n- trust us\n", "G1: '- trust us' names no test"),
        ("**G1.** All is well.\n\n- `tests/test_gone.py::test_x`\n", "G1: there is no tests/test_"),
        (f"**G1.** All is well.\n\n- `tests/{Path(__file__).name}::test_x`\n", "G1: there is no "),
        (
            f"**G1.** It is.\n\n- `tests/{Path(__file__).name}::{{}}` *faults*\n".format(
                test_every_promise_names_tests_that_there_are.__name__
            ),
            "is marked wrongly",
        ),
        ("**G2.** All is well.\n", "the numbers do not run on"),
        ("**G1.** All is well\n\n- `tests/x.py::test_x`\n", "G1 is no sentence"),
    ],
)
def test_a_page_that_promises_too_much_is_found_out(page: str, finding: str) -> None:
    """Each way in which a promise may lack its test is reported."""
    assert any(finding in told for told in wrong(page)), wrong(page)
