"""docs/privacy.md: every command on the page is one that can be run as it stands there."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path
from typing import Final

import pytest

from tests.cli.test_forget import NAME, sealed_door

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs" / "privacy.md").read_text("utf-8")
# They set up a machine, or are for a log that is in clear or has lost its keys.
ELSEWHERE: Final = {"init": "tests/run", "seal": "test_forget.py"}
ENDS: Final = {"expire": 2}  # what may be deleted has to be said


def commands() -> list[list[str]]:
    """The commands of the page in their order, without the program."""
    found = re.findall(r"`eventlog ([^`]+)`|^eventlog (.+)$", PAGE, re.MULTILINE)
    return [shlex.split(one or other) for one, other in found]


def test_every_command_of_the_page_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a sealed log with a person of that name; exits are what the page lets one expect."""
    door = sealed_door(tmp_path, capsys, monkeypatch, 2)
    copy = tmp_path / "stick" / "door.keys"
    put = {"FILE": str(copy), "DIR": str(tmp_path / "keys"), "ada": NAME}
    ran = []
    for words in commands():
        if words[0] in ELSEWHERE:
            continue
        if words[:2] == ["keys", "restore"]:
            shutil.rmtree(tmp_path / "keys")
        said = door(*(put.get(word, word) for word in words))
        expected = 1 if words == ["forget", "ada"] else ENDS.get(words[0], 0)  # it asks
        assert said.code == expected, (words, said)
        ran.append(words[0])
    assert set(ran) >= {"status", "keys", "replay", "verify", "expire", "forget"}
    assert (tmp_path / "work" / "ada.zip").exists()
