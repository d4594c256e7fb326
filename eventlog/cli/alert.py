"""`eventlog alert test [CHANNEL...]`: sends a test over channels of the config, unrecorded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from eventlog.cli.options import AtDesk
from eventlog.errors import BadArgument
from eventlog.journal import table as journal
from eventlog.reactors.alerts.channel_test import send_test, test_message
from eventlog.reactors.alerts.web_push import WebPush
from eventlog.run import alerts, web_push
from eventlog.run.config import Config
from eventlog.run.config_file import DEFAULT_PATH, load
from eventlog.storage.read_only import opened

Test = Annotated[Literal["test"], Parameter(name="ACTION", show_choices=False, help="test")]
Channels = Annotated[str, Parameter(name="CHANNEL", help="Names of channels. [all]")]
ConfigPath = Annotated[Path, Parameter(name="--config", help="The config. [/etc/eventlog.toml]")]


async def alert(
    action: Test, /, *channels: Channels, config: ConfigPath = DEFAULT_PATH, context: AtDesk
) -> int:
    """Send a test over channels; 1 if one could not be reached."""
    assert action == "test"  # noqa: S101 - there is no other
    found = load(config)
    push = _web_push(found)
    ways = alerts.channels_of(found, Path(found.log.thumbnails), push)
    unknown = [name for name in channels if name not in ways]
    if unknown or not ways:
        what = f"no channel {unknown[0]}" if unknown else "no channel"
        raise BadArgument(f"{config} has {what}; a table [channel.NAME] makes one")
    code = 0
    try:
        for name in channels or sorted(ways):
            wrong = await send_test(ways[name], test_message(datetime.now(UTC)))
            context.say(f"{name}: {wrong or 'a test went out'}", "red" if wrong else "green")
            code = 1 if wrong else code
    finally:
        if push is not None:
            await push.devices.close()
    return code


def _web_push(config: Config) -> WebPush | None:
    """The config's web push. The key is the running door's to make: this may be another user."""
    if not web_push.is_asked(config):
        return None
    with opened(Path(config.log.db)) as log:
        return web_push.opened(config, journal.log_id(log.connection), make_key=False)
