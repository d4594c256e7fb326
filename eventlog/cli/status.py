"""`eventlog status`: the state of the log on one screen."""

from __future__ import annotations

from pathlib import Path

from rich.table import Table
from rich.text import Text

from eventlog.cli.context import Context, counted, shown_size
from eventlog.cli.options import AsJson, AtDesk
from eventlog.cli.safe_text import safe
from eventlog.errors import BadArgument
from eventlog.maintenance.retention_rule import in_words
from eventlog.maintenance.status import NamesStatus, Status, ViewStatus
from eventlog.maintenance.status import status as look
from eventlog.record import instant, is_instant
from eventlog.run.config_file import DEFAULT_PATH, load
from eventlog.run.retain_config import kept


def status(*, as_json: AsJson = False, context: AtDesk) -> int:
    """Show the state of the log. Parked records and a doubtful head file are findings."""
    found = look(context.db_path, context.keys_dir, context.thumbnails_dir)
    if as_json:
        context.json(found)
    else:
        _print(context, found)
    faulty = found.heads is not None and found.heads.fault is not None
    return int(any(view.parked for view in found.views) or _doubtful(found) or faulty)


def _doubtful(found: Status) -> bool:
    return found.head_file not in {"whole", "missing"}


def _print(context: Context, found: Status) -> None:
    rows = Table.grid(padding=(0, 2, 0, 0))
    rows.add_column(style="dim", no_wrap=True)
    rows.add_column(overflow="fold")
    read_only = " (read-only)" if found.read_only else ""
    rows.add_row("log", f"{safe(found.path)}{read_only}")
    if found.opened_how is not None:
        rows.add_row("", Text(found.opened_how, "yellow"))
    rows.add_row("id", found.log_id)
    rows.add_row(
        "journal", f"{counted(found.records, 'record')}, {counted(found.last_event, 'event')}"
    )
    rows.add_row("head", f"{found.records} {found.head_hash[:16]}…{_appended(context, found)}")
    rows.add_row("head file", Text(found.head_file_says, "red" if _doubtful(found) else ""))
    in_wal = shown_size(found.wal_bytes)
    rows.add_row("size", f"{shown_size(found.database_bytes)}, and {in_wal} in the WAL")
    room = found.room
    rows.add_row("pictures", f"{counted(room.pictures, 'file')}, {shown_size(room.picture_bytes)}")
    rows.add_row(
        "30 days",
        f"{shown_size(room.month_picture_bytes)} of pictures, {shown_size(room.month_bytes)} of"
        f" {counted(room.month_records, 'record')}",
    )
    for number, sentence in enumerate(_kept(context)):
        rows.add_row("" if number else "kept", sentence)
    for number, view in enumerate(found.views):
        rows.add_row("" if number else "views", _view(view))
    for parked in found.parked:
        what = f"{counted(parked.records, 'record')} of {parked.view}: {parked.reason}"
        rows.add_row("parked", Text(safe(what), "red"))
    rows.add_row("heads", _heads(found))
    rows.add_row("names", _names(found.names))
    rows.add_row("SQLite", _sqlite(found))
    context.draw(rows)


def _heads(found: Status) -> Text:
    heads = found.heads
    if heads is None:
        return Text("not signed: eventlog keys init DIR makes the key", "yellow")
    if heads.fault is not None:
        return Text(safe(heads.fault), "red")
    text = Text(f"signed up to {heads.signed}")
    for place in heads.places:
        text.append(f"; {safe(place.name)} has {place.size}")
    if heads.outside_age_s is not None:
        text.append(f"; the newest outside head is {_age(heads.outside_age_s)} old")
    if not heads.places:
        text.append("; kept nowhere else: set HEAD_TO", "yellow")
    return text


def _kept(context: Context) -> list[str]:
    """What is kept for how long, by the config of the running door where it is this log's."""
    try:
        config = load(DEFAULT_PATH)
        if Path(config.log.db).resolve() == context.db_path.resolve():
            return kept(config.retain)
    except (BadArgument, OSError):
        pass  # there is no running door here, or not one that this user may look at
    return in_words(None)


def _names(names: NamesStatus) -> Text:
    if names.lost:
        text = "sealed, and what opens them is missing: set KEYS_DIR, or eventlog keys restore FILE"
        return Text(text, "red")
    if names.not_kept:
        return Text("sealed, but for the name of an unlock that could not be kept", "red")
    if not names.sealed:
        return Text("in clear: eventlog keys init DIR --copy FILE seals them", "yellow")
    if names.backup_age_s is None:
        return Text("sealed, without a second place: eventlog keys backup FILE", "yellow")
    old = _age(names.backup_age_s)
    text = f"sealed; the newest backup of the keys is {old} old: {safe(names.copied_to or '')}"
    return Text(text, "yellow" if names.backup_is_old else "")


def _age(seconds: float) -> str:
    """A length of time as people read it."""
    for unit, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return "a moment" if seconds < 2 else f"{seconds:.0f} seconds"  # noqa: PLR2004 - as above


def _appended(context: Context, found: Status) -> str:
    if found.appended_at_us is None:
        return ""
    if not is_instant(found.appended_at_us):
        return ", its time of append is damaged"
    at = context.time_text(instant(found.appended_at_us))
    return f", appended {at} {context.settings.time_zone}"


def _view(view: ViewStatus) -> Text:
    text = Text(f"{view.view} at {view.position}, ")
    text.append(f"{view.lag} behind" if view.lag else "up to date", "yellow" if view.lag else "")
    if view.parked:
        text.append(f", {view.parked} parked", "red")
    return text


def _sqlite(found: Status) -> str:
    fault = "; the lock file protects the log from its WAL fault" if found.sqlite.wal_fault else ""
    return f"{found.sqlite.version}{fault}"
