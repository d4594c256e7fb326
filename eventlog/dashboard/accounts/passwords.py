"""Password hashes (argon2id), and the rules for passwords that are refused.

Hashing takes a fifth of a second and 64 MB, so callers run it in a thread. Knows no table and no
session.
"""

from __future__ import annotations

import unicodedata
from functools import cache
from importlib import import_module
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError

from eventlog.errors import BadArgument

PASSWORD_MIN: Final = 8  # characters
PASSWORD_MAX: Final = 256
# What somebody who knows this program tries first.
_OURS: Final = frozenset({"eventlog", "doorjournal", "doorbell", "frontdoor", "front_door"})


@cache
def _hasher() -> PasswordHasher:
    return PasswordHasher()


@cache
def _nobodys_hash() -> str:
    return _hasher().hash("nobody's password")


@cache
def _common() -> frozenset[str]:
    # The library's own list, loaded when the first password is set: it takes 20 ms.
    lists = import_module("zxcvbn.frequency_lists").FREQUENCY_LISTS
    return frozenset(lists["passwords"])


def require_password(password: str, name: str = "") -> None:
    """Raise BadArgument for a password that is too short, too long or easily guessed.

    `name` is the account's, which is not a password for it.
    """
    if not PASSWORD_MIN <= len(password) <= PASSWORD_MAX:
        raise BadArgument(f"a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters")
    folded = unicodedata.normalize("NFC", password).casefold()
    bare = folded.strip("0123456789!?.*#$ ")
    if folded in _common():
        raise BadArgument("this password is among the most common ones; choose another")
    if bare in _OURS or (name and bare == name.casefold()):
        raise BadArgument("this password is easily guessed here; choose another")


def hash_password(password: str, name: str = "") -> str:
    """The argon2id hash of a password. Raises what `require_password` raises."""
    require_password(password, name)
    return _hasher().hash(_typed(password))


def is_hashed(hashed: str | None, password: str) -> bool:
    """Whether a password has this hash; it takes as long if there is no hash."""
    try:
        # One character more than there can be: what follows the longest password counts too.
        _hasher().verify(hashed or _nobodys_hash(), _typed(password[: PASSWORD_MAX + 1]))
    except (VerifyMismatchError, VerificationError, InvalidHashError):
        return False
    return hashed is not None


def _typed(password: str) -> bytes:
    # Keyboards differ in how they compose a letter and its accent.
    return unicodedata.normalize("NFC", password).encode("utf-8", "replace")
