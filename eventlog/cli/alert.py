"""`eventlog alert test [CHANNEL...]`: sends a test over channels of the config, unrecorded."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from eventlog.cli.options import AtDesk
from eventlog.errors import BadArgument
from eventlog.reactors.alerts import teller
from eventlog.run import alerts
from eventlog.run.config_file import DEFAULT_PATH, load

Test = Annotated[Literal["test"], Parameter(name="ACTION", show_choices=False, help="test")]
Channels = Annotated[str, Parameter(name="CHANNEL", help="Names of channels. [all]")]
ConfigPath = Annotated[Path, Parameter(name="--config", help="The config. [/etc/eventlog.toml]")]


async def alert(
    action: Test, /, *channels: Channels, config: ConfigPath = DEFAULT_PATH, context: AtDesk
) -> int:
    """Send a test over channels; 1 if one could not be reached."""
    assert action == "test"  # noqa: S101 - there is no other
    found = load(config)
    ways = alerts.channels_of(found, Path(found.log.thumbnails))
    unknown = [name for name in channels if name not in ways]
    if unknown or not ways:
        what = f"no channel {unknown[0]}" if unknown else "no channel"
        raise BadArgument(f"{config} has {what}; a table [channel.NAME] makes one")
    code = 0
    for name in channels or sorted(ways):
        wrong = await teller.send_test(ways[name], teller.test_message(datetime.now(UTC)))
        context.say(f"{name}: {wrong or 'a test went out'}", "red" if wrong else "green")
        code = 1 if wrong else code
    return code
