"""`eventlog link` and `eventlog name`: say who a code, a name or a face is. Both append a fact."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from cyclopts import Parameter

from eventlog.cli.context import Context
from eventlog.cli.options import POSITION, AsJson, AtDesk
from eventlog.errors import BadArgument, DatabaseMissing
from eventlog.facts import FaceResult, Fact, IdentityLinked
from eventlog.projections.identities import people_first
from eventlog.record import Author, Receipt

Person = Annotated[str, Parameter(name="PERSON", help="The person, by the name in the log.")]
Door = Annotated[
    str | None, Parameter(help="The lock or source, as the log names it: front_door, august, …")
]
Slot = Annotated[
    int | None, Parameter(validator=POSITION, help="The slot of the code or tag in that lock.")
]
Identity = Annotated[str | None, Parameter(help="The user, as that lock or source names it.")]
SameAs = Annotated[str | None, Parameter(help="Another name of the same person.")]
Part = Annotated[bool, Parameter(help="Undo the link: they are not the same.")]


async def link(
    person: Person,
    /,
    *,
    of: Door = None,
    slot: Slot = None,
    identity: Identity = None,
    same_as: SameAs = None,
    part: Part = False,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """Say whose a slot or a user of a lock is, or that two names are one person.

    What was recorded before is shown with the person too; no record is changed. The latest link of
    a pair counts, so `--part` undoes it.
    """
    if [slot is None, identity is None, same_as is None].count(False) != 1:
        raise BadArgument("give one of --slot (with --of), --identity (with --of) and --same-as")
    if same_as is None and of is None:
        raise BadArgument("--of names the lock or the source of the slot or user")
    fact = IdentityLinked(
        person=person,
        linked=not part,
        source=None if same_as is not None else of,
        identity=f"slot {slot}" if slot is not None else identity,
        same_as=same_as,
    )
    return await _append(context, "link", fact, as_json=as_json)


async def name(
    event: Annotated[int, Parameter(name="ID", validator=POSITION, help="The event's id.")],
    person: Annotated[
        str | None, Parameter(name="PERSON", help="The person; --nobody if it is a stranger.")
    ] = None,
    /,
    *,
    nobody: Annotated[bool, Parameter(help="Remove the name: it is a stranger.")] = False,
    as_json: AsJson = False,
    context: AtDesk,
) -> int:
    """Record which person an event shows, or remove a name.

    What a person says wins over every model, the later over the earlier; all stay in the story.
    """
    if (person is None) is not nobody:
        raise BadArgument("give a person, or --nobody to remove the name")
    fact = FaceResult(name=person, given_by="person", recorded_at=datetime.now(UTC))
    return await _append(context, "name", fact, event_id=event, as_json=as_json)


async def _append(
    context: Context, command: str, fact: Fact, *, event_id: int | None = None, as_json: bool
) -> int:
    if not context.db_path.exists():
        raise DatabaseMissing(f"there is no log at {context.db_path}")
    context.require_writable()
    async with context.store(Author("command", command)) as store:
        facts: list[Fact] = [fact]
        if isinstance(fact, IdentityLinked) and fact.linked:
            await store.caught_up(await store.reader.last_position())
            known = {one["name"] for one in await store.reader.persons()}
            facts = [*people_first(fact, known), fact]
        receipt: Receipt = await store.append(*facts, event_id=event_id)
        await store.caught_up(receipt.positions[-1])
    if as_json:
        context.json({"position": receipt.positions[-1], "event_id": receipt.event_id})
    else:
        context.say(f"Recorded at position {receipt.positions[-1]}.")
    return 0
