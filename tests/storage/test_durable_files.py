"""Files are complete or missing: the order of the calls, and what a failure leaves."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from eventlog.storage import durable_files
from eventlog.storage.durable_files import (
    is_plain,
    make_folder,
    open_plain,
    write_new,
)

CALLS = ("open", "write", "fsync", "rename", "close")
SPARE = ".spare"


class Recorder:
    """Replaces `os`: records each call, and can make one of them fail."""

    def __init__(
        self, *, fail_at: int = -1, error: int = errno.EIO, at_most: int = 1 << 30
    ) -> None:
        self.calls: list[tuple[str, str]] = []
        self.names: dict[int, str] = {}
        self.fail_at = fail_at
        self.error = error
        self.at_most = at_most

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in CALLS:
            return real
        return lambda *args, **options: self._call(name, real, args, options)

    def _call(
        self, name: str, real: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
    ) -> Any:
        what = self.names.get(args[0]) if isinstance(args[0], int) else Path(args[0]).name
        if name == "close":
            return real(*args)
        self.calls.append((name, str(what)))
        if len(self.calls) - 1 == self.fail_at:
            raise OSError(self.error, os.strerror(self.error))
        if name == "write":
            args = (args[0], args[1][: self.at_most])
        result = real(*args, **options)
        if name == "open":
            self.names[result] = str(what)
        return result


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Recorder]:
    """Make the room call a recorder instead of the system."""

    def record(**options: int) -> Recorder:
        recorder = Recorder(**options)
        monkeypatch.setattr(durable_files, "os", recorder)
        return recorder

    return record


def open_files() -> int:
    """How many descriptors this process holds."""
    return len(list(Path("/proc/self/fd").iterdir()))


def names(*given: str) -> Iterator[str]:
    """Names to choose from."""
    return iter(given or ("a", "a-2"))


def test_a_file_is_synced_before_it_is_renamed_and_its_folder_after(
    tmp_path: Path, recorded: Callable[..., Recorder]
) -> None:
    """Bytes, sync, a free name, rename, sync of the folder: in this order, and then the answer."""
    recorder = recorded()
    assert write_new(tmp_path, SPARE, names(), b"content") == "a"
    folder = tmp_path.name
    assert recorder.calls == [
        ("open", folder),
        ("open", SPARE),
        ("write", SPARE),
        ("fsync", SPARE),
        ("open", "a"),
        ("rename", SPARE),
        ("fsync", folder),
    ]
    assert (tmp_path / "a").read_bytes() == b"content"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


def test_a_write_that_takes_only_a_part_goes_on(
    tmp_path: Path, recorded: Callable[..., Recorder]
) -> None:
    """A system that writes three bytes at a time still writes them all."""
    recorder = recorded(at_most=3)
    write_new(tmp_path, SPARE, names(), b"0123456789")
    assert (tmp_path / "a").read_bytes() == b"0123456789"
    assert [call for call in recorder.calls if call[0] == "write"] == [("write", SPARE)] * 4


@pytest.mark.parametrize("error", [errno.EIO, errno.ENOSPC, errno.EROFS])
@pytest.mark.parametrize("fail_at", range(7))
def test_a_call_that_fails_leaves_nothing_behind(
    tmp_path: Path, recorded: Callable[..., Recorder], fail_at: int, error: int
) -> None:
    """Whichever call fails, the error is raised, and neither file exists."""
    (tmp_path / "other").write_bytes(b"other")
    recorder = recorded(fail_at=fail_at, error=error)
    with pytest.raises(OSError, match=os.strerror(error)) as raised:
        write_new(tmp_path, SPARE, names(), b"content")
    assert raised.value.errno == error
    assert len(recorder.calls) == fail_at + 1
    assert [entry.name for entry in tmp_path.iterdir()] == ["other"]


def test_a_failed_call_closes_what_it_opened(
    tmp_path: Path, recorded: Callable[..., Recorder]
) -> None:
    """No descriptor is left open, whichever call fails."""
    before = open_files()
    for fail_at in range(7):
        recorded(fail_at=fail_at)
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            write_new(tmp_path, SPARE, names(), b"content")
    assert open_files() == before


def test_a_name_that_is_taken_is_never_overwritten(tmp_path: Path) -> None:
    """By a file, a folder, a symbolic link or one that leads nowhere: the next name is taken."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"outside")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a").write_bytes(b"first")
    (folder / "b").mkdir()
    (folder / "c").symlink_to(outside)
    (folder / "d").symlink_to(tmp_path / "nowhere")
    assert write_new(folder, SPARE, names("a", "b", "c", "d", "e"), b"content") == "e"
    assert (folder / "a").read_bytes() == b"first"
    assert outside.read_bytes() == b"outside"
    assert not (tmp_path / "nowhere").exists()


def test_a_spare_name_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    """A file or symbolic link of another program is neither written nor removed."""
    outside = tmp_path / "outside"
    outside.write_bytes(b"outside")
    (tmp_path / SPARE).symlink_to(outside)
    with pytest.raises(FileExistsError):
        write_new(tmp_path, SPARE, names(), b"content")
    assert (tmp_path / SPARE).is_symlink()
    assert outside.read_bytes() == b"outside"


def test_without_a_free_name_nothing_is_written(tmp_path: Path) -> None:
    """The error is the system's own, and the temporary file is removed."""
    (tmp_path / "a").write_bytes(b"first")
    with pytest.raises(FileExistsError):
        write_new(tmp_path, SPARE, names("a"), b"content")
    assert [entry.name for entry in tmp_path.iterdir()] == ["a"]


@pytest.fixture
def umask() -> Iterator[None]:
    """The usual umask, under which a careless file is readable by all."""
    old = os.umask(0o022)
    yield
    os.umask(old)


@pytest.mark.usefixtures("umask")
def test_files_are_0600_and_folders_0700(tmp_path: Path) -> None:
    """What is made belongs to its user alone; a folder that was there keeps its mode."""
    tmp_path.chmod(0o755)
    make_folder(tmp_path / "one" / "two")
    write_new(tmp_path / "one" / "two", SPARE, names(), b"content")
    paths = ("one", "one/two", "one/two/a", ".")
    modes = [stat.S_IMODE((tmp_path / path).stat().st_mode) for path in paths]
    assert modes == [0o700, 0o700, 0o600, 0o755]


def test_each_new_folder_is_synced_into_the_one_above(
    tmp_path: Path, recorded: Callable[..., Recorder]
) -> None:
    """A power cut takes no folder that a file was put into; folders that are there cost nothing."""
    recorder = recorded()
    make_folder(tmp_path / "one" / "two")
    assert recorder.calls == [
        ("open", tmp_path.name),
        ("fsync", tmp_path.name),
        ("open", "one"),
        ("fsync", "one"),
    ]
    make_folder(tmp_path / "one" / "two")
    assert len(recorder.calls) == 4


def test_a_folder_that_another_process_makes_meanwhile_is_as_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two that make it at once, neither fails; a file in its place is an error."""
    real = Path.mkdir

    def made_before(self: Path, mode: int = 0o777) -> None:
        real(self, mode)
        real(self, mode)

    monkeypatch.setattr(Path, "mkdir", made_before)
    make_folder(tmp_path / "one")
    assert (tmp_path / "one").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        make_folder(tmp_path / "file")


def test_only_a_plain_file_is_plain(tmp_path: Path) -> None:
    """A link, a folder, a pipe, a missing file and an impossible name are not plain files."""
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    assert is_plain(tmp_path / "file")
    for name in ("link", "folder", "pipe", "nothing", "x" * 300, "\ud800"):
        assert not is_plain(tmp_path / name)


def test_only_a_plain_file_is_opened(tmp_path: Path) -> None:
    """Nothing else is read, a pipe does not keep the caller waiting, and no descriptor stays."""
    (tmp_path / "file").write_bytes(b"content")
    (tmp_path / "link").symlink_to(tmp_path / "file")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with open_plain(tmp_path / "file") as file:
        assert file.read() == b"content"
    before = open_files()
    for name in ("link", "folder", "pipe"):
        with pytest.raises(OSError, match=r"Invalid argument|symbolic links"):
            open_plain(tmp_path / name)
    assert open_files() == before
