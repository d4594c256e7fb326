"""`eventlog run --check` on signed heads: whether there is a key, and where heads go."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.run.house import said

pytestmark = pytest.mark.anyio


async def test_it_is_said_whether_heads_are_signed_and_where_they_go(tmp_path: Path) -> None:
    """No keys is a note, wrong places and wrong folders are wrong, and the rest is named."""
    (tmp_path / "keys").mkdir(mode=0o700)
    keys = f'keys = "{tmp_path}/keys"'
    assert (await said(tmp_path, ""))["keys"].startswith("note: is not set")
    assert (await said(tmp_path, keys))["head_to"].startswith("note: is not set")
    to = f'{keys}\nhead_to = "file:/mnt/nas/door.heads name=nas; exec:/usr/bin/send"'
    assert (await said(tmp_path, to))["head_to"] == "ok: nas, send"
    assert (await said(tmp_path, f'{keys}\nhead_to = "nas"'))["head_to"].startswith("wrong: ")
    inside = f'keys = "{tmp_path}/log/keys"'
    assert "is inside the log's own folder" in (await said(tmp_path, inside))["keys"]
    gone = f'keys = "{tmp_path}/gone"'
    assert "eventlog keys init makes it" in (await said(tmp_path, gone))["keys"]
