"""Two-step sign-in: time-based codes of six digits (RFC 6238), and backup codes.

Owns the table `recovery_codes`; the secret is a column of `users`. A code is taken once, within
half a minute of its time; a recovery code is taken once. Functions take the connection and the
time in seconds since 1970.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import sqlite3
from typing import Final
from urllib.parse import quote

from eventlog.dashboard.accounts import security_log
from eventlog.dashboard.accounts.secrets import hash_of
from eventlog.dashboard.accounts.users import User
from eventlog.storage.connections import transaction

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS recovery_codes (
    user_id   INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    code_hash BLOB    NOT NULL,
    PRIMARY KEY (user_id, code_hash)
) STRICT, WITHOUT ROWID
"""

STEP_S: Final = 30
DIGITS: Final = 6
SLACK_STEPS: Final = 1  # a clock may be half a minute off
SECRET_BYTES: Final = 20
RECOVERY_CODES: Final = 10
_ALPHABET: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # without what looks alike
_CODE_LENGTH: Final = 20  # 99 bits, so that a plain hash is safe to store


def new_secret() -> bytes:
    """A secret for an authenticator app."""
    return secrets.token_bytes(SECRET_BYTES)


def typed_secret(secret: bytes) -> str:
    """The secret as it is typed into an app."""
    return base64.b32encode(secret).decode().rstrip("=")


def address(secret: bytes, user_name: str) -> str:
    """The `otpauth:` address that an app takes."""
    return (
        f"otpauth://totp/eventlog:{quote(user_name)}?secret={typed_secret(secret)}&issuer=eventlog"
    )


def code_at(secret: bytes, step: int) -> str:
    """The code of one step of half a minute since 1970."""
    digest = hmac.new(secret, step.to_bytes(8, "big"), hashlib.sha1).digest()
    offset = digest[-1] & 0x0F
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}d}"


def step_of(secret: bytes, code: str, now_s: int, *, after: int = 0) -> int | None:
    """The step that a code is right for, later than `after`; None if it is wrong or used."""
    bare = code.replace(" ", "")
    now = now_s // STEP_S
    for step in range(now - SLACK_STEPS, now + SLACK_STEPS + 1):
        right = hmac.compare_digest(code_at(secret, step).encode(), bare.encode("utf-8", "replace"))
        if right and step > after:
            return step
    return None


def take(connection: sqlite3.Connection, user: User, code: str, now_s: int) -> bool:
    """Whether a code of the app, or a recovery code, is right; it is used up then."""
    if user.totp_secret is None:
        return True
    step = step_of(user.totp_secret, code, now_s, after=user.totp_step)
    with transaction(connection):
        if step is not None:
            sql = "UPDATE users SET totp_step = ? WHERE id = ? AND totp_step < ? RETURNING id"
            return bool(connection.execute(sql, (step, user.id, step)).fetchall())
        bare = code.strip().lower().replace("-", "")
        sql = "DELETE FROM recovery_codes WHERE user_id = ? AND code_hash = ? RETURNING user_id"
        used = bool(connection.execute(sql, (user.id, hash_of(bare))).fetchall())
        if used:
            security_log.note(connection, "recovery code used", now_s, user_id=user.id)
        return used


def turn_on(
    connection: sqlite3.Connection, user_id: int, secret: bytes, now_s: int, *, used_step: int
) -> list[str]:
    """Ask this user for codes from now on; the answer is the recovery codes, shown this once.

    `used_step` is that of the code which turned it on: that one is used up.
    """
    codes = [
        "".join(secrets.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
        for _ in range(RECOVERY_CODES)
    ]
    with transaction(connection):
        connection.execute(
            "UPDATE users SET totp_secret = ?, totp_step = ? WHERE id = ?",
            (secret, used_step, user_id),
        )
        connection.execute("DELETE FROM recovery_codes WHERE user_id = ?", (user_id,))
        connection.executemany(
            "INSERT INTO recovery_codes VALUES (?, ?)", [(user_id, hash_of(code)) for code in codes]
        )
        security_log.note(connection, "two-step sign-in on", now_s, user_id=user_id)
    return ["-".join(code[n : n + 5] for n in range(0, _CODE_LENGTH, 5)) for code in codes]


def turn_off(connection: sqlite3.Connection, user_id: int, now_s: int) -> None:
    """Ask this user for the password alone."""
    with transaction(connection):
        sql = "UPDATE users SET totp_secret = NULL, totp_step = 0 WHERE id = ?"
        connection.execute(sql, (user_id,))
        connection.execute("DELETE FROM recovery_codes WHERE user_id = ?", (user_id,))
        security_log.note(connection, "two-step sign-in off", now_s, user_id=user_id)


def codes_left(connection: sqlite3.Connection, user_id: int) -> int:
    """How many recovery codes a user has left."""
    sql = "SELECT count(*) FROM recovery_codes WHERE user_id = ?"
    (number,) = connection.execute(sql, (user_id,)).fetchone()
    return int(number)
