"""Whatever value an argument has, a command answers, or says in one line why it does not."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eventlog.cli.app import run
from eventlog.cli.context import Settings
from eventlog.cli.safe_text import safe
from tests.support.logs import build_log, rows

# What writes no record and no file: an option's name, or None for a value that stands alone.
READING: dict[str, list[str | None]] = {
    "events": [
        "--camera",
        "--type",
        "--person",
        "--label",
        "--outcome",
        "--since",
        "--until",
        "--limit",
        "--before",
        "--stranger",
        None,
    ],
    "show": [None, "--json"],
    "tail": ["--after", "--limit", "-n", None],
    "parked": ["--limit"],
    "replay": ["--check", "--until"],
    "status": ["--db", None],
    "export": ["--after", "--until"],
}
VALUES = (
    st.text()
    | st.integers().map(str)
    | st.floats().map(str)
    | st.datetimes().map(str)
    | st.sampled_from(
        [
            "",
            "-",
            "--",
            "\0",
            "\udcff",
            "\u202e",
            "nan",
            "9" * 5000,
            str(2**63),
            "-1",
            "0001-01-01T00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "23:59:60",
            "2016-12-31T23:59:60",
            "2026-02-30",
            "x" * 100_000,
        ]
    )
)


@st.composite
def calls(draw: st.DrawFn) -> list[str]:
    """A command with some options and any values."""
    command = draw(st.sampled_from(sorted(READING)))
    words = [command]
    for option in draw(st.lists(st.sampled_from(READING[command]), max_size=3)):
        words += [option] if option is not None else []
        words.append(draw(VALUES))
    return words


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A log whose journal no call may change."""
    path = build_log(tmp_path_factory.mktemp("values") / "door.db", 5)
    before = rows(path)
    yield path
    assert rows(path) == before


@given(calls())
@example(["events", "--label", "\udcff"])
@example(["events", "--since", "0001-01-01T00:00+14:00"])
@example(["events", "--before", str(2**63)])
@example(["show", str(10**30)])
@example(["status", "--db", "\0"])
@example(["status", "--db", "x" * 5000])
def test_any_argument_is_answered_or_refused_in_one_line(path: Path, call: list[str]) -> None:
    """No traceback, no code but 0, 1 and 2, and nothing that moves a cursor."""
    streams = [io.BytesIO(), io.BytesIO()]
    out, err = (io.TextIOWrapper(s, encoding="utf-8", write_through=True) for s in streams)
    settings = Settings(db_path=str(path), thumbnails_dir=str(path.parent / "thumbnails"))
    with redirect_stdout(out), redirect_stderr(err):
        code = run(call, lambda: settings)
    said, remarks = (stream.getvalue().decode() for stream in streams)
    assert code in {0, 1, 2}
    assert code == 0 or said == "" or call[0] in {"parked", "status", "replay", "export"}
    assert remarks.count("\n") <= 1 + remarks.count("warning")
    assert all(safe(line) == line for line in remarks.split("\n"))
