"""Channels over real HTTP on loopback: a webhook, and apprise's own JSON service."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from eventlog.reactors.alerts.channels import Apprise, NotSent, Webhook
from eventlog.reactors.alerts.wording import Message
from eventlog.run import http
from tests.support.http_servers import receiver

pytestmark = [
    pytest.mark.anyio,
    # apprise looks for it where Python still has it.
    pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning"),
]

MESSAGE = Message(
    id="alert:1:bell:phone", revision=0, rule="bell", title="Somebody rang", body="at noon"
)


async def test_a_webhook_gets_the_message_its_token_and_the_picture(tmp_path: Path) -> None:
    """The id is the same for every revision, so that the receiver can replace it."""
    Image.new("RGB", (8, 8)).save(tmp_path / "one.jpg")
    message = Message(
        id="i", revision=1, rule="r", title="t", body="b", picture="thumbnails/one.jpg"
    )
    with receiver() as (address, got):
        webhook = Webhook(f"http://{address}/", http.post, token="s3cret", pictures=tmp_path)  # noqa: S106 - a test's token
        await webhook.send(message)
        await webhook.send(MESSAGE)
    headers, body = got[0]
    assert headers["Authorization"] == "Bearer s3cret"
    assert headers["Idempotency-Key"] == "i"
    assert (body["id"], body["revision"], body["title"]) == ("i", 1, "t")
    assert body["picture"].startswith("/9j/")
    assert got[1][1]["picture"] is None


@pytest.mark.parametrize("status", [302, 400, 401, 500])
async def test_a_webhook_that_refuses_was_not_told(status: int) -> None:
    """A redirect is not followed: it would carry the token elsewhere."""
    with receiver(status) as (address, _):
        webhook = Webhook(f"http://{address}/", http.post, token=None, pictures=None)
        with pytest.raises(NotSent):
            await webhook.send(MESSAGE)


async def test_a_webhook_that_nobody_serves_was_not_told() -> None:
    """Nothing was sent, so it can be tried again without a doubt."""
    webhook = Webhook("http://127.0.0.1:1/", http.post, token=None, pictures=None)
    with pytest.raises(NotSent):
        await webhook.send(MESSAGE)


async def test_apprise_sends_text_and_picture(tmp_path: Path) -> None:
    """By its JSON service, on loopback."""
    Image.new("RGB", (8, 8)).save(tmp_path / "one.jpg")
    message = Message(
        id="i", revision=0, rule="r", title="t", body="b", picture="thumbnails/one.jpg"
    )
    with receiver() as (address, got):
        await Apprise(f"json://{address}/", pictures=tmp_path).send(message)
    _, body = got[0]
    assert (body["title"], body["message"]) == ("t", "b")
    assert len(body["attachments"]) == 1


async def test_apprise_that_fails_was_not_sent() -> None:
    """And a URL that it does not know is refused at once."""
    with pytest.raises(NotSent):
        await Apprise("json://127.0.0.1:1/", pictures=None).send(MESSAGE)
    with pytest.raises(ValueError, match="knows no such service"):
        Apprise("nonsense://x", pictures=None)
