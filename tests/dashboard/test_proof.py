"""What the dashboard says of signed heads, and the proofs that it hands out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from msgspec import structs

from eventlog.evidence import outside, proofs
from eventlog.evidence.keys import KeysDir, new_key
from eventlog.evidence.outside import Outside, Place
from eventlog.evidence.signed_heads import LogName
from eventlog.evidence.stranger import source
from eventlog.evidence.witness_server import PREFIX
from eventlog.evidence.witnesses import Witness, encode_submission
from eventlog.journal import table as journal
from tests.dashboard.house import VISIT, House, open_house, until
from tests.evidence.signed_logs import log_id_of, make_keys, public_key, sign
from tests.evidence.test_witnesses import FakeLog

pytestmark = pytest.mark.anyio

AT_US = 1_772_015_520_000_000


@pytest.fixture
async def signed(
    house: House, tmp_path_factory: pytest.TempPathFactory
) -> tuple[House, Path, KeysDir]:
    """A house with one visit in a signed head, which is kept at two places."""
    await house.append(*VISIT)
    path = house.site.settings.db_path
    keys = make_keys(path, tmp_path_factory.mktemp("keys") / "keys")
    head = sign(path, keys)
    places = (
        Place(name="nas", kind="file", size=head.size, at_us=AT_US),
        Place(name="neighbour", kind="witness", size=head.size, at_us=AT_US),
    )
    outside.write(path, Outside(signed=head.size, signed_at_us=AT_US, places=places))
    house.site.clock = lambda: AT_US / 1e6 + 60
    return house, path, keys


async def test_the_event_page_says_where_its_records_are_anchored(
    signed: tuple[House, Path, KeysDir],
) -> None:
    """In a signed head of 10:32, and the places by name; a later visit is in none yet."""
    house, _, _ = signed
    async with await house.signed_in() as client:
        page = (await client.get("/events/1")).text
        assert "in a signed head of 10:32, kept at: nas, neighbour" in page
        await house.append(*VISIT)
        assert "not in an outside head yet" in (await client.get("/events/2")).text


async def test_a_proof_from_the_event_page_is_true(signed: tuple[House, Path, KeysDir]) -> None:
    """Each record of the visit has a file that proves it; one that no head reaches has none."""
    house, _, keys = signed
    async with await house.signed_in() as client:
        page = (await client.get("/events/1")).text
        links = re.findall(r'href="(/records/\d+/proof)"', page)
        assert len(links) == len(VISIT)
        for link in links:
            answer = await client.get(link)
            assert "attachment" in answer.headers["content-disposition"]
            assert proofs.is_proved(proofs.parse(answer.content), public_key(keys))
        await house.append(*VISIT)
        for position in (0, 8, 2**63):
            assert (await client.get(f"/records/{position}/proof")).status_code == 404


async def test_a_page_explains_what_a_proof_says(signed: tuple[House, Path, KeysDir]) -> None:
    """Ten sentences, the head's line with its QR code, and the program of the stranger."""
    house, _, _ = signed
    async with await house.signed_in() as client:
        page = (await client.get("/proof")).text
        assert "evl1 " in page
        assert "<svg" in page.partition('class="qr"')[2]
        assert (await client.get("/proof/evidence_verify.py")).content == source()


async def test_health_and_metrics_know_the_heads(signed: tuple[House, Path, KeysDir]) -> None:
    """Positions and age are figures; a place that fails for five minutes makes health red."""
    house, path, _ = signed
    async with await house.signed_in() as client:
        figures = (await client.get("/metrics")).text
        assert "eventlog_signed_position 4.0" in figures
        assert "eventlog_witnessed_position 4.0" in figures
        assert "eventlog_outside_position 4.0" in figures
        assert "eventlog_outside_head_age_seconds 60.0" in figures
        assert "up to record 4" in (await client.get("/status")).text
        assert (await client.get("/health")).text == "ok"
        known = outside.read(path)
        assert known is not None
        failing = structs.replace(
            known.places[0], failing_since_us=AT_US - 400_000_000, error="away"
        )
        outside.write(path, structs.replace(known, places=(failing,)))
        answer = await client.get("/health")
        assert (answer.status_code, answer.text) == (503, "unproved")
        outside.write(path, structs.replace(known, trouble="the log is shorter"))
        assert "the log is shorter" in (await client.get("/status")).text


async def test_health_as_json_has_the_positions_for_those_who_may_know(
    signed: tuple[House, Path, KeysDir],
) -> None:
    """A monitor with an account or a token that reads gets them; a stranger and a kiosk a word."""
    house, _, _ = signed
    json = {"Accept": "application/json"}
    await house.user()
    async with await house.signed_in("watch", role="viewer") as client:
        told = (await client.get("/health", headers=json)).json()
        assert (await client.get("/health")).text == "ok"
    positions = {"durable": 4, "signed": 4, "kept": 4, "witnessed": 4, "outside_age_s": 60.0}
    assert told == {"health": "ok", "head": 4, **positions}
    async with await house.signed_in("hall", role="kiosk") as client:
        assert (await client.get("/health", headers=json)).text == "ok"
    async with house.client() as stranger:
        assert (await stranger.get("/health", headers=json)).text == "ok"
    async with await house.program("append") as feed:
        assert (await feed.get("/health", headers=json)).text == "ok"
    async with await house.program("read") as reader:
        assert (await reader.get("/health", headers=json)).json() == told


async def test_a_house_with_a_witness_key_cosigns_without_a_login(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Known logs are cosigned as C2SP says; without that key, and elsewhere, a login is asked."""
    keys_dir = tmp_path_factory.mktemp("witness") / "keys"
    log = FakeLog(new_key("log.example/a"))
    async with open_house(tmp_path) as house:
        path = house.site.settings.db_path
        body = encode_submission(log.submission(0, 5))
        async with house.client() as client:
            assert (await client.post(f"{PREFIX}/add-checkpoint", content=body)).status_code != 200
    held = KeysDir(keys_dir, log_id_of(path))
    held.make(path)
    pair = held.make_witness_key(LogName(held.log_id))
    Witness(held.seen, pair).add(log.pair.public.encode())
    async with open_house(tmp_path, keys_dir=keys_dir) as house:
        async with house.client(origin="http://elsewhere.example") as client:
            answer = await client.post(f"{PREFIX}/add-checkpoint", content=body)
            assert answer.status_code == 200
            assert answer.text.startswith("\N{EM DASH} ")
            again = await client.post(f"{PREFIX}/add-checkpoint", content=body)
            assert (again.status_code, again.text) == (409, "5\n")
            assert again.headers["content-type"] == "text/x.tlog.size"
            long = await client.post(f"{PREFIX}/add-checkpoint", content=b"x" * 65_537)
            assert long.status_code == 413
            assert (await client.get("/events/1")).status_code != 200
        await until(lambda: house.site.store._engine.written > 0)
        kinds = await house.site.store.reader.run(
            lambda c: [row.kind for row in journal.read_all(c)]
        )
    assert kinds == ["head_seen"]
