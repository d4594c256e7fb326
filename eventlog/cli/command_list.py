"""The list of commands, as the help shows it."""

from __future__ import annotations

from typing import Final, NamedTuple

from cyclopts import Group


class Command(NamedTuple):
    """A command: its group in the help, what it does in a line, and how it is called.

    `usage` follows its name in the help; None leaves that to its parameters.
    """

    name: str
    group: Group
    help: str
    function: str
    examples: tuple[str, ...]
    usage: str | None = None


LOOK: Final = Group("Look", sort_key=1)
FEED: Final = Group("Input", sort_key=2)
DOOR: Final = Group("Door", sort_key=5)
WEB: Final = Group("Dashboard", sort_key=6)
CARE: Final = Group("Maintenance", sort_key=3)
CARRY: Final = Group("Copies", sort_key=4)
PROVE: Final = Group("Prove", sort_key=6)

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
        "Show batteries, the last sign of life, and what is silent since when.",
        "eventlog.cli.devices:devices",
        ("eventlog devices", "eventlog devices --json"),
    ),
    Command(
        "decide",
        LOOK,
        "Say what would have happened with another tolerance.",
        "eventlog.cli.decide:decide",
        (
            "eventlog decide --tolerance 0.5",
            "eventlog decide --tolerance 0.45 --since 2026-02-01 --json",
        ),
    ),
    Command(
        "link",
        LOOK,
        "Say whose a code or tag is, or that two names are one person.",
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
        "Say who is to be seen in an event, or take a name back.",
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
        "Show the main functions on a made-up day, with a log of its own.",
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
        "status",
        CARE,
        "Show the log's head, the lag of its views and its size.",
        "eventlog.cli.status:status",
        ("eventlog status", "eventlog status --json"),
    ),
    Command(
        "replay",
        CARE,
        "Rebuild the read tables from the journal, while others read and write.",
        "eventlog.cli.replay:replay",
        (
            "eventlog replay",
            "eventlog replay persons",
            "eventlog replay --check",
            "eventlog replay --until 2026-02-25 --into february.db",
        ),
        usage="[OPTIONS] [VIEW...]",
    ),
    Command(
        "verify",
        CARE,
        "Check that what is stored is undamaged.",
        "eventlog.cli.verify:verify",
        ("eventlog verify", "eventlog verify --no-pictures --json"),
    ),
    Command(
        "parked",
        CARE,
        "List the records that a view could not apply, and why.",
        "eventlog.cli.parked:parked",
        ("eventlog parked",),
    ),
    Command(
        "forget",
        CARE,
        "Forget a person: names and pictures go, the visits stay.",
        "eventlog.cli.forget:forget",
        (
            "eventlog forget --export ada --into ada.zip",
            "eventlog forget ada",
            "eventlog forget ada --yes --known-faces known_faces",
        ),
    ),
    Command(
        "seal",
        CARE,
        "Make a log with sealed names of one that holds them in clear.",
        "eventlog.cli.seal:seal",
        ("eventlog seal --copy /media/usb/door.keys",),
    ),
    Command(
        "expire",
        CARE,
        "Delete pictures by age or size; each deletion is recorded.",
        "eventlog.cli.expire:expire",
        (
            "eventlog expire --pictures 90d --dry-run",
            "eventlog expire --bytes 8GB --keep-unlocks 2y",
            "eventlog expire --pictures 90d --strangers 1y --label car=7d",
        ),
    ),
    Command(
        "export",
        CARRY,
        "Write the journal as lines of JSON.",
        "eventlog.cli.transfer:export",
        ("eventlog export door.jsonl", "eventlog export | gzip > door.jsonl.gz"),
        usage="[OPTIONS] [FILE]",
    ),
    Command(
        "import",
        CARRY,
        "Restore a log from an export: the same positions, ids and hashes.",
        "eventlog.cli.transfer:import_",
        ("eventlog import door.jsonl --db restored.db", "zcat door.jsonl.gz | eventlog import -"),
    ),
    Command(
        "backup",
        CARRY,
        "Copy the log while others write, and verify the copy.",
        "eventlog.cli.transfer:backup",
        ("eventlog backup /mnt/usb/door-backup.db",),
    ),
    Command(
        "salvage",
        CARRY,
        "Copy the undamaged records of a damaged log into a new one.",
        "eventlog.cli.salvage:salvage",
        ("eventlog salvage recovered.db --db damaged.db",),
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
        "Run the door: live sources in, alerts out, the dashboard, as its config says.",
        "eventlog.cli.run:run",
        (
            "eventlog run --config door.toml --check",
            "eventlog run --config door.toml",
        ),
    ),
    Command(
        "alert",
        DOOR,
        "Send a test over the channels that alerts go over.",
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
    Command(
        "keys",
        PROVE,
        "Make, show, list or change the keys that sign this log.",
        "eventlog.cli.keys:keys",
        (
            "eventlog keys init /var/lib/eventlog-keys",
            "eventlog keys show",
            "eventlog keys rotate",
            "eventlog keys rotate --finish",
        ),
        usage="[OPTIONS] WHAT [DIR]",
    ),
    Command(
        "head",
        PROVE,
        "Show the newest signed head, and which records it anchors.",
        "eventlog.cli.head:head",
        ("eventlog head", "eventlog head --now --line", "eventlog head --new-era restored"),
    ),
    Command(
        "prove",
        PROVE,
        "Write proofs of single records that a stranger can check offline.",
        "eventlog.cli.prove:prove",
        (
            "eventlog prove 4810",
            "eventlog prove --event 17 --into proofs/",
            "eventlog prove --between old.head new.head",
            "eventlog prove --verifier",
        ),
        usage="[OPTIONS] [POSITION]",
    ),
    Command(
        "witness",
        PROVE,
        "Keep and cosign the heads of somebody else's log.",
        "eventlog.cli.witness:witness",
        (
            "eventlog witness add KEY",
            "eventlog witness serve --host 0.0.0.0",
            "eventlog witness check door.head --proof between-1200-4810.proof",
        ),
        usage="[OPTIONS] add KEY | serve | check FILE",
    ),
    Command(
        "tiles",
        PROVE,
        "Write the log's tree as C2SP's tiles, for a static web server.",
        "eventlog.cli.tiles:tiles",
        ("eventlog tiles /var/www/door",),
    ),
)
