"""Notes in memory when sessions and tokens were last used, until the accounts file is written.

A request must not wait for a disk because it is the first of a session in a minute. Knows neither
secrets nor what a session may do.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from eventlog.dashboard.accounts import sessions, tokens
from eventlog.dashboard.accounts.database import Accounts, forget_saved
from eventlog.storage.connections import transaction

SESSIONS_MAX: Final = 10_000  # where the file can't be written for long


class LastUses:
    """The uses that are not in the file yet. Times are seconds since 1970."""

    def __init__(self) -> None:
        self._sessions: dict[bytes, int] = {}
        self._tokens: dict[int, int] = {}

    def of_session(self, secret_hash: bytes, stored_s: int) -> int:
        """When a session was last used, as far as the file or the memory knows."""
        return max(stored_s, self._sessions.get(secret_hash, stored_s))

    def use_session(self, secret_hash: bytes, stored_s: int, now_s: int) -> None:
        """Note that a session is used now, unless that is noted already for this minute."""
        is_noted = stored_s <= now_s < stored_s + sessions.TOUCH_S
        has_room = len(self._sessions) < SESSIONS_MAX or secret_hash in self._sessions
        if not is_noted and has_room:
            self._sessions[secret_hash] = now_s

    def use_token(self, token_id: int, stored_s: int, now_s: int) -> None:
        """Note that a token is used now, unless that is noted already for this minute."""
        last_s = max(stored_s, self._tokens.get(token_id, 0))
        if not last_s <= now_s < last_s + tokens.TOUCH_S:
            self._tokens[token_id] = now_s

    async def save(self, accounts: Accounts) -> None:
        """Write what is noted, and keep it where it can't be written."""
        in_sessions, in_tokens = {**self._sessions}, {**self._tokens}

        def touch(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                for secret_hash, at_s in in_sessions.items():
                    sessions.touch(connection, secret_hash, at_s)
                for token_id, at_s in in_tokens.items():
                    tokens.touch(connection, token_id, at_s)

        if (in_sessions or in_tokens) and await accounts.written(touch):
            forget_saved(self._sessions, in_sessions)
            forget_saved(self._tokens, in_tokens)
