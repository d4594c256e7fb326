"""Every command of docs/proof.md is run unchanged, from top to bottom, in one shell."""

from __future__ import annotations

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
PAGE = CHECKOUT / "docs" / "proof.md"


def free_port() -> int:
    """A port on which no server listens."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])


def test_the_page_can_be_followed_from_key_to_witnessed_proof(tmp_path: Path) -> None:
    """All blocks end well, the proof is TRUE twice, and the second time a witness is named."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name, arguments in {"eventlog": "-m eventlog", "python3": "-I -S"}.items():
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
    text = PAGE.read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    # The port of the page may be taken here.
    port = str(free_port())
    script = "\n".join(blocks).replace("witness add", f"witness add --port {port}")
    script = script.replace("witness serve", f"witness serve --port {port}")
    kept = {name: os.environ[name] for name in ("HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [shutil.which("bash") or "bash", "-c", f"set -euo pipefail\n{script}"],
        cwd=tmp_path,
        env={
            **kept,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "PYTHONPATH": str(CHECKOUT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("TRUE: record 1") == 2
    assert "saw it at" in done.stdout
    assert "are in an outside head" in done.stdout
