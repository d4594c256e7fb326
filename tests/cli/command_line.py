"""The command line in this process: what it says, and the exit code, of one call."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from eventlog.cli.app import run
from eventlog.cli.context import Settings


class Said(NamedTuple):
    """A call's exit code, and what it wrote to the standard output and the standard error."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[str]:
        """The lines of the answer."""
        return self.out.splitlines()

    @property
    def json(self) -> list[Any]:
        """The answer, read as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


class CommandLine:
    """The command line over one log; `db` is what its deployment names."""

    def __init__(
        self,
        capsys: pytest.CaptureFixture[str],
        db: Path,
        *,
        time_zone: str = "UTC",
        must_exist: bool = False,
        keys_dir: Path | None = None,
    ) -> None:
        self.capsys = capsys
        self.db = db
        self.thumbnails = db.parent / "thumbnails"
        self.time_zone = time_zone
        self.must_exist = must_exist
        self.keys_dir: str | Path | None = keys_dir
        self.head_to = ""

    def __call__(self, *arguments: object) -> Said:
        """Run one command."""
        self.capsys.readouterr()
        code = run([str(argument) for argument in arguments], self._settings)
        captured = self.capsys.readouterr()
        return Said(code, captured.out, captured.err)

    def _settings(self) -> Settings:
        return Settings(
            db_path=str(self.db),
            thumbnails_dir=str(self.thumbnails),
            head_to=self.head_to,
            time_zone=self.time_zone,
            must_exist=self.must_exist,
            keys_dir="" if self.keys_dir is None else str(self.keys_dir),
        )
