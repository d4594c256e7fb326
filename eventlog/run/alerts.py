"""The part that sends alerts: built from the config's rules and channels."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from eventlog import codecs
from eventlog.errors import BadArgument, BadRecord
from eventlog.followers.reactor import Reactor
from eventlog.reactors.alerts.channels import Apprise, Channel, Webhook
from eventlog.reactors.alerts.ledger import Ledger
from eventlog.reactors.alerts.rules import Doors, Rule
from eventlog.reactors.alerts.teller import Teller, follow
from eventlog.reactors.alerts.web_push import WebPush
from eventlog.record import Author, EventId, Position, Record
from eventlog.run import http, recorded
from eventlog.run.author import Signed
from eventlog.run.config import (
    Alert,
    Config,
    HomeAssistant,
    Statestream,
)
from eventlog.run.config import Channel as ChannelTable
from eventlog.run.opened_reactor import opened_reactor
from eventlog.run.values import hours, seconds, secret
from eventlog.sources.messages import slug
from eventlog.store.event_store import EventStore

AUTHOR: Final = Author("part", "alerts")


def make_teller(config: Config, store: EventStore, push: WebPush | None = None) -> Teller:
    """The teller of a config, with its web push; secrets are read now. Raises BadArgument."""
    ledger = Ledger(
        {name: _rule(name, table) for name, table in config.alert.items()},
        doors_of(config),
        ZoneInfo(config.zone),
    )
    channels = channels_of(config, store.thumbnails_dir, push)

    async def story(event_id: int) -> list[Record]:
        rows = await store.reader.story(event_id)
        found = []
        for row in rows:
            try:
                fact = codecs.decode(row.kind, row.version, row.body, position=row.position)
            except BadRecord:
                continue  # `verify` names it
            found.append(
                Record(Position(row.position), EventId(event_id), row.appended_at, row.key, fact)
            )
        return await store.reader.opened(found)

    async def armed() -> list[Record]:
        return await store.reader.run(lambda c: recorded.of_kinds(c, ("rule_armed",)))

    return Teller(ledger, channels, Signed(store, AUTHOR), story, armed, head_line=store.head_line)


async def run(config: Config, store: EventStore, teller: Teller) -> None:
    """Send alerts until cancelled. Raises what the reactor and the channels raise."""
    reactor = make_reactor(store, teller)
    push = push_of(teller)
    try:
        more = [] if push is None else [push.retry]
        await follow(teller, list(config.channel), [reactor.run, *more])
    finally:
        if push is not None:
            await push.devices.close()


def make_reactor(store: EventStore, teller: Teller) -> Reactor:
    """What brings the records to a teller."""
    return opened_reactor("alerts", store, teller.act)


def push_of(teller: Teller) -> WebPush | None:
    """The channel that is web push, where there is one."""
    found = (one for one in teller.channels.values() if isinstance(one, WebPush))
    return next(found, None)


def channels_of(
    config: Config, thumbnails: Path, push: WebPush | None = None
) -> dict[str, Channel]:
    """The channels of a config, by name; secrets are read now. Raises BadArgument."""
    return {
        name: push if push is not None and table.web_push else _channel(name, table, thumbnails)
        for name, table in config.channel.items()
    }


def doors_of(config: Config) -> Doors:
    """Which door each camera, lock and contact belongs to, as the facts call them."""
    parts: dict[str, str] = {}
    for name, door in config.door.items():
        for camera in door.cameras:
            parts[camera] = parts[slug(camera)] = name
        for told in (door.lock, door.contact):
            for source, device in told.items():
                is_entity = isinstance(config.source.get(source), HomeAssistant | Statestream)
                own = device.partition(".")[2] if is_entity and "." in device else device
                parts[own] = parts[slug(own)] = name
    return Doors(parts)


def _rule(name: str, table: Alert) -> Rule:
    return Rule(
        name=name,
        when=table.when,
        channels=tuple(table.channels),
        doors=frozenset(table.doors),
        after_s=seconds(table.after),
        quiet=None if table.quiet is None else hours(table.quiet),
        stale_after_s=seconds(table.stale_after),
        unsure=table.unsure,
        updates=table.updates,
    )


def _channel(name: str, table: ChannelTable, thumbnails: Path) -> Channel:
    pictures = thumbnails if table.picture else None
    token = secret(f"channel.{name}.token", table.token, table.token_file)
    if table.webhook is not None:
        return Webhook(table.webhook, http.post, token=token, pictures=pictures)
    url = secret(f"channel.{name}.url", table.url, table.url_file)
    try:
        return Apprise(url or "", pictures=pictures)
    except ValueError as error:
        raise BadArgument(f"channel.{name}: {error}") from error
    except ModuleNotFoundError as error:
        raise BadArgument(
            f"channel.{name}: apprise is not installed; it is in the extra `alerts`"
        ) from error
