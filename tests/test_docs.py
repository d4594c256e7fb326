"""What README and docs say is run unchanged: commands, their output, Python, names and links."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

from docs import rooms
from eventlog.cli.command_list import COMMANDS

CHECKOUT = Path(__file__).resolve().parent.parent
README = CHECKOUT / "README.md"
COMMANDS_PAGE = CHECKOUT / "docs" / "commands.md"
PAGES = [README, *sorted((CHECKOUT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)(?:#[^)]*)?\)")
# What is otherwise each time it is run: hashes, and when the journal got it.
CHANGING = re.compile(r"\b[0-9a-f]{8}\b|(?<=got it at )[0-9: -]+")

# The files that the README feeds, in the sources' own shapes.
FRIGATE = [
    {
        "id": "1772015400.5-abc123",
        "camera": "front_door",
        "label": "person",
        "start_time": 1772015400.5,
        "data": {"top_score": 0.8},
    }
]
RING = [{"id": 7330963245622279024, "kind": "ding", "created_at": "2026-02-25T10:30:00Z"}]


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    text: str


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    return [Block(*match) for match in FENCE.findall(page.read_text(encoding="utf-8"))]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with the files that the README names, and nothing else."""
    (tmp_path / "events.json").write_text(json.dumps(FRIGATE), encoding="utf-8")
    (tmp_path / "history.json").write_text(json.dumps(RING), encoding="utf-8")
    return tmp_path


@pytest.fixture
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """One in which `eventlog` and `python` are this checkout's, and nothing is configured."""
    programs = tmp_path_factory.mktemp("programs")
    for name, arguments in {"eventlog": "-m eventlog", "python": ""}.items():
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n', encoding="utf-8")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    kept = {k: v for k, v in os.environ.items() if k not in {"DB_PATH", "THUMBNAILS_DIR"}}
    path = f"{programs}:{os.environ['PATH']}"
    return {**kept, "PATH": path, "PYTHONPATH": str(CHECKOUT), "TIME_ZONE": "UTC"}


def run(command: list[str], place: Path, environment: dict[str, str]) -> str:
    """What a command answers; it must succeed."""
    done = subprocess.run(
        command, cwd=place, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.returncode}\n{done.stderr}"
    return done.stdout


def shown(text: str) -> list[str]:
    """Output without what changes, and without how wide its columns are."""
    lines = [re.sub(r" {2,}", "  ", line.strip()) for line in text.splitlines()]
    return [CHANGING.sub("…", line) for line in lines if line]


def run_console(text: str, place: Path, environment: dict[str, str]) -> None:
    """Run the commands of a console block and compare their output with the page."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, _, expected = part.partition("\n")
        answer = run(["bash", "-c", command], place, environment)
        assert shown(answer) == shown(expected), answer


def targets() -> set[str]:
    """The Makefile's targets."""
    makefile = (CHECKOUT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))


def test_the_readme_and_the_commands_can_be_followed_from_top_to_bottom(
    place: Path, environment: dict[str, str]
) -> None:
    """Every block is run in its order and one folder, and answers what the page shows.

    `make` is not run here: its targets must exist.
    """
    ran = []
    for block in [*blocks(README), *blocks(COMMANDS_PAGE)]:
        ran.append(block.language)
        match block.language:
            case "python":
                run([sys.executable, "-W", "error", "-c", block.text], place, environment)
            case "console":
                run_console(block.text, place, environment)
            case "sh" if "make " in block.text:
                called = re.findall(r"^make (\w+)", block.text, re.MULTILINE)
                assert called
                assert targets().issuperset(called)
            case "sh":
                script = f"set -euo pipefail\n{block.text}"
                run(["bash", "-c", script], place, environment)
            case other:
                pytest.fail(f"this test can't run a block of {other!r}")
    assert {"python", "console", "sh"} <= set(ran)
    assert (place / "restored.db").exists()


def test_the_readmes_first_example_may_be_run_again(
    place: Path, environment: dict[str, str]
) -> None:
    """Its appends have keys: the second run stores nothing."""
    (example, *_) = (block for block in blocks(README) if block.language == "python")
    heads = []
    for _ in range(2):
        run([sys.executable, "-W", "error", "-c", example.text], place, environment)
        heads.append(json.loads(run(["eventlog", "status", "--json"], place, environment)))
    assert heads[0]["records"] == heads[1]["records"] == 3


def test_every_command_is_on_the_page_of_commands() -> None:
    """Each has its line in the table, and the table has no other."""
    page = COMMANDS_PAGE.read_text(encoding="utf-8")
    table = page.partition("| command | does |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)", table, re.MULTILINE)) == {c.name for c in COMMANDS}


def test_every_filter_is_on_the_page_of_commands(environment: dict[str, str], place: Path) -> None:
    """The list's options are on the line of `events`."""
    page = COMMANDS_PAGE.read_text(encoding="utf-8")
    line = next(line for line in page.splitlines() if line.startswith("| `events` |"))
    options = set(
        re.findall(r"--[a-z]+", run(["eventlog", "events", "--help"], place, environment))
    )
    named = set(re.findall(r"--[a-z]+", line))
    assert named < options
    assert options - named == {"--db", "--thumbnails", "--json", "--outcome"}


def test_no_page_and_no_message_installs_a_name_from_an_index() -> None:
    """`eventlog` is another project's there, and `doorjournal` could become anybody's."""
    texts = [
        path
        for folder, pattern in ((".", "*.md"), ("docs", "**/*.md"), ("eventlog", "**/*"))
        for path in (CHECKOUT / folder).glob(pattern)
        if path.is_file() and path.suffix not in {".pyc", ".png"}
    ]
    assert len(texts) > 100
    installs = re.compile(r"pip3? install[^\n]*[ '\"](eventlog|doorjournal)\b")
    found = [path for path in texts if installs.search(path.read_text(encoding="utf-8"))]
    assert found == []


def test_the_readme_links_to_nothing_that_an_index_page_lacks() -> None:
    """Its only relative target is its picture, which the build leaves out."""
    text = README.read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)]+)\)", text)
    assert [target for target in targets if "://" not in target] == [
        "docs/screenshots/timeline-wide.png"
    ]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    """Links within the repository name files that are there."""
    for target in LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_the_architecture_shows_the_rooms_as_they_are() -> None:
    """The drawing and every file's line are current; `make docs` writes them."""
    page = rooms.PAGE.read_text(encoding="utf-8")
    assert page == rooms.written(page)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_python_block_of_the_docs_runs(
    page: Path, place: Path, environment: dict[str, str]
) -> None:
    """Each by itself; those of the README are run in their order above."""
    if page in {README, COMMANDS_PAGE}:
        return
    for block in blocks(page):
        if block.language == "python":
            run([sys.executable, "-W", "error", "-c", block.text], place, environment)
