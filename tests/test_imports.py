"""What an import brings with it: a pipeline on a small machine pays for what it uses."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("PIL", "cyclopts", "rich", "litestar", "eventlog.cli", "eventlog.dashboard")


@pytest.mark.parametrize("module", ["eventlog", "event_store"])
def test_an_import_brings_neither_pillow_nor_the_command_line(module: str) -> None:
    """Pictures, commands and pages are imported when one is asked for."""
    code = f"import sys, {module}; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True
    )

    brought = {name for name in HEAVY if name in done.stdout.splitlines()}

    assert module in done.stdout.splitlines()
    assert brought == set()
