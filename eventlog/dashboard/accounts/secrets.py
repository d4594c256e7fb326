"""Random secrets, their hashes, and keys derived from them.

A secret has 256 random bits, so a plain SHA-256 of it is safe to store.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets


def new_secret() -> str:
    """A random secret of 43 characters."""
    return secrets.token_urlsafe(32)


def hash_of(secret: str) -> bytes:
    """What is stored of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def form_token(secret: str) -> str:
    """What a form holds that comes from a page made for this secret."""
    key = secret.encode("utf-8", "replace")
    return hmac.new(key, b"eventlog form", hashlib.sha256).hexdigest()


def is_form_token(token: str, secret: str) -> bool:
    """Whether a form's token is the secret's; takes as long either way."""
    return hmac.compare_digest(token.encode("utf-8", "replace"), form_token(secret).encode())
