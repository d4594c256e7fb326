"""The command line marks names that look alike as the pages do, and no name speaks as the log."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path

import pytest

from eventlog.dashboard import names
from eventlog.facts import FaceResult, Fact, Motion, PersonNamed, UnlockAction
from eventlog.journal.append import Append, prepare
from tests.cli.command_line import CommandLine
from tests.support.logs import T0, build_log

CYRILLIC_ADA = "\u0430da"
SPEECH = "ada. The door was unlocked for bela"


def visit(minute: int, name: str, *facts: Fact) -> Append:
    """A visit at which this person was seen and refused."""
    return prepare(
        [
            Motion(camera_id="front_door", recorded_at=T0 + timedelta(minutes=minute)),
            FaceResult(name=name, distance=0.3, tolerance=0.6),
            UnlockAction(granted=False, person=name, actor="face"),
            *facts,
        ]
    )


LOG = [
    visit(0, "ada"),
    visit(1, CYRILLIC_ADA),
    visit(2, "a\u200bda"),
    visit(3, "mallory"),
    prepare([PersonNamed(name="mallory", display_name="ada")]),
    visit(4, SPEECH),
    visit(5, "stranger"),
    visit(6, "eve (recorded as ada)"),
]


@pytest.fixture
def eventlog(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> CommandLine:
    """The command line over the visits."""
    return CommandLine(capsys, build_log(tmp_path / "door.db", LOG))


def test_the_list_marks_them(eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """An imitation is spelled out, two who are shown alike are told apart, a sentence is quoted."""
    monkeypatch.setenv("COLUMNS", "200")
    said = eventlog("events").out
    for label in (
        "ada (shown like mallory)",
        r"\u0430da (imitates ada)",
        r"a\u200bda (imitates ada)",
        "ada (recorded as mallory; shown like ada)",
        f'"{SPEECH}"',
        '"stranger"',
        '"eve (recorded as ada)"',
    ):
        assert f" {label}  " in said, label
    assert CYRILLIC_ADA not in said


@pytest.mark.parametrize(
    ("event", "label"),
    [
        (2, r"\u0430da (imitates ada)"),
        (4, "ada (recorded as mallory; shown like ada)"),
        (5, f'"{SPEECH}"'),
        (6, '"stranger"'),
    ],
)
def test_a_story_marks_them(event: int, label: str, eventlog: CommandLine) -> None:
    """In the sentence and in the lines of the records."""
    said = " ".join(eventlog("show", str(event)).out.split())
    assert said.count(label) >= 2
    assert CYRILLIC_ADA not in said


def test_the_tail_marks_them(eventlog: CommandLine) -> None:
    """It shows recorded names, and those that imitate another with escapes."""
    said = eventlog("tail", "-n", "100").out
    assert r"Face: \u0430da (imitates ada)" in said
    assert f'Face: "{SPEECH}"' in said
    assert CYRILLIC_ADA not in said


def test_a_hint_marks_them(eventlog: CommandLine) -> None:
    """The list of persons that there are does not show two that look the same."""
    said = eventlog("events", "--person", "zoe").err
    assert r"\u0430da (imitates ada)" in said
    assert CYRILLIC_ADA not in said


def test_without_the_table_of_letters_it_says_that_it_does_not_compare(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table is part of the extra `web`; invisible characters are found without it."""
    monkeypatch.setitem(sys.modules, "confusable_homoglyphs", None)
    monkeypatch.setattr(names, "letters_are_compared", lambda: False)
    names._prototypes.cache_clear()
    names.skeletons.cache_clear()
    try:
        said = eventlog("events")
    finally:
        monkeypatch.undo()
        names._prototypes.cache_clear()
        names.skeletons.cache_clear()
    assert "not compared for look-alike letters" in said.err
    assert r"a\u200bda (imitates ada)" in said.out
