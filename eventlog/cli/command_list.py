"""The list of commands, as the help shows it; `care_commands.py` has some of them."""

from __future__ import annotations

from typing import Final

from eventlog.cli.care_commands import CARE_COMMANDS
from eventlog.cli.command import DOOR, FEED, LOOK, WEB, Command

COMMANDS: Final = (
    Command(
        "events",
        LOOK,
        "List events, newest first.",
        "eventlog.cli.events:events",
        (
            "eventlog events --limit 5",
            "eventlog events --stranger --since 2026-02-01",
            "eventlog events --refused --json",
        ),
    ),
    Command(
        "show",
        LOOK,
        "Show one event: all its facts, and why the door opened or did not.",
        "eventlog.cli.show:show",
        ("eventlog show 17", "eventlog show 17 --json"),
    ),
    Command(
        "doors",
        LOOK,
        "Show each door and lock, now or at any time, and the last openings.",
        "eventlog.cli.doors:doors",
        ("eventlog doors", "eventlog doors --at 2026-02-25T10:30", "eventlog doors --json"),
    ),
    Command(
        "devices",
        LOOK,
        "Show batteries, when each device last reported, and which sources are silent.",
        "eventlog.cli.devices:devices",
        ("eventlog devices", "eventlog devices --json"),
    ),
    Command(
        "decide",
        LOOK,
        "Show what would have happened with another tolerance.",
        "eventlog.cli.decide:decide",
        (
            "eventlog decide --tolerance 0.5",
            "eventlog decide --tolerance 0.45 --since 2026-02-01 --json",
        ),
    ),
    Command(
        "link",
        LOOK,
        "Record whose a code or tag is, or that two names are one person.",
        "eventlog.cli.who:link",
        (
            "eventlog link ada --of front_door --slot 2",
            "eventlog link ada --of august --identity u-1",
            "eventlog link ada --same-as ada_l",
            "eventlog link ada --same-as ada_l --part",
        ),
        usage="[OPTIONS] PERSON",
    ),
    Command(
        "name",
        LOOK,
        "Record which person an event shows, or remove a name.",
        "eventlog.cli.who:name",
        ("eventlog name 17 ada", "eventlog name 17 --nobody"),
        usage="[OPTIONS] ID [PERSON]",
    ),
    Command(
        "tail",
        LOOK,
        "Show the journal's last records, and follow new ones.",
        "eventlog.cli.tail:tail",
        ("eventlog tail", "eventlog tail --follow", "eventlog tail --after 1200 --json"),
    ),
    Command(
        "demo",
        LOOK,
        "Show the main functions on a made-up day, in a separate log.",
        "eventlog.cli.demo:demo",
        ("eventlog demo", "eventlog demo --into /tmp/front-door"),
    ),
    Command(
        "ingest",
        FEED,
        "Store the events of another program, each once.",
        "eventlog.cli.ingest:ingest",
        (
            "eventlog ingest frigate events.json",
            "eventlog ingest ring history.json --camera front_door",
            "mosquitto_sub -t 'frigate/events' -C 100 | eventlog ingest frigate -",
        ),
        usage="[OPTIONS] SOURCE FILE...",
    ),
    Command(
        "init",
        DOOR,
        "Set up a door on this machine: user, folders, log, keys, config, units.",
        "eventlog.cli.init:init",
        (
            "eventlog init",
            "eventlog init --yes",
            "eventlog init --yes --reach lan --name door.home",
        ),
    ),
    Command(
        "run",
        DOOR,
        "Run a door: live sources, alerts and the dashboard, as configured.",
        "eventlog.cli.run:run",
        (
            "eventlog run --config door.toml --check",
            "eventlog run --config door.toml",
        ),
    ),
    Command(
        "alert",
        DOOR,
        "Send a test message over the channels of the alerts.",
        "eventlog.cli.alert:alert",
        ("eventlog alert test", "eventlog alert test phone --config door.toml"),
    ),
    Command(
        "ring",
        DOOR,
        "Sign in to Ring once, and keep its token.",
        "eventlog.cli.ring:ring",
        ("eventlog ring login /var/lib/eventlog/ring_token",),
        usage="login FILE",
    ),
    Command(
        "serve",
        WEB,
        "Serve the dashboard to browsers, until Ctrl-C.",
        "eventlog.cli.serve:serve",
        (
            "eventlog serve",
            "eventlog serve --public-url https://door.example",
            "eventlog serve --host 192.168.1.5 --certificate door.pem --key door.key",
        ),
    ),
    Command(
        "user",
        WEB,
        "Add, list and remove users of the dashboard, and change passwords and roles.",
        "eventlog.cli.accounts:user",
        (
            "eventlog user add ada",
            "eventlog user add hall --role kiosk",
            "eventlog user role bela owner",
            "eventlog user list",
        ),
        usage="add|list|remove|role [NAME] [ROLE]",
    ),
    Command(
        "token",
        WEB,
        "Make, list and revoke tokens with which programs may read or append.",
        "eventlog.cli.accounts:token",
        (
            "eventlog token add pipeline --scope append",
            "eventlog token add home-assistant --scope read --scope append",
            "eventlog token add feed --scope append --camera front_door --keys-of ring",
            "eventlog token revoke feed",
        ),
        usage="add|list|revoke [NAME] [OPTIONS]",
    ),
    *CARE_COMMANDS,
)
