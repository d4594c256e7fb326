"""Who sends a request: a stranger, a user with a session, or a program with a token."""

from __future__ import annotations

from msgspec import Struct

from eventlog.dashboard.accounts.secrets import form_token
from eventlog.dashboard.accounts.sessions import Session
from eventlog.dashboard.accounts.tokens import Token
from eventlog.record import Author


class Visitor(Struct, frozen=True, kw_only=True):
    """A visitor. `secret` is the cookie that forms are bound to, '' if there is none."""

    address: str
    secret: str = ""
    session: Session | None = None
    token: Token | None = None

    @property
    def is_known(self) -> bool:
        """Whether a session or a token came along."""
        return self.session is not None or self.token is not None

    @property
    def form_token(self) -> str:
        """What this visitor's forms hold."""
        return form_token(self.secret) if self.secret else ""

    def author(self, part: str) -> Author:
        """Who appends when this visitor asks a part of the dashboard to."""
        user = None if self.session is None else self.session.user_id
        return Author("part", part, user=user, token=None if self.token is None else self.token.id)

    @property
    def label(self) -> str:
        """Under what the visitor's streams are counted: a token's under its owner."""
        if self.session is not None:
            return f"user {self.session.user_id}"
        if self.token is None:
            return f"from {self.address}"
        owner_id = self.token.owner_id
        return f"token {self.token.id}" if owner_id is None else f"user {owner_id}"

    @property
    def role(self) -> str:
        """What the visitor's account may do; a program's token has its scopes instead."""
        return "" if self.session is None else self.session.role
