"""Asks Frigate whether it publishes in a way that loses messages."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from eventlog.run import http


class _FrigateMqtt(Struct, frozen=True):
    """What Frigate's API says about its broker."""

    enabled: bool = False
    qos: int = 0


class _FrigateConfig(Struct, frozen=True):
    """The part of Frigate's config that is read."""

    mqtt: _FrigateMqtt = _FrigateMqtt()


async def loses_messages(api: str) -> bool:
    """Whether a Frigate says that it publishes at QoS 0; one that does not answer says nothing."""
    try:
        answer = await http.get(f"{api.rstrip('/')}/api/config", {})
        found = msgspec.json.decode(answer.body, type=_FrigateConfig)
    except (OSError, TimeoutError, msgspec.MsgspecError, UnicodeDecodeError):
        return False
    return found.mqtt.enabled and found.mqtt.qos == 0
