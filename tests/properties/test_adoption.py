"""Laws of adoption: what was in a plain store is in the log, whatever it was.

Rows as the contract has them come back from the views; rows of any values come back from views
and meta together, or lie aside as they were.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from eventlog import codecs
from eventlog.followers import fold
from eventlog.journal import table as journal
from eventlog.projections import VIEWS
from tests.store.compat.plain_stores import (
    CORNERS,
    DETECTION_COLUMNS,
    EVENT_COLUMNS,
    LOOSE,
    PERSON_COLUMNS,
    become_log,
    plain_store,
    rows_of,
)
from tests.support.strategies import (
    cameras,
    distances,
    finite_floats,
    fractions,
    labels,
    maybe,
    names,
    texts,
)

Row = dict[str, Any]

# ── rows ───────────────────────────────────────────────────────────────────────────────────

_TIMES = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59))  # noqa: DTZ001 - UTC
_RECORDED_AT = _TIMES.map(datetime.isoformat)
_CREATED_AT = _TIMES.map(lambda at: at.isoformat(sep=" ", timespec="seconds"))


@st.composite
def faces(draw: st.DrawFn) -> Row:
    """A face as the contract has it: without a confidence of its own it has its distance's."""
    distance = draw(maybe(distances()))
    confidence = draw(maybe(fractions()))
    if confidence is None and distance is not None:
        confidence = max(0.0, 1.0 - distance)
    return {
        "person_name": draw(maybe(names())),
        "face_confidence": confidence,
        "face_distance": distance,
    }


@st.composite
def contract_events(draw: st.DrawFn, event_id: int) -> Row:
    """A row of `events` as the contract has it."""
    return {
        "id": event_id,
        "camera_id": draw(cameras()),
        "recorded_at": draw(_RECORDED_AT),
        "event_type": draw(st.sampled_from(["motion", "ding"])),
        "recording_id": draw(maybe(texts(256))),
        **draw(faces()),
        "unlock_granted": draw(st.sampled_from([0, 1])),
        "door_action": draw(st.sampled_from(["unlocked", "locked", "none"])),
        "thumbnail_path": draw(maybe(texts(256))),
        "alert_sent": draw(st.sampled_from([0, 1])),
        "created_at": draw(_CREATED_AT),
    }


def contract_detections(event_ids: list[int]) -> SearchStrategy[list[Row]]:
    """Rows of `detections` as the contract has them, of these events."""
    columns = {
        "event_id": st.sampled_from(event_ids),
        "label": labels(),
        "confidence": fractions(),
        **{corner: maybe(finite_floats()) for corner in CORNERS},
    }
    return st.lists(st.fixed_dictionaries(columns), max_size=6)


_IDS = st.lists(st.integers(1, 50) | st.just(2**53), min_size=1, max_size=5, unique=True)
_PERSONS = st.lists(
    st.fixed_dictionaries(
        {"name": names(), "display_name": maybe(names()), "created_at": _CREATED_AT}
    ),
    max_size=4,
    unique_by=lambda row: row["name"],
)

_LIKELY = ["front_door", "anna", "ding", "other", "unlocked", "opened", "2026-02-25T10:30:00"]
_LIKELY += ["2026-02-25 10:30:00", "2026-02-25T10:30:00.5+01:00", "", "x" * 65, "x" * 257]
_ANYTHING = (
    st.none()
    | st.sampled_from([0, 1, 2, -1, 0.4, 1.3, float("inf"), 2**53 + 1, *_LIKELY])
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | st.text(max_size=70)
    | st.binary(max_size=9)
)


def any_rows(columns: tuple[str, ...], **fixed: SearchStrategy[Any]) -> SearchStrategy[list[Row]]:
    """Rows of any values in these columns."""
    ids = st.integers(-2, 9) | st.sampled_from([2**63 - 1, -(2**63)])
    drawn = {"id": ids, **dict.fromkeys(columns[1:], _ANYTHING), **fixed}
    return st.lists(st.fixed_dictionaries(drawn), max_size=4, unique_by=lambda row: row["id"])


# ── laws ───────────────────────────────────────────────────────────────────────────────────


@given(st.data())
def test_rows_as_the_contract_has_them_come_back_from_the_views(data: st.DataObject) -> None:
    """All columns of events under the same ids, detections and persons but for theirs."""
    ids = data.draw(_IDS)
    events = [data.draw(contract_events(event_id)) for event_id in ids]
    detections = data.draw(contract_detections(ids))
    persons = data.draw(_PERSONS)
    with plain_store(":memory:", events, detections, persons) as connection:
        stored = {
            "events": rows_of(connection, "events"),
            "detections": in_order(rows_of(connection, "detections")),
            "persons": rows_of(connection, "persons", PERSON_COLUMNS[1:]),
        }
        become_log(connection)
        project(connection)
        assert rows_of(connection, "events", EVENT_COLUMNS) == stored["events"]
        assert (
            in_order(rows_of(connection, "detections", DETECTION_COLUMNS)) == (stored["detections"])
        )
        assert rows_of(connection, "persons", PERSON_COLUMNS[1:]) == sorted(
            [*stored["persons"], *unlisted(stored["events"], stored["persons"])],
            key=lambda row: row["name"].encode(),
        )
        assert not [row for row in rows_of(connection, "sqlite_schema") if is_aside(row)]
        assert not [meta for meta in legacies(connection).values() if "values" in meta]


@given(
    any_rows(EVENT_COLUMNS),
    any_rows(DETECTION_COLUMNS, event_id=st.integers(-2, 9) | st.just("7") | _ANYTHING),
    any_rows(PERSON_COLUMNS),
)
def test_rows_of_any_values_are_in_views_and_meta_together_or_lie_aside(
    events: list[Row], detections: list[Row], persons: list[Row]
) -> None:
    """Adoption never fails and loses no value, and no meta contains a name."""
    with plain_store(":memory:", events, detections, persons, ddl=LOOSE) as connection:
        stored = {table: rows_of(connection, table) for table in ("events", "detections")}
        become_log(connection)
        project(connection)
        metas = legacies(connection)
        lying = {table: aside(connection, table) for table in ("events", "detections", "persons")}
        for row in stored["events"]:
            meta = metas[f"legacy:{row['id']}"]
            assert row in lying["events"] or told_event(connection, meta) == row
            assert not meta.get("values", {}).get("person_name")
        for row in persons:
            meta = metas.get(f"legacy:person:{row['id']}", {})
            assert row in lying["persons"] or told_person(connection, meta) == row
            assert not meta.get("values", {}).get("name")
            assert not meta.get("values", {}).get("display_name")
        told = [
            row
            for key, meta in metas.items()
            if not key.startswith("legacy:person:")
            for row in told_detections(connection, meta)
        ]
        assert sorted([*told, *lying["detections"]], key=by_id) == stored["detections"]


# ── reading back ───────────────────────────────────────────────────────────────────────────


def project(connection: sqlite3.Connection) -> None:
    """Carry the journal into the views; nothing may be parked."""
    batch = fold.decode(list(journal.read_all(connection)), 0)
    parked = fold.apply(connection, dict.fromkeys(VIEWS, 0), batch)
    assert not any(parked.values())


def legacies(connection: sqlite3.Connection) -> dict[str, Row]:
    """What each append keeps of its row, with its place."""
    return {
        row.key: {
            **codecs.decode_meta(row.meta)["legacy"],
            "position": row.position,
            "event_id": row.event_id,
        }
        for row in journal.read_all(connection)
        if row.key is not None
    }


def told_event(connection: sqlite3.Connection, meta: Row) -> Row:
    """An event's row from its view and meta."""
    (view,) = [
        r for r in rows_of(connection, "events", EVENT_COLUMNS) if r["id"] == meta["event_id"]
    ]
    faces = [r for r in rows_of(connection, "face_results") if r["event_id"] == meta["event_id"]]
    # The view gives a face without a confidence that of its distance; the fact has the NULL.
    told = {"face_confidence": faces[0]["confidence"]} if faces else {}
    return {**view, **told, **meta.get("values", {}), "id": meta["id"]}


def told_detections(connection: sqlite3.Connection, meta: Row) -> list[Row]:
    """The rows of an event's detections from their view and the event's meta."""
    partly = {row["id"]: row for row in meta.get("detection_values", [])}
    view = [
        row
        for row in rows_of(connection, "detections", DETECTION_COLUMNS)
        if row["event_id"] == meta["event_id"]
    ]
    ids = meta.get("detections", [])
    told = [
        {**row, "event_id": meta["id"], **partly.pop(old_id, {}), "id": old_id}
        for row, old_id in zip(view, ids, strict=True)
    ]
    return [*told, *partly.values()]


def told_person(connection: sqlite3.Connection, meta: Row) -> Row:
    """A person's row from the record that names them and its meta."""
    stored = journal.read_one(connection, meta["position"])
    assert stored is not None
    record = codecs.decode_record(stored)
    return {
        "id": meta["id"],
        "name": getattr(record.fact, "name", None),
        "display_name": getattr(record.fact, "display_name", None),
        "created_at": record.appended_at.replace(tzinfo=None).isoformat(sep=" "),
        **meta.get("values", {}),
    }


def aside(connection: sqlite3.Connection, table: str) -> list[Row]:
    """The rows that were set aside."""
    there = [row for row in rows_of(connection, "sqlite_schema") if is_aside(row)]
    if f"legacy_{table}" not in {row["name"] for row in there}:
        return []
    return rows_of(connection, f"legacy_{table}")


def is_aside(row: Row) -> bool:
    """Whether a table of the schema has rows that were set aside."""
    return str(row["name"]).startswith("legacy_")


def in_order(detections: list[Row]) -> list[Row]:
    """Detections as the journal has them, by event, without their ids."""
    ordered = sorted(detections, key=lambda row: (row["event_id"], row["id"]))
    return [{**row, "id": None} for row in ordered]


def unlisted(events: list[Row], persons: list[Row]) -> list[Row]:
    """The persons whom only events name, each from the first of them."""
    listed = {row["name"] for row in persons}
    found: dict[str, Row] = {}
    for event in events:
        name = event["person_name"]
        if name is not None and name not in listed:
            first = {"name": name, "display_name": None, "created_at": event["created_at"]}
            found.setdefault(name, first)
    return list(found.values())


def by_id(row: Row) -> int:
    """The row's id."""
    return int(row["id"])
