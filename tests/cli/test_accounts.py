"""`eventlog user` and `token` list, change and take away what they gave."""

from __future__ import annotations

import io
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from eventlog.cli.context import Context
from tests.cli.command_line import CommandLine
from tests.support.logs import build_log

PASSWORD = "correct horse battery\n"  # noqa: S105 - a test's


@pytest.fixture
def eventlog(
    capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> CommandLine:
    """The command line over a log."""
    return CommandLine(capsys, build_log(tmp_path_factory.mktemp("log") / "door.db", 1))


def add(eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch, name: str, *rest: str) -> None:
    """Add a user."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(PASSWORD))
    said = eventlog("user", "add", name, *rest)
    assert said.code == 0, said.err


def test_the_first_user_is_an_owner_and_every_other_one_a_viewer(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless a role is named; the list has them by name."""
    add(eventlog, monkeypatch, "ada")
    add(eventlog, monkeypatch, "guest")
    add(eventlog, monkeypatch, "hall", "--role", "kiosk")
    listed = eventlog("user", "list", "--json").json
    assert [(one["name"], one["role"]) for one in listed] == [
        ("ada", "owner"),
        ("guest", "viewer"),
        ("hall", "kiosk"),
    ]
    assert [line.split()[:2] for line in eventlog("user", "list").lines[1:]] == [
        ["ada", "owner"],
        ["guest", "viewer"],
        ["hall", "kiosk"],
    ]


def test_a_user_gets_another_role_and_is_removed(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last owner stays one, and a name that there is not is said to be none."""
    add(eventlog, monkeypatch, "ada")
    add(eventlog, monkeypatch, "guest")
    refused = eventlog("user", "remove", "ada")
    assert (refused.code, "only owner" in refused.err) == (2, True)
    assert eventlog("user", "role", "guest", "owner").code == 0
    assert eventlog("user", "remove", "ada").code == 0
    assert [one["name"] for one in eventlog("user", "list", "--json").json] == ["guest"]
    assert "no user named 'ada'" in eventlog("user", "role", "ada", "viewer").err
    assert eventlog("user", "role", "guest").code == 2
    assert eventlog("user", "remove").code == 2


def test_a_user_gets_a_code_that_signs_in_once(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The code alone is the answer; it is in the security log that one was made, and not which."""
    add(eventlog, monkeypatch, "ada")
    said = eventlog("user", "link", "ada")
    (code,) = said.lines
    assert (said.code, len(code)) == (0, 43)
    assert "once, within an hour" in said.err
    with closing(sqlite3.connect(f"{eventlog.db}.users")) as connection:
        kinds = connection.execute("SELECT kind, detail FROM security_log").fetchall()
        kept = "\n".join(connection.iterdump())
    assert ("one-time code made", "") in kinds
    assert code not in kept
    assert eventlog("user", "link", "nobody").code == 2


def test_a_token_has_limits_and_is_revoked(eventlog: CommandLine) -> None:
    """What it may do, its owner, its last use and its end are listed."""
    made = eventlog(
        *("token", "add", "feed", "--scope", "append", "--kind", "motion", "--camera", "garden"),
        *("--join-days", "7", "--keys-of", "ring", "--days", "30"),
    )
    assert made.code == 0, made.err
    with closing(sqlite3.connect(f"{eventlog.db}.users")) as connection:
        row = connection.execute("SELECT kinds, cameras, join_s, key_space FROM tokens").fetchone()
    assert row == ("motion", "garden", 7 * 86400, "ring")
    (listed,) = eventlog("token", "list", "--json").json
    assert (listed["name"], listed["scopes"], listed["owner"]) == ("feed", ["append"], None)
    assert listed["last_used_at"] is None
    assert listed["ends_at"] > listed["created_at"]
    assert "this machine" in eventlog("token", "list").out
    assert eventlog("token", "revoke", "feed").code == 0
    assert eventlog("token", "list", "--json").json == []
    assert "no token named 'feed'" in eventlog("token", "revoke", "feed").err
    assert eventlog("token", "add", "feed").code == 2
    refused = eventlog("token", "add", "x", "--scope", "append", "--keys-of", "token")
    assert refused.code == 2


def test_a_token_that_can_not_be_shown_is_taken_back(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A secret that went into a closed pipe or a full disk opens nothing."""

    def fails(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Context, "say", fails)
        assert eventlog("token", "add", "feed", "--scope", "read").code != 0
    assert eventlog("token", "list", "--json").json == []


def test_a_password_without_an_end_is_refused(
    eventlog: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is piped in is read up to a bound: /dev/zero fills no memory."""
    with Path("/dev/zero").open(encoding="utf-8") as endless:
        monkeypatch.setattr(sys, "stdin", endless)
        said = eventlog("user", "add", "bela")
    assert (said.code, "characters" in said.err) == (2, True)
