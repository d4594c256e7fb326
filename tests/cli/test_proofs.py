"""The commands on keys, heads, proofs, witnesses and tiles, as a user calls them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eventlog.evidence import log_tree, proving, tree, tree_secret
from eventlog.evidence.keys import KeysDir, new_key
from eventlog.evidence.note import COSIGNS, Note, Signature
from eventlog.evidence.signed_heads import (
    LogName,
    head_text,
    parse_head,
    parse_line,
    parse_name,
)
from eventlog.evidence.witness_server import PREFIX
from eventlog.evidence.witnesses import Witness
from eventlog.record import StoredRecord
from eventlog.storage.paths import heads_path
from tests.cli.command_line import CommandLine
from tests.evidence.signed_logs import log_id_of, stranger
from tests.evidence.test_tree import nodes
from tests.evidence.test_witnesses import served
from tests.support import logs

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture
def door(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """A log of some visits, and the command line over it."""
    (tmp_path / "log").mkdir()
    return CommandLine(capsys, logs.build_log(tmp_path / "log" / "events.db"))


@pytest.fixture
def signed(door: CommandLine, tmp_path: Path) -> CommandLine:
    """The same with a folder of keys, and no head yet."""
    assert door("keys", "init", tmp_path / "keys").code == 0
    return door


def vkey(door: CommandLine, keys: Path) -> str:
    """The log's public key."""
    return door("keys", "show", "--keys", keys).lines[0]


def test_keys_are_made_once_and_never_inside_the_log(door: CommandLine, tmp_path: Path) -> None:
    """`keys init` makes a private folder, refuses the log's own, and writes over nothing."""
    inside = door("keys", "init", door.db.parent / "keys")
    assert (inside.code, "is inside the log's own folder" in inside.err) == (2, True)
    made = door("keys", "init", tmp_path / "keys")
    assert made.code == 0
    assert vkey(door, tmp_path / "keys") in made.out
    assert (tmp_path / "keys").stat().st_mode & 0o777 == 0o700
    assert all(path.stat().st_mode & 0o077 == 0 for path in (tmp_path / "keys").iterdir())
    again = door("keys", "init", tmp_path / "keys")
    assert (again.code, "exists already" in again.err) == (2, True)


def test_keys_that_others_may_read_are_refused(signed: CommandLine, tmp_path: Path) -> None:
    """A folder that is open to others is not used, and the sentence says what to do."""
    (tmp_path / "keys").chmod(0o755)
    said = signed("head", "--now", "--keys", tmp_path / "keys")
    assert (said.code, "chmod 700" in said.err) == (2, True)


def test_without_keys_it_is_said_how_to_make_them(door: CommandLine) -> None:
    """`head` and `prove` of a log without keys name the command that makes them."""
    for words in (["head"], ["prove", 1]):
        said = door(*words)
        assert (said.code, "eventlog keys init" in said.err) == (2, True)


def test_a_head_is_signed_and_shown(signed: CommandLine, tmp_path: Path) -> None:
    """`head --now` signs all there is; `head` shows it; --line is the line for people."""
    keys = tmp_path / "keys"
    assert "no head is signed yet" in signed("head", "--keys", keys).err
    now = signed("head", "--now", "--keys", keys)
    assert now.code == 0
    assert "all there are" in now.out
    line = signed("head", "--line", "--keys", keys)
    (shown,) = signed("head", "--json", "--keys", keys).json
    assert parse_line(line.out).size == shown["size"]
    assert shown["unsigned"] == 0
    assert parse_head(shown["note"].encode()).root.hex() == shown["root"]
    assert "█" in signed("head", "--qr", "--keys", keys).out


def test_a_stranger_checks_what_was_proved(signed: CommandLine, tmp_path: Path) -> None:
    """A proof of one record, and those of a visit, hold for the program that came with them."""
    keys = tmp_path / "keys"
    one = signed("prove", 4, "--keys", keys, "--into", tmp_path)
    assert one.code == 0, one.err
    assert "shows the record's key and meta too" in one.err
    visit = signed("prove", "--event", 3, "--keys", keys, "--into", tmp_path)
    files = [line for line in visit.lines if line.startswith("/")]
    assert len(files) > 1
    signed("prove", "--verifier", "--into", tmp_path)
    program = tmp_path / "evidence_verify.py"
    given = [program, "proof", "--key", vkey(signed, keys), *files]
    answer = subprocess.run(
        [sys.executable, "-I", *map(str, given)], capture_output=True, text=True, check=False
    )
    assert (answer.returncode, answer.stdout.count("TRUE")) == (0, len(files))


def test_what_can_not_be_proved_is_said(signed: CommandLine, tmp_path: Path) -> None:
    """A record or event that is not there, or no choice of one, is wrong use."""
    keys = tmp_path / "keys"
    assert "there is no record 9999" in signed("prove", 9999, "--keys", keys).err
    assert "there is no event 9999" in signed("prove", "--event", 9999, "--keys", keys).err
    assert "name one record" in signed("prove", "--keys", keys).err


def test_one_head_is_proved_to_continue_another(signed: CommandLine, tmp_path: Path) -> None:
    """`prove --between` writes a consistency proof that the stranger's program takes."""
    keys = tmp_path / "keys"
    old, new = tmp_path / "old.head", tmp_path / "new.head"
    signed("head", "--now", "--keys", keys)
    old.write_text(signed("head", "--json", "--keys", keys).json[0]["note"])
    with logs.writing(signed.db) as connection:
        logs.put(connection, [one for one in logs.appends(9, seed=5) if one.key is None])
        logs.write_head(signed.db, connection)
    signed("head", "--now", "--keys", keys)
    new.write_text(signed("head", "--json", "--keys", keys).json[0]["note"])
    made = signed("prove", "--between", old, new, "--into", tmp_path)
    assert made.code == 0, made.err
    both = tmp_path / "both.heads"
    both.write_bytes(old.read_bytes() + new.read_bytes())
    key = vkey(signed, keys)
    answer = stranger("heads", "--key", key, "--between", made.lines[0], both)
    assert answer.returncode == 0, answer.stderr


def test_verify_holds_the_log_against_heads_and_lines(signed: CommandLine, tmp_path: Path) -> None:
    """Stored heads confirm an unchanged log and reveal a rewritten one."""
    keys = tmp_path / "keys"
    line = signed("head", "--now", "--line", "--keys", keys).out.strip()
    kept = tmp_path / "kept.heads"
    shutil.copy(f"{signed.db}.heads", kept)
    asked = ["verify", "--no-views", "--no-pictures", "--heads", kept, "--head-line", line]
    honest = signed(*asked)
    assert honest.code == 0, honest.out
    assert "are in an outside head" in honest.out
    assert signed(*asked, "--require-head", "36500d").code == 0
    assert signed(*asked, "--require-head", "0s").code == 1
    assert signed("verify", "--no-views", "--require-head", "soon").code == 2
    Path(f"{signed.db}.heads").unlink()

    def backdate(rows: list[StoredRecord]) -> None:
        rows[3] = rows[3]._replace(appended_at=7)

    logs.rewrite(signed.db, backdate)
    forged = signed(*asked)
    assert forged.code == 1
    assert forged.out.count("are not those that were signed") == 2
    assert signed("verify", "--heads", tmp_path / "missing").code == 2


def test_a_rotation_signs_twice_and_then_with_the_new_key(
    signed: CommandLine, tmp_path: Path
) -> None:
    """Both keys sign until --finish; old and new public key each check the head in between."""
    keys = tmp_path / "keys"
    old = vkey(signed, keys)
    assert signed("keys", "rotate", "--keys", keys).code == 0
    assert signed("keys", "rotate", "--keys", keys).code == 2
    new = vkey(signed, keys)
    assert new != old
    signed("prove", 2, "--keys", keys, "--into", tmp_path)
    proof = tmp_path / "record-2.tlog-proof"
    for key in (old, new):
        assert stranger("proof", "--key", key, proof).returncode == 0
    assert signed("keys", "rotate", "--finish", "--keys", keys).code == 0
    with logs.writing(signed.db) as connection:
        logs.put(connection, [one for one in logs.appends(3, seed=5) if one.key is None])
    signed("head", "--now", "--keys", keys)
    signed("prove", 2, "--keys", keys, "--into", tmp_path)
    assert stranger("proof", "--key", new, proof).returncode == 0


def test_after_a_rotation_the_old_heads_are_still_this_logs(
    signed: CommandLine, tmp_path: Path
) -> None:
    """`verify` takes heads that only the old key has signed: its public key is kept, no more."""
    keys = tmp_path / "keys"
    signed.keys_dir = str(keys)
    old = vkey(signed, keys)
    (seed,) = keys.glob("*.signing")
    fd = os.open(seed, os.O_RDONLY)
    signed("head", "--now")
    for words in (["rotate"], ["rotate", "--finish"]):
        assert signed("keys", *words).code == 0
    signed("head", "--now")
    checked = signed("verify", "--no-pictures", "--no-views")
    assert (checked.code, "not signed by" in checked.out) == (0, False)
    (retired,) = keys.glob("*.retired")
    assert retired.read_text().split() == [old]
    assert set(os.pread(fd, 4096, 0)) == {0}, "the old seed still lies on the disk"
    os.close(fd)


def test_a_rotation_ends_only_when_every_witness_knows_the_new_key(
    signed: CommandLine, tmp_path: Path
) -> None:
    """Otherwise the witness would refuse every later head, unnoticed for days."""
    signed.keys_dir = str(tmp_path / "keys")
    witness = Witness(tmp_path / "seen", new_key("w.example/w", COSIGNS))
    witness.add(vkey(signed, tmp_path / "keys"))
    with served(witness) as connection:
        url = f"http://127.0.0.1:{connection.port}{PREFIX}"
        signed.head_to = f"witness:{url} {witness.key.encode()} every=0 name=aunt"
        assert signed("keys", "rotate").code == 0
        early = signed("keys", "rotate", "--finish")
        assert (early.code, "aunt does not know the key" in early.err) == (2, True)
        assert len(signed("keys", "show").lines) == 2
        witness.add(vkey(signed, tmp_path / "keys"))
        assert signed("keys", "rotate", "--finish").code == 0
    assert len(signed("keys", "show").lines) == 1


def test_a_rotation_that_was_killed_at_its_begin_is_begun_again(
    signed: CommandLine, tmp_path: Path
) -> None:
    """Two keys and no record of the new one: the next `keys rotate` brings the record."""
    keys = KeysDir(tmp_path / "keys", log_id_of(signed.db))
    (old,) = keys.signing_keys()
    keys.write_signing_keys([new_key(old.name), old])
    said = signed("keys", "rotate", "--keys", keys.path)
    assert (said.code, "eventlog prove" in said.err) == (2, True)
    kinds = [row[2] for row in logs.rows(signed.db)]
    assert kinds.count("signing_key") == 2


def test_an_era_that_was_killed_before_its_first_head_goes_on(
    signed: CommandLine, tmp_path: Path
) -> None:
    """The key of the new era is the owner's word: the next head is signed under its name."""
    keys = KeysDir(tmp_path / "keys", log_id_of(signed.db))
    signed("head", "--now", "--keys", keys.path)
    (old,) = keys.signing_keys()
    keys.write_signing_keys([old.renamed(str(parse_name(old.name).in_era(1)))])
    with logs.guards_down(signed.db) as connection:
        connection.execute("DELETE FROM journal WHERE position > 30")
    now = signed("head", "--now", "--keys", keys.path)
    assert now.code == 0, now.err
    assert parse_head(now.out.encode().partition(b"\nevl1")[0]).size == 30


@pytest.mark.parametrize("with_key", [True, False], ids=["with the key", "without"])
def test_a_forged_head_of_a_later_era_excuses_nothing(
    signed: CommandLine, tmp_path: Path, *, with_key: bool
) -> None:
    """Only a head of an era whose key was given can say that the earlier one honestly ended."""
    keys = tmp_path / "keys"
    signed("head", "--now", "--keys", keys)
    kept = tmp_path / "kept.heads"
    shutil.copy(heads_path(signed.db), kept)
    asked = ["verify", "--no-pictures", "--no-views", "--heads", kept]
    if with_key:
        asked += ["--key", vkey(signed, keys)]

    def backdate(rows: list[StoredRecord]) -> None:
        rows[3] = rows[3]._replace(appended_at=7)

    logs.rewrite(signed.db, backdate)
    forger = new_key(str(LogName(log_id_of(signed.db), 1)))
    with log_tree.reading(signed.db) as connection:
        root = log_tree.root_at(connection, proving.require_secret(connection), 9)
    text = head_text(forger.name, 9, root)
    heads_path(signed.db).write_bytes(Note(text, (forger.sign(text),)).encode())
    checked = signed(*asked)
    assert checked.code == 1, checked.out
    assert "are not those that were signed" in checked.out


def test_a_forged_head_beside_the_log_misleads_no_proof(
    signed: CommandLine, tmp_path: Path
) -> None:
    """A head that looks larger and cosigned, and that the key has not signed, is passed over."""
    keys = tmp_path / "keys"
    signed("head", "--now", "--keys", keys)
    genuine = parse_head(heads_path(signed.db).read_bytes())
    line = Signature("w.example/w", b"abcd", bytes(72))
    own = Signature(genuine.origin, genuine.note.signatures[0].key_id, bytes(64))
    with heads_path(signed.db).open("ab") as file:
        file.write(Note(genuine.note.text, (own, line)).encode())
    assert signed("prove", 2, "--keys", keys, "--into", tmp_path).code == 0
    proof = tmp_path / "record-2.tlog-proof"
    assert stranger("proof", "--key", vkey(signed, keys), proof).returncode == 0


def test_a_lost_key_begins_an_era_and_old_proofs_stay_true(
    signed: CommandLine, tmp_path: Path
) -> None:
    """Without the folder of keys a new one goes on under a new name, by the owner's word."""
    keys = tmp_path / "keys"
    old = vkey(signed, keys)
    signed("prove", 2, "--keys", keys, "--into", tmp_path)
    before = tmp_path / "before.tlog-proof"
    (tmp_path / "record-2.tlog-proof").rename(before)
    shutil.rmtree(keys)
    keys.mkdir(mode=0o700)
    assert signed("head", "--now", "--keys", keys).code == 2
    begun = signed("head", "--new-era", "key-lost", "--keys", keys)
    assert begun.code == 0, begun.err
    new = vkey(signed, keys)
    assert "/1+" in new
    signed("prove", 2, "--keys", keys, "--into", tmp_path)
    assert stranger("proof", "--key", new, tmp_path / "record-2.tlog-proof").returncode == 0
    assert stranger("proof", "--key", old, before).returncode == 0


def test_a_witness_learns_a_new_key_from_the_log_itself(
    signed: CommandLine, tmp_path: Path
) -> None:
    """A proof of the record that names the new key is enough; that of any other record is not."""
    keys, neighbour = tmp_path / "keys", tmp_path / "neighbour"
    (neighbour / "log").mkdir(parents=True)
    assert eventlog(neighbour, "witness", "add", vkey(signed, keys)).returncode == 0
    said = signed("keys", "rotate", "--keys", keys).out
    position = int(said.split("eventlog prove ")[1].split()[0])
    for number in (1, position):
        assert signed("prove", number, "--keys", keys, "--into", tmp_path).code == 0
    wrong = eventlog(neighbour, "witness", "add", "--follow", tmp_path / "record-1.tlog-proof")
    assert (wrong.returncode, "does not name a new key" in wrong.stderr) == (2, True)
    file = tmp_path / f"record-{position}.tlog-proof"
    assert eventlog(neighbour, "witness", "add", "--follow", file).returncode == 0
    listed = eventlog(neighbour, "keys", "list").stdout
    assert listed.count("seen") == 2
    assert vkey(signed, keys) in listed


def test_a_new_era_goes_on_after_a_backup_was_put_back(signed: CommandLine, tmp_path: Path) -> None:
    """A shorter log is refused until its owner begins a new era, which signs under a new name."""
    keys = tmp_path / "keys"
    old = vkey(signed, keys)
    assert signed("backup", tmp_path / "backup.db").code == 0
    with logs.writing(signed.db) as connection:
        logs.put(connection, [one for one in logs.appends(3, seed=5) if one.key is None])
        logs.write_head(signed.db, connection)
    signed("head", "--now", "--keys", keys)
    for path in signed.db.parent.glob("events.db*"):
        path.unlink()
    shutil.copy(tmp_path / "backup.db", signed.db)
    refused = signed("head", "--now", "--keys", keys)
    assert (refused.code, "shorter than what was signed" in refused.err) == (2, True)
    begun = signed("head", "--new-era", "restored", "--keys", keys)
    assert begun.code == 0, begun.err
    new = vkey(signed, keys)
    assert new != old
    assert "/1+" in new
    signed("prove", 2, "--keys", keys, "--into", tmp_path)
    proof = tmp_path / "record-2.tlog-proof"
    assert stranger("proof", "--key", new, proof).returncode == 0
    assert stranger("proof", "--key", old, proof).returncode == 1
    assert signed("head", "--now", "--keys", keys).code == 0


def test_an_export_carries_what_proofs_need(signed: CommandLine, tmp_path: Path) -> None:
    """An imported log has the same tree: heads and proofs of the old one go on, in its era."""
    keys, lines = tmp_path / "keys", tmp_path / "door.jsonl"
    before = signed("head", "--now", "--line", "--keys", keys).out
    assert signed("export", lines).code == 0
    for path in signed.db.parent.glob("events.db*"):
        path.unlink()
    assert signed("import", lines).code == 0
    assert signed("head", "--now", "--line", "--keys", keys).out == before
    assert signed("verify", "--no-pictures").code == 0


def test_an_import_into_an_empty_log_brings_its_tree(signed: CommandLine, tmp_path: Path) -> None:
    """Also where the empty log had a tree of its own, the imported one's takes its place."""
    keys, lines = tmp_path / "keys", tmp_path / "door.jsonl"
    before = signed("head", "--now", "--line", "--keys", keys).out
    assert signed("export", lines).code == 0
    for path in signed.db.parent.glob("events.db*"):
        path.unlink()
    logs.build_log(signed.db, [])
    tree_secret.ensure(signed.db)
    assert signed("import", lines).code == 0
    assert signed("head", "--now", "--line", "--keys", keys).out == before


def test_a_salvaged_log_is_signed_under_a_name_of_its_own(
    signed: CommandLine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The new log has an id, a key and heads of its own, in the same folder of keys."""
    keys = tmp_path / "keys"
    signed("head", "--now", "--keys", keys)
    (tmp_path / "new").mkdir()
    assert signed("salvage", tmp_path / "new" / "whole.db").code == 0
    whole = CommandLine(capsys, tmp_path / "new" / "whole.db")
    assert "eventlog keys init" in whole("head", "--now", "--keys", keys).err
    assert whole("keys", "init", keys).code == 0
    assert whole("head", "--now", "--keys", keys).code == 0
    assert vkey(whole, keys) != vkey(signed, keys)
    assert signed("head", "--now", "--keys", keys).code == 0


def test_status_and_show_say_how_far_heads_are(signed: CommandLine, tmp_path: Path) -> None:
    """Not signed, signed and kept: `status` has a line for it, `show` a sentence."""
    assert "not signed: eventlog keys init" in signed("status").out
    signed("head", "--now", "--keys", tmp_path / "keys")
    assert "signed up to" in signed("status").out
    (found,) = signed("status", "--json").json
    assert found["heads"]["signed"] == found["durable"] == found["records"]
    assert "not in an outside head yet" in signed("show", 1).out


def test_tiles_are_those_of_c2sp(signed: CommandLine, tmp_path: Path) -> None:
    """Entries and hashes are where tlog-tiles expects them, and give the head's root."""
    keys, www = tmp_path / "keys", tmp_path / "www"
    assert signed("tiles", www, "--keys", keys).code == 0
    head = parse_head((www / "checkpoint").read_bytes())
    width = head.size % 256
    assert head.size < 256
    entries = (www / f"tile/entries/000.p/{width}").read_bytes()
    data = [entries[at + 2 : at + 34] for at in range(0, len(entries), 34)]
    assert entries[:2] == b"\0\x20"
    hashes = (www / f"tile/0/000.p/{width}").read_bytes()
    assert hashes == b"".join(map(tree.leaf_hash, data))
    assert tree.range_root(nodes(data), 0, head.size) == head.root
    assert signed("tiles", www, "--keys", keys).code == 0


# ── a second eventlog as witness ───────────────────────────────────────────────────────────


def environment(folder: Path, **more: str) -> dict[str, str]:
    """The environment of a second household's machine."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(CHECKOUT),
        "DB_PATH": str(folder / "log" / "events.db"),
        "THUMBNAILS_DIR": str(folder / "log" / "thumbnails"),
        "KEYS_DIR": str(folder / "keys"),
        **more,
    }


def eventlog(folder: Path, *words: object, **more: str) -> subprocess.CompletedProcess[str]:
    """One command on that machine, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "eventlog", *map(str, words)],
        env=environment(folder, **more),
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """`witness serve` on that machine; its address."""
    server = subprocess.Popen(
        [sys.executable, "-m", "eventlog", "witness", "serve", "--port", "0"],
        env=environment(folder),
        cwd=folder,
        stdout=subprocess.PIPE,
        text=True,
    )
    with server:
        assert server.stdout is not None
        line = server.stdout.readline()
        try:
            yield line.split()[-1]
        finally:
            server.send_signal(signal.SIGTERM)
            assert server.wait(20) == 0


def test_a_second_eventlog_witnesses_in_two_commands(signed: CommandLine, tmp_path: Path) -> None:
    """Key, witness, head and checked proof, each in a process of its own, over HTTP."""
    neighbour, home = tmp_path / "neighbour", tmp_path / "home"
    for folder in (neighbour, home):
        (folder / "log").mkdir(parents=True)
    shutil.copytree(signed.db.parent, home / "log", dirs_exist_ok=True)
    shutil.copytree(tmp_path / "keys", home / "keys")
    (home / "keys").chmod(0o700)
    key = eventlog(home, "keys", "show").stdout.strip()
    added = eventlog(neighbour, "witness", "add", key)
    assert added.returncode == 0, added.stderr
    witness_key = added.stdout.split()[-1]
    with serving(neighbour) as url:
        to = f"witness:{url} {witness_key} every=0"
        now = eventlog(home, "head", "--now", HEAD_TO=to)
        assert now.returncode == 0, now.stderr
        proved = eventlog(home, "prove", 4)
        assert proved.returncode == 0, proved.stderr
    proof = home / "record-4.tlog-proof"
    answer = stranger("proof", "--key", key, "--witness", witness_key, proof)
    assert answer.returncode == 0, answer.stderr
    assert "saw it at" in answer.stdout
    tail = eventlog(neighbour, "tail").stdout
    assert "seen: 59 records" in tail


def test_a_witness_checks_by_file_without_a_network(signed: CommandLine, tmp_path: Path) -> None:
    """A head that came as a file is cosigned; the next one needs a proof, and a fork is refused."""
    keys, neighbour = tmp_path / "keys", tmp_path / "neighbour"
    (neighbour / "log").mkdir(parents=True)
    signed("head", "--now", "--keys", keys)
    first, second = tmp_path / "first.head", tmp_path / "second.head"
    first.write_text(signed("head", "--json", "--keys", keys).json[0]["note"])
    assert eventlog(neighbour, "witness", "check", first).returncode == 1
    assert eventlog(neighbour, "witness", "add", vkey(signed, keys)).returncode == 0
    cosigned = eventlog(neighbour, "witness", "check", first)
    assert cosigned.returncode == 0, cosigned.stderr
    assert cosigned.stdout.startswith("— eventlog.invalid/")
    with logs.writing(signed.db) as connection:
        logs.put(connection, [one for one in logs.appends(9, seed=5) if one.key is None])
        logs.write_head(signed.db, connection)
    signed("head", "--now", "--keys", keys)
    second.write_text(signed("head", "--json", "--keys", keys).json[0]["note"])
    alone = eventlog(neighbour, "witness", "check", second)
    assert (alone.returncode, "prove --between" in alone.stderr) == (1, True)
    between = signed("prove", "--between", first, second, "--into", tmp_path).lines[0]
    assert eventlog(neighbour, "witness", "check", second, "--proof", between).returncode == 0
    assert eventlog(neighbour, "witness", "check", first).returncode == 1


@pytest.mark.parametrize(
    "words",
    [
        ["verify", "--no-views", "--no-pictures", "--heads", "/dev/zero"],
        ["verify", "--no-views", "--no-pictures", "--key", "/dev/zero"],
        ["prove", "--between", "/dev/zero", "/dev/zero"],
    ],
)
def test_a_file_without_an_end_fills_no_memory(
    signed: CommandLine, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is named on the command line is read up to a bound, and refused behind it."""
    monkeypatch.setattr("eventlog.cli.evidence.READ_MAX", 1_000_000)
    said = signed(*words)
    assert (said.code, "/dev/zero is too large" in said.err) == (2, True)
