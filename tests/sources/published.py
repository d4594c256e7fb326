"""Messages as a broker or a webhook delivers them now, and payloads that real packages made."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eventlog.facts import Fact
from eventlog.sources.adapter import DEFAULTS, Adapter, Message, Settings, mqtt_message
from eventlog.sources.items import Addition, Item, Occurrence, Standalone, Visit
from tests.sources.store_model import ModelStore

NOW = datetime(2026, 2, 25, 10, 30, tzinfo=UTC)
PAYLOADS = Path(__file__).parent / "payloads"


def payloads(name: str) -> dict[str, Any]:
    """What a package made once; `made_by` names it and its version."""
    made: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text(encoding="utf-8"))
    assert made["made_by"]
    return made


def published(
    adapter: Adapter,
    topic: str,
    payload: object,
    *,
    at: datetime | None = NOW,
    retained: bool = False,
    duplicate: bool = False,
    live: bool = True,
    settings: Settings = DEFAULTS,
) -> list[Item]:
    """The items of a message of a broker."""
    raw = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    message = mqtt_message(
        topic, raw, received_at=at, live=live, retained=retained, duplicate=duplicate
    )
    return adapter.read(message, settings)


def told(adapter: Adapter, value: object, settings: Settings = DEFAULTS) -> list[Item]:
    """The items of a message that comes by itself."""
    return adapter.read(Message(value, received_at=NOW, live=True), settings)


def facts(items: list[Item]) -> list[Fact]:
    """The facts of all items, in order."""
    return [
        fact
        for item in items
        if isinstance(item, Visit | Addition | Standalone | Occurrence)
        for fact in item.facts
    ]


def standing(store: ModelStore) -> list[Fact]:
    """The facts of a store that belong to no event, in order."""
    return [
        fact for some, receipt in store.keys.values() if receipt.event_id is None for fact in some
    ]
