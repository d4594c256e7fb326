r"""Makes text of the log safe to show: a name may contain control characters.

Control characters, marks of writing direction and all else that is not a character of its own
are shown as escapes, such as \x1b and \u202e. The joiners that scripts and emoji are written
with stay. Pure.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

# Control, format, surrogate, private use and not assigned; line and paragraph separators.
_UNSAFE: Final = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
_JOINERS: Final = frozenset("\u200c\u200d")


def safe(text: str) -> str:
    """The text on one line, with escapes in place of what is not to be sent to a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_shown(character) for character in text)


def ascii_json(text: str) -> str:
    """JSON that means the same, with JSON's escapes in place of all that is not ASCII.

    The result is valid in every encoding and holds nothing that a terminal would obey. In JSON
    only the content of strings can be other than ASCII.
    """
    if text.isascii():
        return text
    return "".join(_in_json(character) for character in text)


@lru_cache(maxsize=4096)
def _shown(character: str) -> str:
    if _is_safe(character):
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")


@lru_cache(maxsize=4096)
def _in_json(character: str) -> str:
    if character.isascii():
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


def _is_safe(character: str) -> bool:
    return character in _JOINERS or unicodedata.category(character) not in _UNSAFE
