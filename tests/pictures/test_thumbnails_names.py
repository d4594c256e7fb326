"""No text from outside becomes more of a path than a few plain letters."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eventlog import codecs
from eventlog.errors import BadArgument
from eventlog.pictures import thumbnails
from eventlog.pictures.thumbnails import FALLBACK, Thumbnails
from tests.pictures.thumbnails_folder import saved


@pytest.fixture
def folder(tmp_path: Path) -> Thumbnails:
    """A folder that is not made yet."""
    return Thumbnails(tmp_path / "thumbnails")


def listing(root: Path) -> set[str]:
    """Everything under a path, links not followed."""
    return {str(Path(at) / name) for at, *kinds in os.walk(root) for kind in kinds for name in kind}


NASTY = (
    *("../../etc/cron.d/x", "/etc/passwd", "front/../../x", "..", ".", "", "/", "//", "./", "../"),
    *("..\\..\\x", "C:\\x", "~", "~root", "a\0b", "a\nb", "a\rb", "\x1b[2J", "x" * 300, "é" * 300),
    *("x" * 10_000_000, "-rf", "--", "-", " ", "%2e%2e%2f", "a;b", "$(id)", "`id`", "|x", "a&b"),
    *("\ud800", "\udcff", "\u202egpj", "\u2028", "\u2215etc", "\uff0e\uff0e\uff0f", "CON", "x.jpg"),
    *(".thumbnail-0123456789abcdef.tmp", ".gitkeep", "thumbnails", "link", "dangling", "folder"),
    *(
        "1970-01-01T00:00:00Z",
        "9999-12-31T23:59:59.999999+14:00",
        "2026-02-25 10:30:00",
        "\U0001d7da",
    ),
)


def hostile_timestamps() -> list[str]:
    """Two hundred: the known ones, and others of the same parts, by a fixed seed."""
    parts = (
        "..",
        "/",
        "\\",
        "\0",
        "\n",
        "link",
        "2026",
        ":",
        ".",
        "\ud800",
        "-",
        "~",
        "é",
        "x" * 90,
    )
    chance = random.Random(2026)
    return [*NASTY, *("".join(chance.choices(parts, k=8)) for _ in range(200 - len(NASTY)))]


def test_no_timestamp_leads_outside_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 200 hostile timestamps each is saved, in the folder, under a name that a fact can hold.

    Links of likely names are in the folder. What they point to stays as it was, and the trace of
    all names that were opened for writing shows no separator.
    """
    folder = Thumbnails(tmp_path / "inner" / "thumbnails")
    folder.ensure()
    outside = tmp_path / "outside"
    outside.write_bytes(b"outside")
    (folder.folder / "link.jpg").symlink_to(outside)
    (folder.folder / "dangling.jpg").symlink_to(tmp_path / "nowhere")
    (folder.folder / f"{FALLBACK}.jpg").symlink_to(tmp_path / "nowhere")
    (folder.folder / "folder.jpg").symlink_to(tmp_path)
    before = listing(tmp_path)
    traced: list[str] = []
    real = os.open

    def trace(path: str, flags: int, *args: Any, **options: Any) -> int:
        if flags & os.O_CREAT:
            traced.append(path)
        return real(path, flags, *args, **options)

    monkeypatch.setattr(os, "open", trace)
    timestamps = hostile_timestamps()
    assert len(timestamps) == 200
    facts = [saved(folder, when) for when in timestamps]

    new = listing(tmp_path) - before
    assert new == {str(folder.folder / fact.path.removeprefix("thumbnails/")) for fact in facts}
    assert len(new) == 200
    assert outside.read_bytes() == b"outside"
    assert len(traced) >= 400
    assert {name for name in traced if "/" in name} == set()
    for fact in facts:
        assert re.fullmatch(r"thumbnails/[A-Za-z0-9_+][A-Za-z0-9_+-]*\.jpg", fact.path)
        assert folder.check(fact) is None
        codecs.encode(fact)


@given(st.text())
def test_any_text_gives_a_plain_short_name(text: str) -> None:
    """Letters, digits, '_', '+' and '-', not at the start a '-', and never empty."""
    assert re.fullmatch(r"[A-Za-z0-9_+][A-Za-z0-9_+-]{0,99}", thumbnails._stem(text))


@given(st.from_regex(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]{0,15}", fullmatch=True))
def test_a_timestamp_only_loses_its_colons_and_dots(text: str) -> None:
    """As the contract has it: ':' and '.' become '-', and the rest stays."""
    assert thumbnails._stem(text) == text.replace(":", "-").replace(".", "-")


@pytest.mark.parametrize("name", ["x" * 121, "\ud800", "a\0b"])
def test_a_folder_whose_name_can_stand_in_no_fact_is_refused(tmp_path: Path, name: str) -> None:
    """Its paths could never be appended, so it is the caller's error, at once."""
    with pytest.raises(BadArgument):
        Thumbnails(tmp_path / name)


def test_a_folder_that_is_named_by_dots_has_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """'.' and '..' are the folders that they lead to; the root has no name."""
    monkeypatch.chdir(tmp_path)
    assert Thumbnails(Path()).name == tmp_path.name
    assert Thumbnails(tmp_path / "x" / "..").name == tmp_path.name
    with pytest.raises(BadArgument):
        Thumbnails(Path("/"))
