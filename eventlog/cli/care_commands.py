"""The commands that check, copy, shorten and prove a log, as the help shows them."""

from __future__ import annotations

from typing import Final

from eventlog.cli.command import CARE, CARRY, PROVE, Command

CARE_COMMANDS: Final = (
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
        "Forget a person: delete names and pictures, keep the visits.",
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
        "Convert a log with names in clear to one with sealed names.",
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
        "Store and cosign the heads of another log.",
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
