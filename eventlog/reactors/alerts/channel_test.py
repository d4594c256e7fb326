"""The test of a channel, which the owner asks for: it is sent and not recorded."""

from __future__ import annotations

from datetime import datetime

from eventlog.reactors.alerts.channels import Channel, NotSent, Refused, Unsure
from eventlog.reactors.alerts.wording import Message


def test_message(now: datetime) -> Message:
    """What a test of a channel says."""
    return Message(
        id=f"test:{int(now.timestamp())}",
        revision=0,
        rule="test",
        title="A test of this channel",
        body="The door's log can reach you here.",
        at=now,
    )


async def send_test(channel: Channel, message: Message) -> str | None:
    """Send a test over a channel; what went wrong, None if nothing did."""
    try:
        await channel.send(message)
    except Refused as refused:
        return str(refused)
    except NotSent:
        return "it was not sent"
    except Unsure:
        return "there was no answer in time"
    return None
