"""How a lock was opened reads right for every actor, credential and slot."""

from __future__ import annotations

import re
from itertools import product
from typing import Final, get_args, get_type_hints

import pytest

from eventlog.facts import CredentialPresented, DoorAction, DoorState, LockState, UnlockAction
from eventlog.projections import means
from eventlog.projections.sentences import text_of

ACTORS: Final = (
    *("face", "keypad", "app", "key", "manual", "tag", "finger", "button", "schedule"),
    *("remote", "auto", "linked", "lock", "umbrella", "a thing", None),
)
KINDS: Final = ("pin", "rfid", "nfc", "fingerprint", "face", "key", "iris", "usb key", None)
# What reads wrong: an article that does not fit, a bare word of a fact, two of something.
WRONG: Final = re.compile(
    r"\ban (?!NFC|iris|[aeiou])|\ba (?:NFC|[aeio])|\bby (?:remote|manual|auto|linked)\b(?! control)"
    r"|\b(\w+) \1\b|  | ,|,$|\bNone\b|\bthe the\b|\brfid\b|\bnfc\b|\bpin\b"
)


@pytest.mark.parametrize("action", ["unlocked", "unlatched", "locked"])
def test_every_combination_reads_right(action: str) -> None:
    """No article, preposition or word of a fact's own is out of place."""
    for actor, kind, slot, who in product(ACTORS, KINDS, (None, 0, 2), ("Ada", None)):
        said = means.opened(who, action, actor, kind, slot)
        assert not WRONG.search(said), said
        assert said[0].isupper(), said
        assert who is None or said.startswith("Ada "), said
        assert slot is None or f"slot {slot}" in said, said


@pytest.mark.parametrize(("granted", "dry_run"), [(True, False), (False, False), (True, True)])
def test_every_sentence_of_an_action_reads_right(granted: bool, dry_run: bool) -> None:
    """With and without an intent, for each thing that a door may do."""
    did: tuple[DoorAction, ...] = get_args(DoorAction)
    doors = did if granted else ("none", "locked")
    for actor, kind, slot, door, intent in product(
        ACTORS, KINDS, (None, 2), doors, (None, "i1") if granted else (None,)
    ):
        fact = UnlockAction(
            granted=granted,
            door_action=door,
            actor=actor,
            credential_kind=kind,
            credential_slot=slot,
            intent=intent,
            dry_run=dry_run,
        )
        said = text_of(fact)
        assert not re.search(r"\bby (?:remote|manual|auto)\b(?! control)", said), said
        assert "None" not in said, said


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("Ada", "unlocked", "keypad", "pin", 2), "Ada opened with the code of slot 2"),
        (("Ada", "unlocked", "keypad", None, 2), "Ada opened with the code of slot 2"),
        ((None, "unlocked", "tag", "nfc", None), "Somebody opened with an NFC tag"),
        (("Ada", "unlatched", "app", None, None), "Ada opened and unlatched by app"),
        ((None, "unlocked", "remote", None, None), "Somebody opened by remote control"),
        ((None, "unlocked", "manual", None, None), "Somebody opened by hand"),
        ((None, "locked", "auto", None, None), "The lock locked by itself"),
        ((None, "unlocked", None, None, None), "Somebody opened"),
        (
            ("Ada", "unlocked", "finger", "fingerprint", 7),
            "Ada opened with the fingerprint of slot 7",
        ),
    ],
)
def test_an_opening_in_words(
    arguments: tuple[str | None, str, str | None, str | None, int | None], expected: str
) -> None:
    """By a code, a tag, an app, a hand, or the lock itself."""
    assert means.opened(*arguments) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59.4, "59 seconds"),
        (59.6, "1 minute"),
        (840, "14 minutes"),
        (3599, "1 hour"),
        (3600, "1 hour"),
        (7500, "2 hours and 5 minutes"),
        (172_800, "2 days"),
    ],
)
def test_how_long_something_lasted(seconds: float, expected: str) -> None:
    """In the two largest units that say something."""
    assert means.lasting(seconds) == expected


def test_a_code_of_a_slot_has_its_sentence_in_a_story() -> None:
    """As the issue on sources asks: who opened, and with what."""
    fact = UnlockAction(
        granted=True,
        door_action="unlocked",
        person="ada",
        actor="keypad",
        credential_kind="pin",
        credential_slot=2,
        door_id="front",
    )
    assert text_of(fact, {"ada": "Ada"}) == "Ada opened with the code of slot 2 (front)"


def test_a_credential_that_opened_nothing_has_an_article() -> None:
    """A code, an NFC tag."""
    said = text_of(CredentialPresented(credential_kind="nfc", credential_slot=3))
    assert said == "Shown: an NFC tag (slot 3); nothing was opened by it"


def test_a_jam_is_said() -> None:
    """In the words of a household."""
    fact = LockState(door_id="front", state="jammed", source="zwave")
    assert text_of(fact) == "The lock front reported a jam, by zwave"


def test_every_state_of_a_lock_and_a_door_has_words() -> None:
    """No underscore, and no bare "unknown"."""
    for state in get_args(get_type_hints(LockState)["state"]):
        assert "_" not in text_of(LockState(door_id="front", state=state, source="nuki"))
    for state in get_args(get_type_hints(DoorState)["state"]):
        said = text_of(DoorState(door_id="front", state=state, source="nuki"))
        assert "_" not in said
        assert "unknown" not in said
