"""Finds out who is signed in and counts wrong passwords, with the accounts file or without it.

Reading the dashboard needs no write. The last use of a session or a token is noted in memory, and
`save` writes it every few seconds. When the disk is full, the end of a session and the guesses of a
password are kept in memory too until the file can be written again. A restart before that forgets
them, and says so in the log.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec.structs import replace

from eventlog.dashboard.accounts import (
    push_devices,
    security_log,
    sessions,
    throttle,
    tokens,
    totp,
    users,
)
from eventlog.dashboard.accounts.database import Accounts, in_memory
from eventlog.dashboard.accounts.last_uses import LastUses
from eventlog.dashboard.accounts.secrets import hash_of, new_secret
from eventlog.dashboard.accounts.sessions import Lifetimes, Session
from eventlog.dashboard.accounts.tokens import Token
from eventlog.dashboard.accounts.users import User
from eventlog.errors import DatabaseError
from eventlog.storage.connections import transaction

log: Final = logging.getLogger("eventlog")

BEGUN_MAX: Final = 100  # sessions that begin while the file can't be written


class SignedIn:
    """Sessions and guesses of one running dashboard."""

    def __init__(self, accounts: Accounts, lifetimes: Lifetimes = sessions.LIFETIMES) -> None:
        self.lifetimes = lifetimes
        self._accounts = accounts
        self._memory = in_memory()  # of guesses
        self._ended: set[bytes] = set()
        self._begun: dict[bytes, tuple[Session, User]] = {}
        self._steps: dict[int, int] = {}  # of two-step codes taken while nothing can be written
        self._uses = LastUses()

    def close(self) -> None:
        """Forget what is in memory."""
        self._memory.close()

    # ── sessions ───────────────────────────────────────────────────────────────────────────

    async def find(self, secret_hash: bytes, now_s: int, *, touch: bool) -> Session | None:
        """The live session of a secret; with `touch` it is used now. Raises DatabaseError."""
        if secret_hash in self._ended:
            return None
        session = await self._accounts.run(lambda c: sessions.stored(c, secret_hash))
        if session is None:
            session = await self._found_in_memory(secret_hash)
        if session is None:
            return None
        seen_at = self._uses.of_session(secret_hash, session.seen_at)
        session = replace(session, seen_at=seen_at)
        if not sessions.is_alive(session, now_s, self.lifetimes):
            return None
        if touch:
            self._uses.use_session(secret_hash, seen_at, now_s)
        return session

    async def _found_in_memory(self, secret_hash: bytes) -> Session | None:
        """A session that is in memory alone; it ends where its account is not the same any more."""
        if secret_hash not in self._begun:
            return None
        session, then = self._begun[secret_hash]
        now = await self._accounts.run(lambda c: users.find_by_id(c, then.id))
        if now is None or (now.password_hash, now.role) != (then.password_hash, then.role):
            self._begun.pop(secret_hash, None)
            return None
        return session

    async def begin(
        self, user: User, address: str, now_s: int, *, device: str = "", kept: int = 0
    ) -> str:
        """A new session's secret; in memory alone where the file can't be written."""
        try:
            return await self._accounts.run(
                lambda c: sessions.begin(
                    c, user.id, address, now_s, device=device, kept=kept, lifetimes=self.lifetimes
                )
            )
        except DatabaseError as error:
            self._accounts.failed(error)
        secret = new_secret()
        hashed = hash_of(secret)
        if len(self._begun) >= BEGUN_MAX:
            del self._begun[next(iter(self._begun))]
        role = "kiosk" if kept == sessions.KIOSK else user.role
        session = Session(hashed, user.id, user.name, now_s, now_s, address, role, device, kept)
        self._begun[hashed] = session, user
        return secret

    def end_all(self, user_id: int) -> None:
        """End a user's sessions that are in memory alone."""
        for hashed in [h for h, (_, user) in self._begun.items() if user.id == user_id]:
            del self._begun[hashed]

    async def end_everywhere(self, user_id: int, now_s: int) -> None:
        """End all sessions of a user, at once, and forget the browsers that the account knows.

        Raises DatabaseError if the file can't be read.
        """
        self.end_all(user_id)
        if not await self._accounts.written(lambda c: _end_everywhere(c, user_id)):
            self._ended.update(await self._accounts.run(lambda c: sessions.hashes_of(c, user_id)))
        await self.note("signed out everywhere", now_s, user_id=user_id)

    async def end(
        self, session: Session, now_s: int, kind: str = "signed out", *, browser_hash: bytes = b""
    ) -> None:
        """End a session, at once; on the disk as soon as that can be written.

        Its device is notified no more, nor is this browser, unless another session takes its place.
        """
        hashed = session.secret_hash
        self._begun.pop(hashed, None)
        self._ended.add(hashed)
        is_replaced = kind == "session replaced"
        if await self._accounts.written(
            lambda c: sessions.end(c, hashed) if is_replaced else _end(c, session, browser_hash)
        ):
            self._ended.discard(hashed)
            await self.note(kind, now_s, user_id=session.user_id, address=session.address)

    async def join_push(self, user_id: int, secret: str, browser: str) -> None:
        """Bind the browser's notifications to its new session."""
        ours = hash_of(secret), hash_of(browser)
        await self._accounts.written(lambda c: push_devices.join_session(c, user_id, *ours))

    async def end_by_number(self, user_id: int, number: str, now_s: int) -> None:
        """End one session of a user, at once. Raises DatabaseError if the file can't be read."""
        live = await self._accounts.run(
            lambda c: sessions.of_user(c, user_id, now_s, self.lifetimes)
        )
        for session in live:
            if session.number == number:
                await self.end(session, now_s, "session ended")

    # ── tokens ─────────────────────────────────────────────────────────────────────────────

    async def token(self, secret: str, now_s: int) -> Token | None:
        """The token of a secret, used now. Raises DatabaseError if the file can't be read."""
        found = await self._accounts.run(lambda c: tokens.find(c, secret, now_s))
        if found is None:
            return None
        self._uses.use_token(found.id, found.last_used_at or 0, now_s)
        return found

    # ── two-step codes ─────────────────────────────────────────────────────────────────────

    async def take_code(self, user: User, code: str, now_s: int) -> bool:
        """Whether a two-step code is right; it is used up then.

        Where nothing can be written, a code of the app is remembered as used, and a recovery code
        is not taken: after a restart it could be used again.
        """
        used = max(user.totp_step, self._steps.get(user.id, 0))
        user = replace(user, totp_step=used)
        try:
            return await self._accounts.run(lambda c: totp.take(c, user, code, now_s))
        except DatabaseError as error:
            self._accounts.failed(error)
        step = None
        if user.totp_secret is not None:
            step = totp.step_of(user.totp_secret, code, now_s, after=used)
        # Another sign-in may have taken the same code meanwhile.
        if step is None or step <= self._steps.get(user.id, 0):
            return False
        self._steps[user.id] = step
        return True

    # ── guesses ────────────────────────────────────────────────────────────────────────────

    async def admit(
        self, address: str, account: bytes, now: float, *, known: bool
    ) -> Callable[[], Awaitable[None]]:
        """Count a guess that is about to be checked; the answer is what takes it back.

        Raises TooMany if the guess may not be checked.
        """
        try:
            number = await self._accounts.run(
                lambda c: throttle.admit(c, address, account, now, known=known)
            )
        except DatabaseError as error:
            self._accounts.failed(error)
            kept = throttle.admit(self._memory, address, account, now, known=known)

            async def forgive_here() -> None:
                throttle.forgive(self._memory, kept)

            return forgive_here

        async def forgive() -> None:
            await self._accounts.written(lambda c: throttle.forgive(c, number))

        return forgive

    # ── the security log ───────────────────────────────────────────────────────────────────

    async def note(
        self,
        kind: str,
        now_s: int,
        *,
        user_id: int | None = None,
        token_id: int | None = None,
        address: str = "",
        detail: str = "",
    ) -> None:
        """Add an entry to the security log; where it can't be written, to the program's log."""
        if not await self._accounts.written(
            lambda c: security_log.note(
                c,
                kind,
                now_s,
                user_id=user_id,
                token_id=token_id,
                address=address,
                detail=detail,
            )
        ):
            log.warning("not in the security log: %s, account %s", kind, user_id)

    # ── the file ───────────────────────────────────────────────────────────────────────────

    async def save(self) -> None:
        """Write the last uses, and the ends of sessions that the file did not take before."""
        await self._uses.save(self._accounts)
        ended = [*self._ended]
        if ended and await self._accounts.written(lambda c: _end_late(c, ended)):
            self._ended.difference_update(ended)


def _end(connection: sqlite3.Connection, session: Session, browser_hash: bytes) -> None:
    with transaction(connection):
        sessions.end(connection, session.secret_hash)
        push_devices.end_with_session(
            connection, session.user_id, session.secret_hash, browser_hash
        )


def _end_everywhere(connection: sqlite3.Connection, user_id: int) -> None:
    with transaction(connection):
        sessions.end_all(connection, user_id)
        users.forget_devices(connection, user_id)


def _end_late(connection: sqlite3.Connection, ended: list[bytes]) -> None:
    with transaction(connection):
        for secret_hash in ended:
            sessions.end(connection, secret_hash)
            push_devices.end_late(connection, secret_hash)
