"""Seals and the seals file: what opens, what is erased for good, and what damage may cost."""

from __future__ import annotations

import errno
import os
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from eventlog.errors import BadArgument, DatabaseError, KeysMissing
from eventlog.evidence import slot_file
from eventlog.evidence.seals import (
    COUNTER_AT,
    SLOT_SIZE,
    BadSlot,
    Header,
    Slot,
    State,
    What,
    commitment,
    pack,
    pack_header,
    unpack,
    unpack_header,
)
from eventlog.evidence.seals_file import SealsFile
from eventlog.evidence.slot_file import SLOTS_AHEAD

LOG = bytes(range(16))
NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=64)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A seals file, empty."""
    place = tmp_path / "log.seals"
    SealsFile.create(place, LOG).close()
    return place


def opened(path: Path, seals_id: bytes | None = None) -> SealsFile:
    """The file, opened."""
    return SealsFile(path, LOG, seals_id=seals_id)


def test_a_seal_is_the_digest_that_the_format_names() -> None:
    """Recomputed from the sentence in the docstring."""
    opening = bytes(range(32))
    expected = sha256(b"eventlog/name/1\0" + opening + b"Ada Lovelace").digest()
    assert commitment(opening, "Ada Lovelace") == expected


@given(text=NAMES, what=st.sampled_from(What), made_at_us=st.integers(-(2**63), 2**63 - 1))
def test_a_slot_comes_back_as_it_was_packed(text: str, what: What, made_at_us: int) -> None:
    """Every field, in 512 bytes."""
    opening = sha256(text.encode()).digest()
    sealed = commitment(opening, text)
    for state in (State.LIVE, State.RETIRED):
        slot = Slot(
            state=state,
            what=what,
            sealed=sealed,
            opening=opening,
            person=sealed,
            made_at_us=made_at_us,
            text=text,
        )
        data = pack(slot)
        assert len(data) == SLOT_SIZE
        assert unpack(data) == slot


@given(text=NAMES)
def test_an_erased_slot_holds_the_seal_and_nothing_else(text: str) -> None:
    """State, seal and checksum: every other byte is zero."""
    sealed = commitment(bytes(32), text)
    slot = Slot(state=State.LIVE, sealed=sealed, person=sealed, text=text, made_at_us=7)
    data = pack(slot.erased())
    assert data[0] == State.ERASED
    assert data[4:36] == sealed
    assert data[1:4] + data[36:480] == bytes(3 + 444)
    assert unpack(data) == Slot(state=State.ERASED, sealed=sealed)


@given(at=st.integers(0, SLOT_SIZE - 1), bit=st.integers(0, 7))
def test_a_flipped_bit_is_never_another_name(at: int, bit: int) -> None:
    """Wherever it is: the slot is damaged, and the header as well."""
    sealed = commitment(bytes(32), "ada")
    slot = pack(Slot(state=State.LIVE, sealed=sealed, person=sealed, text="ada"))
    for data, read in ((slot, unpack), (pack_header(Header(LOG, LOG, 3)), unpack_header)):
        damaged = bytearray(data)
        damaged[at] ^= 1 << bit
        with pytest.raises(BadSlot):
            read(bytes(damaged))


def test_a_text_is_sealed_once_and_opens(path: Path) -> None:
    """The second time gives the same seal, after a reopening too; another kind of text does not."""
    with opened(path) as seals:
        ada = seals.seal("ada", made_at_us=1)
        assert seals.seal("ada", made_at_us=2) == ada
        shown = seals.seal("ada", What.DISPLAY_NAME, person=ada, made_at_us=3)
        assert shown != ada
    with opened(path) as seals:
        assert seals.find("ada") == ada
        found = seals.opened(ada)
        assert found is not None
        assert (found.text, found.what, found.made_at_us) == ("ada", What.NAME, 1)
        assert seals.of_person(ada) == [ada, shown]
        assert seals.opened(bytes(32)) is None


def test_a_new_seal_is_in_the_file_when_seal_returns(path: Path) -> None:
    """Read by the bytes, while the file is open."""
    with opened(path) as seals:
        sealed = seals.seal("ada", made_at_us=1)
        slot = unpack(path.read_bytes()[SLOT_SIZE : 2 * SLOT_SIZE])
        assert (slot.sealed, slot.text) == (sealed, "ada")


def test_an_erased_name_is_in_no_byte_of_the_file(path: Path) -> None:
    """And the slots of others are as they were, byte for byte."""
    with opened(path) as seals:
        ada = seals.seal("Ada Lovelace", made_at_us=1)
        ben = seals.seal("ben", made_at_us=2)
        opening = seals.opened(ada)
        assert opening is not None
        before = path.read_bytes()
        assert seals.erase([ada]) == 1
        assert seals.erase([ada]) == 0
    after = path.read_bytes()
    assert b"Ada" not in after
    assert opening.opening not in after
    assert after[2 * SLOT_SIZE :] == before[2 * SLOT_SIZE :]
    with opened(path) as seals:
        erased = seals.opened(ada)
        assert erased is not None
        assert erased.state is State.ERASED
        assert seals.find("Ada Lovelace") is None
        assert seals.find("ben") == ben


def test_a_name_that_comes_back_gets_another_seal(path: Path) -> None:
    """Nothing ties it to the erased one, and no slot is used twice."""
    with opened(path) as seals:
        first = seals.seal("ada", made_at_us=1)
        seals.erase([first])
        second = seals.seal("ada", made_at_us=2)
        assert second != first
        assert [slot.state for slot in seals.slots()] == [State.ERASED, State.LIVE]


def test_a_retired_seal_opens_and_is_not_used_again(path: Path) -> None:
    """As after an export for the person: the next record gets a new slot."""
    with opened(path) as seals:
        first = seals.seal("ada", made_at_us=1)
        assert seals.retire([first]) == 1
        slot = seals.opened(first)
        assert slot is not None
        assert slot.text == "ada"
        second = seals.seal("ada", person=first, made_at_us=2)
        assert second != first
        assert seals.of_person(first) == [first, second]


def test_what_one_process_changes_another_sees(path: Path) -> None:
    """A new seal, and an erasure: also where the other has the name in memory."""
    with opened(path) as one, opened(path) as other:
        ada = one.seal("ada", made_at_us=1)
        assert other.seal("ada", made_at_us=2) == ada
        one.erase([ada])
        assert other.find("ada") is None
        slot = other.opened(ada)
        assert slot is not None
        assert slot.state is State.ERASED


def test_a_file_that_is_put_in_the_place_of_an_open_one_is_used(path: Path) -> None:
    """As by a restore: new seals and erasures go into it, and not into a file without a name."""
    with opened(path) as seals:
        ada = seals.seal("ada", made_at_us=1)
        older = path.read_bytes()
        before = seals.counter()
        bo = seals.seal("bo", made_at_us=2)
        path.with_suffix(".new").write_bytes(older)
        path.with_suffix(".new").rename(path)
        assert seals.counter() not in (before, (0, 2))
        assert seals.opened(bo) is None
        assert seals.seal("bo", made_at_us=3) != bo
        seals.erase([ada])
    with opened(path) as again:
        assert [slot.text for slot in again.slots()] == ["", "bo"]


def test_nothing_is_sealed_into_a_file_that_was_deleted(path: Path) -> None:
    """Not even with a seal that is known: nothing would open it after the next start."""
    with opened(path) as seals:
        seals.seal("ada", made_at_us=1)
        path.unlink()
        for name in ("ada", "bo"):
            with pytest.raises(KeysMissing):
                seals.seal(name, made_at_us=2)


def test_a_new_seal_reads_no_other_slot(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are: a street has thousands of plates, and appends wait for each."""
    with opened(path) as seals:
        seals.seal("a name", made_at_us=1)
        with monkeypatch.context() as patch:
            patch.setattr(slot_file, "unpack", None)  # what reads a slot
            made = [seals.seal(f"plate {n}", What.PLATE, made_at_us=1) for n in range(100)]
        assert [seals.find(f"plate {n}", What.PLATE) for n in range(100)] == made
    with opened(path) as again:
        assert [slot.sealed for slot in again.slots()[1:]] == made


def test_a_seal_that_could_not_be_written_is_not_found(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an error of the disk the file is read again, by the process that had it too."""
    with opened(path) as seals:
        ada = seals.seal("ada", made_at_us=1)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(DatabaseError):
                seals.seal("bo", made_at_us=2)
        assert seals.find("ada") == ada
        with opened(path) as again:
            assert seals.slots() == again.slots()
        assert seals.seal("cleo", made_at_us=3) == seals.find("cleo")


def full(_: int) -> None:
    """A disk without room."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_an_old_copy_of_the_file_brings_nobody_back(path: Path) -> None:
    """The start erases again what the journal erased."""
    with opened(path) as seals:
        ada = seals.seal("ada", made_at_us=1)
        old = path.read_bytes()
        seals.erase([ada])
    path.write_bytes(old)
    with opened(path) as seals:
        assert seals.finish_erasures([ada]) == 1
        assert seals.find("ada") is None
    assert b"ada" not in path.read_bytes()


def test_a_damaged_slot_is_overwritten_while_an_erased_seal_has_none(path: Path) -> None:
    """It may be the erased one's: its bytes may still hold the name."""
    with opened(path) as seals:
        ada = seals.seal("ada", made_at_us=1)
        ben = seals.seal("ben", made_at_us=1)
    data = bytearray(path.read_bytes())
    data[SLOT_SIZE + 40] ^= 1
    path.write_bytes(data)
    with opened(path) as seals:
        assert seals.damaged == [1]
        assert seals.finish_erasures([]) == 0
        assert b"ada" in path.read_bytes()
        assert seals.finish_erasures([ada]) == 1
        assert b"ada" not in path.read_bytes()
        assert seals.find("ben") == ben


def test_a_damaged_header_loses_no_name(path: Path) -> None:
    """Where the journal knows the file's id the header is written again; else it is an error."""
    with opened(path) as seals:
        ada, seals_id = seals.seal("ada", made_at_us=1), seals.seals_id
    data = bytearray(path.read_bytes())
    data[COUNTER_AT : COUNTER_AT + 8] = b"noise..."
    path.write_bytes(data)
    with pytest.raises(KeysMissing, match="header"):
        opened(path)
    for _ in range(2):
        with opened(path, seals_id) as seals:
            assert seals.find("ada") == ada
            assert seals.seals_id == seals_id


def test_another_logs_file_is_refused(path: Path) -> None:
    """By the log's id, and by the file's own where the journal knows it."""
    with pytest.raises(KeysMissing, match="another log"):
        SealsFile(path, bytes(16))
    with pytest.raises(KeysMissing, match="another log"):
        opened(path, bytes(16))


def test_a_missing_file_and_one_that_is_there_are_named(path: Path) -> None:
    """Opening what is not there, making what is, and a link in its place."""
    with pytest.raises(KeysMissing, match="no seals file"):
        SealsFile(path.with_name("other"), LOG)
    with pytest.raises(KeysMissing, match="already"):
        SealsFile.create(path, LOG)
    link = path.with_name("link")
    link.symlink_to(path)
    with pytest.raises(KeysMissing, match="can't be opened"):
        SealsFile(link, LOG)


@pytest.mark.parametrize("text", ["", "é" * 129, "\ud800"])
def test_a_text_that_no_slot_can_hold_is_refused(path: Path, text: str) -> None:
    """Empty, over 256 bytes, or no UTF-8."""
    with opened(path) as seals, pytest.raises(BadArgument):
        seals.seal(text, made_at_us=1)


def test_only_the_owner_may_read_the_file(path: Path) -> None:
    """Mode 0600."""
    assert path.stat().st_mode & 0o777 == 0o600


def test_the_file_grows_by_many_slots_at_a_time(path: Path) -> None:
    """So that most new seals change no length, which a sync would have to write as well."""
    sizes = set()
    with opened(path) as seals:
        for number in range(2 * SLOTS_AHEAD):
            seals.seal(f"person {number}", made_at_us=1)
            sizes.add(path.stat().st_size)
    assert len(sizes) == 2


class SealsModel(RuleBasedStateMachine):
    """Two open files of one log against a dict: what is live, erased, retired."""

    folder: Path

    @initialize()
    def begin(self) -> None:
        """An empty file, opened twice."""
        self.path = self.folder / "log.seals"
        self.path.unlink(missing_ok=True)
        SealsFile.create(self.path, LOG).close()
        self.files = [opened(self.path), opened(self.path)]
        self.live: dict[str, bytes] = {}
        self.states: dict[bytes, State] = {}

    @rule(which=st.integers(0, 1), text=st.sampled_from("abcd"))
    def seal(self, which: int, text: str) -> None:
        """A live text keeps its seal; any other gets a new one."""
        sealed = self.files[which].seal(text, made_at_us=1)
        if text in self.live:
            assert sealed == self.live[text]
        else:
            assert sealed not in self.states
        self.live[text] = sealed
        self.states[sealed] = State.LIVE

    @rule(which=st.integers(0, 1), text=st.sampled_from("abcd"), erase=st.booleans())
    def end(self, which: int, text: str, *, erase: bool) -> None:
        """A text is erased or retired."""
        sealed = self.live.pop(text, None)
        if sealed is not None:
            assert (self.files[which].erase if erase else self.files[which].retire)([sealed]) == 1
            self.states[sealed] = State.ERASED if erase else State.RETIRED

    @rule(which=st.integers(0, 1))
    def reopen(self, which: int) -> None:
        """One of them is closed and opened again."""
        self.files[which].close()
        self.files[which] = opened(self.path)

    @invariant()
    def both_files_say_what_the_model_says(self) -> None:
        """Every seal with its state, and which text is live."""
        for file in self.files:
            assert {slot.sealed: slot.state for slot in file.slots()} == self.states
            assert {text: file.find(text) for text in "abcd" if file.find(text)} == self.live

    def teardown(self) -> None:
        """Close both."""
        for file in self.files:
            file.close()


def test_two_open_files_agree_with_a_plain_model(tmp_path: Path) -> None:
    """Whatever is sealed, erased, retired and reopened, in any order."""
    SealsModel.folder = tmp_path
    SealsModel.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
    SealsModel.TestCase("runTest").runTest()
