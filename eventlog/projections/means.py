"""How a lock was opened, in words: "with the code of slot 2", "by hand", "by remote control".

Pure. Words that are not known here are texts from outside and are quoted. Knows no fact.
"""

from __future__ import annotations

from typing import Final

from eventlog.projections.phrases import counted, quoted

# What an actor's word reads like after "asked" and after "opened".
_BY: Final = {
    "remote": "by remote control",
    "manual": "by hand",
    "auto": "by the lock itself",
    "linked": "by a linked device",
    "key": "by key",
    "app": "by app",
}
# The same where it is all that is known of an opening.
_ALONE: Final = {
    "face": "by face",
    "keypad": "at the keypad",
    "app": "by app",
    "key": "with a key",
    "manual": "by hand",
    "tag": "with a tag",
    "finger": "with a finger",
    "button": "with the button",
    "schedule": "by its schedule",
    "remote": "by remote control",
    "auto": "by itself",
    "linked": "by a linked device",
    "lock": "by itself",
}
# Those that no person has in a hand: the lock is what acts.
UNATTENDED: Final = frozenset({"schedule", "auto", "lock"})
# What is in a slot where the lock says only by what it was opened.
_IN_SLOTS: Final = {"keypad": "pin", "tag": "rfid", "finger": "fingerprint", "face": "face"}
_THINGS: Final = {
    "pin": "code",
    "rfid": "tag",
    "nfc": "NFC tag",
    "fingerprint": "fingerprint",
    "face": "face",
    "key": "key",
}


def by(actor: str | None) -> str:
    """Who asked, after a verb and a blank: " by face"; "" if it is not known."""
    return "" if actor is None else f" {_BY.get(actor) or f'by {quoted(actor)}'}"


def a_credential(kind: str) -> str:
    """A kind of credential with its article: "a code", "an NFC tag"."""
    thing = _thing(kind)
    # NFC is spelled out letter by letter.
    vowel = thing.startswith("NFC") or thing[:1].lower() in "aeiou"
    return f"{'an' if vowel else 'a'} {thing}"


def opened_with(actor: str | None, kind: str | None, slot: int | None) -> str:
    """How an opening was done, after its verb; "" if nothing is known of it."""
    if slot is not None:
        kind = kind or _IN_SLOTS.get(actor or "")
        return f"with {'' if kind is None else f'the {_thing(kind)} of '}slot {slot}"
    if kind is not None:
        return f"with {a_credential(kind)}"
    return "" if actor is None else _ALONE.get(actor) or f"by {quoted(actor)}"


def opened(
    who: str | None, action: str, actor: str | None, kind: str | None, slot: int | None
) -> str:
    """What a lock did and by whose hand: "Ada opened with the code of slot 2"."""
    verb = {"locked": "locked", "unlatched": "opened and unlatched"}.get(action, "opened")
    subject = who or ("The lock" if actor in UNATTENDED and kind is None else "Somebody")
    how = opened_with(actor, kind, slot)
    return f"{subject} {verb} {how}".rstrip()


def in_slot(actor: str | None, kind: str | None) -> str:
    """What a slot of a lock holds, with a capital: "Code"; "What opens" where it is not known."""
    known = kind or _IN_SLOTS.get(actor or "")
    thing = "what opens" if known is None else _thing(known)
    return f"{thing[:1].upper()}{thing[1:]}"


def _thing(kind: str) -> str:
    return _THINGS.get(kind) or quoted(kind)


def lasting(seconds: float) -> str:
    """How long something lasted: "40 seconds", "14 minutes", "2 hours and 5 minutes", "3 days"."""
    whole = round(seconds)
    if whole < 60:  # noqa: PLR2004 - seconds of a minute
        return counted(whole, "second")
    minutes = round(seconds / 60)
    if minutes < 60:  # noqa: PLR2004 - minutes of an hour
        return counted(minutes, "minute")
    hours, rest = divmod(minutes, 60)
    if hours < 48:  # noqa: PLR2004 - two days are shown as days
        more = f" and {counted(rest, 'minute')}" if rest else ""
        return f"{counted(hours, 'hour')}{more}"
    return counted(round(hours / 24), "day")


# ── states ─────────────────────────────────────────────────────────────────────────────────


def state(word: str) -> str:
    """A state of a door or a lock as a household says it: "not known", "forced open"."""
    return {"unknown": "not known"}.get(word, word.replace("_", " "))


def stood_open(opened_us: int, closed_us: int | None, closed_state: str | None) -> str:
    """How long a door was open, by the reports that begin and end it."""
    if closed_us is None:
        return "The door is open"
    least = "" if closed_state == "closed" else "at least "
    return f"The door stood open for {least}{lasting((closed_us - opened_us) / 1e6)}"


_DEVICES: Final = {
    ("tamper", "tampered"): "tampered with",
    ("tamper", "clear"): "not tampered with",
    ("problem", "problem"): "a problem",
    ("problem", "ok"): "no problem",
}


def device_state(what: str, word: str, value: float | None) -> str:
    """What a device reported: "battery low, 12 %", "offline", "tampered with"."""
    if what == "battery":
        charge = "" if value is None else f"{value:g} %"
        if charge and word == "ok":
            return f"battery {charge}"
        return f"battery {word}" + (f", {charge}" if charge else "")
    known = _DEVICES.get((what, word)) or (word if what == "connectivity" else f"{what} {word}")
    return known + ("" if value is None else f", {value:g}")
