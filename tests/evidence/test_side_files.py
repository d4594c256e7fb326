"""Tree, heads and the notary's word beside a log: only plain files of ours, and bounded reads."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from eventlog.errors import DatabaseError
from eventlog.evidence import outside
from eventlog.evidence.heads_file import read_heads
from eventlog.evidence.tree_file import read_blocks
from eventlog.storage.paths import heads_path, outside_path, tree_path
from tests.evidence.signed_logs import make_keys, sign
from tests.storage.test_side_files import ALL_KINDS, VICTIM, folder
from tests.support.logs import build_log


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_what_lies_in_the_place_of_the_heads_files_is_not_followed(
    tmp_path: Path, kind: Callable[[Path], None]
) -> None:
    """Tree, heads and the word of the notary are plain files of ours, or an error that names it."""
    (tmp_path / "log").mkdir()
    path = build_log(tmp_path / "log" / "events.db", 2)
    keys = make_keys(path, tmp_path / "keys")
    for file in (tree_path(path), heads_path(path), outside_path(path)):
        kind(file)
        if file != outside_path(path):
            with pytest.raises(DatabaseError, match=file.suffix):
                sign(path, keys)
        assert outside.read(path) is None
        assert read_blocks(path, keys.log_id, 10) == []
        victim = file.with_name("victim")
        assert not victim.exists() or victim.read_text() == VICTIM
        victim.unlink(missing_ok=True)
        file.rmdir() if kind is folder else file.unlink()
        keys.file("signed").unlink(missing_ok=True)
    assert not (tmp_path / "log" / "made by a link").exists()


def test_a_heads_file_of_50_gigabytes_is_read_from_its_end(tmp_path: Path) -> None:
    """It costs no more memory than any other, and the heads at its end are found."""
    (tmp_path / "log").mkdir()
    path = build_log(tmp_path / "log" / "events.db", 2)
    keys = make_keys(path, tmp_path / "keys")
    heads_path(path).touch(mode=0o600)
    os.truncate(heads_path(path), 50 * 1024**3)
    head = sign(path, keys)
    assert read_heads(heads_path(path))[-1] == head
    os.truncate(tree_path(path), 50 * 1024**3)
    assert sign(path, keys) == head
