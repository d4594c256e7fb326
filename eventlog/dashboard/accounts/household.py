"""Tables of the accounts file with what the pages store for each user.

Which events a user has looked at, where a browser takes notifications, and links that share one
event. They have their shape since version 2 of the file; each page that uses one has its queries.
"""

from __future__ import annotations

from typing import Final

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS seen_marks (
    user_id  INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    event_id INTEGER NOT NULL,
    seen_at  INTEGER NOT NULL,
    PRIMARY KEY (user_id, event_id)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS push_subscriptions (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id       INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    endpoint      TEXT    NOT NULL UNIQUE,
    public_key    BLOB    NOT NULL,
    auth_secret   BLOB    NOT NULL,
    device        TEXT    NOT NULL DEFAULT '',
    created_at    INTEGER NOT NULL,
    last_sent_at  INTEGER,
    last_position INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE TABLE IF NOT EXISTS shared_links (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id     INTEGER NOT NULL REFERENCES users(id) ON DELETE CASCADE,
    event_id    INTEGER NOT NULL,
    secret_hash BLOB    NOT NULL UNIQUE,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    opened      INTEGER NOT NULL DEFAULT 0,
    opened_at   INTEGER
) STRICT
"""
# What version 3 of the file added.
COLUMNS: Final = {"position": "INTEGER NOT NULL DEFAULT 0"}
# What version 4 added: the door's key that a device subscribed with, the session and the browser
# that it did so in, the last message, and why the last one failed.
PUSH_COLUMNS: Final = {
    "server_key": "BLOB NOT NULL DEFAULT x''",
    "session_hash": "BLOB NOT NULL DEFAULT x''",
    "browser_hash": "BLOB NOT NULL DEFAULT x''",
    "last_message": "TEXT NOT NULL DEFAULT ''",
    "failure": "TEXT NOT NULL DEFAULT ''",
}
