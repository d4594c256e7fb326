"""The files in the folder of keys: only plain files of ours, no link followed, bounded reads."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from eventlog.errors import EventLogError, KeysMissing, UnsafeFile
from eventlog.evidence import copies, keys_backup
from eventlog.evidence.copies import Copy
from eventlog.evidence.keys import KeysDir, new_key
from eventlog.evidence.note import COSIGNS
from eventlog.evidence.seals_file import SealsFile
from eventlog.evidence.signed_heads import LogName
from eventlog.evidence.small_files import SMALL_MAX, read_given
from eventlog.evidence.witnesses import Witness
from tests.cli.command_line import CommandLine
from tests.evidence.signed_logs import make_keys, sign
from tests.storage.test_side_files import ALL_KINDS, require_untouched
from tests.support.logs import build_log


def endless(path: Path) -> None:
    """A sparse file of 50 GB."""
    path.touch(mode=0o600)
    os.truncate(path, 50 * 1024**3)


READS: dict[str, Callable[[KeysDir], object]] = {
    "signing": KeysDir.signing_keys,
    "signed": KeysDir.signed,
    "secret": KeysDir.secret,
    "retired": KeysDir.retired_keys,
    "witness": KeysDir.witness_key,
    "copies": lambda keys: copies.read(keys.file("copies")),
}
KINDS = [*ALL_KINDS, endless]


@pytest.fixture
def keys(tmp_path: Path) -> KeysDir:
    """The keys of a log of two records."""
    (tmp_path / "log").mkdir()
    return make_keys(build_log(tmp_path / "log" / "events.db", 2), tmp_path / "keys")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", READS)
def test_what_lies_in_the_place_of_a_key_file_is_a_named_error(
    keys: KeysDir, ending: str, kind: Callable[[Path], None]
) -> None:
    """A pipe does not stop the door, and a link is not followed: it is named, and left alone."""
    keys.file(ending).unlink(missing_ok=True)
    kind(keys.file(ending))
    with pytest.raises(UnsafeFile, match=ending):
        READS[ending](keys)
    require_untouched(keys.path)


@pytest.mark.parametrize("kind", KINDS)
def test_what_lies_in_the_place_of_the_seals_file_is_a_named_error(
    tmp_path: Path, kind: Callable[[Path], None]
) -> None:
    """No header is written into a file of somebody else, and no 50 GB are read into memory.

    At a start, and in a program that had the file open; a link to nothing is a deleted file there.
    """
    path = tmp_path / f"{bytes(16).hex()}.seals"
    with SealsFile.create(path, bytes(16)) as seals:
        path.unlink()
        kind(path)
        with pytest.raises((KeysMissing, UnsafeFile), match=path.name):
            SealsFile(path, bytes(16), seals_id=seals.seals_id)
        if path.exists():
            with pytest.raises(UnsafeFile, match=path.name):
                seals.refresh()
    require_untouched(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", ["signed", "signing", "ask", "lock", "secret"])
def test_no_head_is_signed_over_a_key_file_that_is_none(
    keys: KeysDir, tmp_path: Path, ending: str, kind: Callable[[Path], None]
) -> None:
    """Signing says which file it is; a question or a lock without content may be any plain file."""
    keys.file(ending).unlink(missing_ok=True)
    kind(keys.file(ending))
    try:
        sign(tmp_path / "log" / "events.db", keys)
        keys.ask()
    except EventLogError as error:
        assert ending in str(error)  # noqa: PT017 - a plain file of 50 GB is as good a lock as any
    else:
        assert (kind, ending) in {(endless, "lock"), (endless, "ask")}
    require_untouched(keys.path)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("ending", ["", ".vkey"])
def test_a_witness_follows_no_link(
    tmp_path: Path, ending: str, kind: Callable[[Path], None]
) -> None:
    """Neither to the head of another log nor to another's keys."""
    name = str(LogName(bytes(16)))
    witness = Witness(tmp_path / "seen", new_key("w.example/w", COSIGNS))
    witness.add(new_key(name).public.encode())
    path = witness._file(name, ending)
    path.unlink(missing_ok=True)
    kind(path)
    with pytest.raises(UnsafeFile, match=path.name):
        witness.keys_of(name) if ending else witness.newest(name)
    if not ending:
        with pytest.raises(UnsafeFile):
            witness.checkpoint(path.name)
    require_untouched(tmp_path / "seen")


@pytest.mark.parametrize("kind", KINDS)
def test_a_backup_of_keys_reads_through_no_link(
    keys: KeysDir, tmp_path: Path, kind: Callable[[Path], None]
) -> None:
    """The key of another log in the place of ours is not carried away."""
    keys.file("signing").unlink()
    kind(keys.file("signing"))
    with pytest.raises(UnsafeFile, match="signing"):
        keys_backup.write(keys, tmp_path / "copy", 0)
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize("place", ["/dev/zero", "/dev/null", "pipe", "."])
def test_a_pipe_or_a_device_is_not_a_backup_of_keys(
    keys: KeysDir, tmp_path: Path, place: str
) -> None:
    """Neither to read nor to renew; nothing waits for the other end of a pipe."""
    os.mkfifo(tmp_path / "pipe")
    path = tmp_path / place
    db_path = tmp_path / "log" / "events.db"
    with pytest.raises(KeysMissing):
        keys_backup.restore(path, tmp_path / "restored", db_path)
    with pytest.raises(EventLogError):
        keys_backup.write(keys, path, 0)


@pytest.mark.parametrize("kind", KINDS)
def test_a_list_of_keys_goes_on_behind_a_file_that_is_none(
    keys: KeysDir, capsys: pytest.CaptureFixture[str], kind: Callable[[Path], None]
) -> None:
    """The other logs' keys are listed, and the file is named."""
    (keys.path / "seen").mkdir(mode=0o700)
    kind(keys.path / "seen" / f"{'0' * 64}.vkey")
    kind_of_log = keys.path / f"{'0' * 32}.signing"
    (keys.path / "victim").unlink(missing_ok=True)
    kind(kind_of_log)
    said = CommandLine(capsys, keys.path.parent / "log" / "events.db")("keys", "list", keys.path)
    assert said.code == 0
    assert keys.signing_keys()[0].public.encode() in said.out
    assert f"{'0' * 64}.vkey" in said.err
    assert kind_of_log.name in said.err


def test_a_list_of_copies_may_be_longer_than_a_key(tmp_path: Path) -> None:
    """Ten thousand proofs with a name in them are all named by `forget`."""
    path = tmp_path / "copies"
    many = [Copy(what="proof", path=f"/proofs/{number:0100}", at_us=number) for number in range(9)]
    for one in many:
        copies.note(path, one)
    path.write_bytes(path.read_bytes() * 1200)
    assert path.stat().st_size > SMALL_MAX
    assert len(copies.read(path)) == 9 * 1200


def test_a_file_that_the_deployment_names_is_read_no_further_than_a_bound(tmp_path: Path) -> None:
    """It may be a link, as secrets of containers are, and may not go on for ever."""
    (tmp_path / "secret").write_text("x")
    (tmp_path / "link").symlink_to("secret")
    assert read_given(tmp_path / "link") == b"x"
    with pytest.raises(OSError, match="more than 1048576 bytes"):
        read_given(Path("/dev/zero"))


def test_a_proof_is_written_through_no_link(
    keys: KeysDir, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Somebody's file that the name of the proof leads to keeps its content; a pipe is refused."""
    db = tmp_path / "log" / "events.db"
    sign(db, keys)
    line = CommandLine(capsys, db, keys_dir=keys.path)
    (tmp_path / "victim").write_text("letters")
    for make in (lambda path: path.symlink_to(tmp_path / "victim"), os.mkfifo):
        path = tmp_path / "record-1.tlog-proof"
        make(path)
        said = line("prove", "1", "--into", tmp_path)
        assert (said.code, "can't be written" in said.err) == (2, True)
        path.unlink()
    assert (tmp_path / "victim").read_text() == "letters"
    assert line("prove", "1", "--into", tmp_path).code == 0
