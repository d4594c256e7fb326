"""Ways in: each source turns foreign messages into facts. Knows a store only by a protocol.

An adapter is one pure function from a message to items, with its table of topics. `reading` makes
messages of files and pipes, `feed` appends the items; a live connection makes messages itself and
hands them to the same adapters.
"""

from __future__ import annotations

from typing import Final

from eventlog.sources import (
    compreface,
    double_take,
    matter,
    nuki,
    onvif,
    zigbee2mqtt,
    zwave_js,
)
from eventlog.sources.adapter import Adapter
from eventlog.sources.august import adapter as august
from eventlog.sources.frigate import adapter as frigate
from eventlog.sources.home_assistant import adapter as home_assistant
from eventlog.sources.ring import adapter as ring
from eventlog.sources.unifi_access import adapter as unifi_access
from eventlog.sources.unifi_protect import adapter as unifi_protect

__all__ = ["SOURCES"]

SOURCES: Final[dict[str, Adapter]] = {
    module.ADAPTER.name: module.ADAPTER
    for module in (
        august,
        compreface,
        double_take,
        frigate,
        home_assistant,
        matter,
        nuki,
        onvif,
        ring,
        unifi_access,
        unifi_protect,
        zigbee2mqtt,
        zwave_js,
    )
}
