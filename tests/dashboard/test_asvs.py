"""Requirements of ASVS that need a proof of their own; docs/security.md names these tests."""

from __future__ import annotations

import logging
import re
import ssl
import unicodedata
import warnings
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import httpx
import pytest

from eventlog.dashboard.accounts import passwords, secrets, security_log, totp, users
from eventlog.errors import BadArgument, DatabaseError
from tests.dashboard.house import OWNER, PASSWORD, VISIT, House, type_password
from tests.dashboard.test_security import POSTS, ROUTES, files_in
from tests.dashboard.test_server import listening, self_signed

pytestmark = pytest.mark.anyio

GETS = [path for path, method in ROUTES if method == "GET" and path != "/api/stream"]
# What tables have and no answer may.
INNER = {
    "secret_hash",
    "password_hash",
    "totp_secret",
    "code_hash",
    "sealed",
    "display_name_sealed",
}


def filled(path: str) -> str:
    """A route's path with a number or a word in each of its places."""
    return re.sub(r"\{\w+:(int|str)\}", lambda found: {"int": "1"}.get(found[1], "x"), path)


async def test_no_answer_lets_another_origin_read(house: House) -> None:
    """V3.4.2: no header of CORS, neither on an answer nor on a preflight."""
    await house.append(*VISIT)
    asking = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    async with await house.signed_in() as client, await house.program("read") as program:
        for path in GETS:
            for who, method in ((client, "GET"), (client, "OPTIONS"), (program, "GET")):
                answer = await who.request(method, filled(path), headers=asking)
                assert not [name for name in answer.headers if name.startswith("access-control")]


async def state_of(house: House) -> dict[str, list[Any]]:
    """What the accounts file and the journal hold, but for when a session was last used."""
    tables = ("users", "devices", "tokens", "links", "shared_links", "recovery_codes", "guesses")

    def read(connection: Any) -> dict[str, list[Any]]:
        found = {name: connection.execute(f"SELECT * FROM {name}").fetchall() for name in tables}
        live = connection.execute("SELECT secret_hash FROM sessions").fetchall()
        return {**found, "sessions": live}

    held = await house.site.accounts.run(read)
    return {**held, "journal": [await house.site.store.reader.last_position()]}


@pytest.mark.parametrize("path", sorted({path for path in POSTS if path != "/seen"}))
async def test_a_get_of_a_forms_address_changes_nothing(house: House, path: str) -> None:
    """V3.5.3: with every field of the form in the address; no account, token, session or record."""
    await house.append(*VISIT)
    fields = dict.fromkeys(("name", "password", "old", "new", "again", "code", "role", "end"), "x")
    async with await house.signed_in() as client:
        before = await state_of(house)
        answer = await client.get(filled(path), params=fields)
        assert answer.status_code < 500
        assert await state_of(house) == before


async def test_every_text_has_its_charset(house: House) -> None:
    """V4.1.1: media type and charset, on pages, refusals and files of text."""
    await house.append(*VISIT)
    async with await house.signed_in() as client, house.client() as stranger:
        for path in [*GETS, "/login", "/nothing"]:
            for who in (client, stranger):
                answer = await who.get(filled(path))
                given = answer.headers.get("content-type", "")
                if answer.content:
                    assert given, path
                if given.startswith("text/"):
                    assert "charset=utf-8" in given.lower(), (path, given)


def test_the_3000_most_common_passwords_are_refused() -> None:
    """V6.2.4: all of them that are long enough to be passwords here, in any case of letters."""
    lists = import_module("zxcvbn.frequency_lists").FREQUENCY_LISTS
    common = [one for one in lists["passwords"] if len(one) >= passwords.PASSWORD_MIN][:3000]
    assert len(common) == 3000
    for password in common:
        for typed in (password, password.upper()):
            with pytest.raises(BadArgument, match=r"common|easily"):
                passwords.require_password(typed, OWNER)


@pytest.mark.parametrize(
    "password",
    [
        *("49207618350", "abqkzmwpxv", "QZKWVXMPYT", "        x       ", "#!?$%&()=~"),
        "\u043f\u0430\u0440\u043e\u043b\u044c\u043a\u0430\u0434\u0430",
        "\u9580\u306e\u9375\u306f\u8d64\u3044\u82b1\u58f2",
        *("\U0001f511\U0001f6aa" * 4, "a\tb\nc\x00d e"),
    ],
)
def test_a_password_may_be_of_any_characters(password: str) -> None:
    """V6.2.5: digits alone, one case alone, blanks, any script, control characters."""
    hashed = passwords.hash_password(password, OWNER)
    assert passwords.is_hashed(hashed, password)


def test_the_whole_password_counts_as_it_was_typed() -> None:
    """V6.2.8: case, blanks and every character to the last; accents may be composed or not."""
    typed = "  Caf\u00e9 au lait "
    hashed = passwords.hash_password(typed, OWNER)
    assert passwords.is_hashed(hashed, unicodedata.normalize("NFD", typed))
    for other in (typed.strip(), typed.lower(), typed.replace("\u00e9", "e"), typed[:-1]):
        assert not passwords.is_hashed(hashed, other)
    longest = ("0123456789abcdef" * 16)[: passwords.PASSWORD_MAX]
    hashed = passwords.hash_password(longest, OWNER)
    assert passwords.is_hashed(hashed, longest)
    for other in (longest + "x", longest[:-1], f"{longest[:-1]}x"):
        assert not passwords.is_hashed(hashed, other)


def test_a_secret_has_256_random_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """V7.2.3, V6.4.1: 32 bytes of the system's generator, which none of our code has a hand in."""
    asked: list[int | None] = []

    def given(size: int | None = None) -> bytes:
        asked.append(size)
        return bytes(range(32))

    monkeypatch.setattr("secrets.token_bytes", given)
    assert secrets.new_secret() == "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert asked == [32]


async def test_old_versions_of_tls_are_refused(house: House, tmp_path: Path) -> None:
    """V12.1.1: 1.2 and 1.3 are spoken, 1.1 is not, and no suite without forward secrecy."""
    certificate, key = self_signed(tmp_path)
    async with listening(house, certificate=str(certificate), key=str(key)) as port:
        for version, taken in (
            (ssl.TLSVersion.TLSv1_1, False),
            (ssl.TLSVersion.TLSv1_2, True),
            (ssl.TLSVersion.TLSv1_3, True),
        ):
            assert await speaks(port, certificate, version) is taken, version
        weak = ssl.TLSVersion.TLSv1_2
        assert not await speaks(port, certificate, weak, "AES128-SHA:AES256-GCM-SHA384")


async def speaks(
    port: int, certificate: Path, version: ssl.TLSVersion, suites: str = "ALL:@SECLEVEL=0"
) -> bool:
    """Whether the server takes a client of this one version."""
    trusted = ssl.create_default_context(cafile=str(certificate))
    trusted.set_ciphers(suites)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of old versions, which it is about
        trusted.minimum_version = trusted.maximum_version = version
    try:
        async with httpx.AsyncClient(verify=trusted, timeout=60) as client:
            return (await client.get(f"https://127.0.0.1:{port}/health")).text == "ok"
    except (httpx.TransportError, ssl.SSLError):
        return False


def keys_in(answer: Any) -> Iterator[str]:
    """The names of all fields in some JSON."""
    if isinstance(answer, dict):
        yield from answer
        answer = [*answer.values()]
    if isinstance(answer, list):
        for one in answer:
            yield from keys_in(one)


async def test_no_answer_has_a_field_of_the_tables_alone(house: House) -> None:
    """V15.3.1: hashes, secrets and seals are columns, and stay there."""
    await house.user(password=PASSWORD)
    await house.append(*VISIT)
    seen: set[str] = set()
    async with await house.signed_in() as client:
        for path in set(GETS) - {"/api/openapi.json"}:  # which describes facts, `sealed` among them
            answer = await client.get(filled(path))
            if answer.headers.get("content-type", "").startswith("application/json"):
                fields = set(keys_in(answer.json()))
                assert not fields & INNER, path
                seen |= fields
    assert {"event_id", "camera_id", "person_name"} <= seen


async def test_an_entry_has_its_time_in_utc_and_shows_its_zone(house: House) -> None:
    """V16.2.1, V16.2.2: time, kind, account and address of a wrong password and of a sign-in."""
    owner_id = await house.user(password=PASSWORD)
    at = house.site.now_s
    house.site.clock = lambda: float(at)
    async with house.client("203.0.113.9") as robber:
        await type_password(robber, OWNER, "a wrong password")
    async with house.client("192.0.2.7") as owner:
        await type_password(owner, OWNER, PASSWORD)
        page = (await owner.get("/account/security")).text
    entries = await house.site.accounts.run(security_log.newest)
    found = [(one.at, one.kind, one.user_id, one.address) for one in entries]
    assert (at, "wrong password", owner_id, "203.0.113.9") in found
    assert (at, "signed in", owner_id, "192.0.2.7") in found
    assert (
        f'datetime="{datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")}"' in page
    )
    assert "UTC" in page


async def test_nothing_is_logged_in_another_place(
    house: House, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """V16.2.3: the accounts file and the program's log have the failed sign-in, no other file."""
    await house.user(password=PASSWORD)
    caplog.set_level(logging.WARNING)
    async with house.client("203.0.113.9") as robber:
        await type_password(robber, OWNER, "a wrong password")
    assert "203.0.113.9" in caplog.text
    files = {file.name: file.read_bytes() for file in files_in(tmp_path)}
    having = {name.removesuffix("-wal") for name, data in files.items() if b"203.0.113.9" in data}
    assert having == {"events.db.users"}


async def test_without_the_accounts_nobody_is_let_in(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """V16.5.3: no session, no token and no password opens anything."""
    await house.append(*VISIT)
    await house.user(password=PASSWORD)
    async with (
        await house.signed_in() as client,
        await house.program("read", "append") as program,
        house.client() as stranger,
    ):
        login = await stranger.get("/login")
        assert login.status_code == 200

        async def fails(_function: object) -> object:
            raise DatabaseError("events.db.users: disk I/O error")

        monkeypatch.setattr(house.site.accounts, "run", fails)
        monkeypatch.setattr(users, "is_password", lambda *_: True)
        for path in GETS:
            for who in (client, program, stranger):
                answer = await who.get(filled(path))
                assert answer.status_code in {303, 401, 403, 503}, path
                assert "ada" not in answer.text
        posted = await stranger.post("/login", data={"name": OWNER, "password": PASSWORD})
        assert posted.status_code in {403, 503}
        assert house.site.cookies.session not in posted.cookies


async def test_every_end_of_a_sign_in_is_logged(house: House) -> None:
    """V16.3.1, V14.3.1: a wrong code and a sign-out have entries; the browser clears its cache."""
    user_id = await house.user(password=PASSWORD)
    now = house.site.now_s
    secret, step = b"12345678901234567890", now // totp.STEP_S
    await house.site.accounts.run(
        lambda c: totp.turn_on(c, user_id, secret, now, used_step=step - 2)
    )
    house.site.clock = lambda: float(now)
    async with house.client() as client:
        await type_password(client, OWNER, PASSWORD, code="wrong")
        code = totp.code_at(secret, step)
        assert (await type_password(client, OWNER, PASSWORD, code=code)).status_code == 303
        client.headers["x-csrf-token"] = secrets.form_token(
            client.cookies[house.site.cookies.session]
        )
        out = await client.post("/sign-out")
        assert out.headers["clear-site-data"] == '"cache"'
    entries = await house.site.accounts.run(security_log.newest)
    kinds = {one.kind for one in entries if one.user_id == user_id}
    assert {"wrong code", "signed in", "signed out", "two-step sign-in on"} <= kinds
