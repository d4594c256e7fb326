"""What each role may do: the owner everything, a viewer look, a kiosk only show.

Pure. A role that is not known counts as the least of them. The gate asks here before any page is
reached; knows no request but its method and path.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

Role: TypeAlias = Literal["owner", "viewer", "kiosk"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

_READING: Final = frozenset({"GET", "HEAD"})
# What concerns the account itself only.
_OWN: Final = ("/sign-out", "/sign-out-everywhere", "/account/password", "/account/sessions/")
_OWN_MORE: Final = ("/account/two-step", "/account/push", "/seen")
# For the owner's eyes alone: who signs in, from where, and what programs may do.
_OWNERS_PAGES: Final = ("/account/security", "/account/users", "/account/tokens")
# A tablet on the wall shows who comes; nothing is managed on it.
_KIOSK_HIDES: Final = (
    *("/account", "/status", "/metrics", "/help/api"),
    *("/unlocks.csv", "/unlocks.json", "/events.csv", "/events.json"),
)


def may(role: str, method: str, path: str) -> bool:
    """Whether an account of this role may make such a request."""
    if role == "owner":
        return True
    if role == "viewer":
        if method in _READING:
            return not (path.startswith(_OWNERS_PAGES) or path.endswith("/share"))
        return path.startswith((*_OWN, *_OWN_MORE))
    if method in _READING:
        return not (path.startswith(_KIOSK_HIDES) or path.endswith("/share"))
    return path == "/sign-out"
