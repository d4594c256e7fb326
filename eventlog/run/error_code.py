"""An error as its class and code, which may be recorded and shown.

Never its message: that may repeat a name, an address, or text from outside.
"""

from __future__ import annotations

from eventlog.storage.error_site import whereabouts


def error_code(error: BaseException) -> str:
    """The error's class, and its number where it has one: "ConnectionRefusedError 111"."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    for name in ("errno", "rc", "status", "code"):
        code = getattr(error, name, None)
        code = getattr(code, "value", code)  # MQTT's reason codes, and enums
        if isinstance(code, int):
            return f"{type(error).__name__} {int(code)}"
    return type(error).__name__


def where(error: BaseException) -> str:
    """The error's class and the calls that led to it, in one line."""
    return whereabouts(error)
