"""Whether the journal ends where the head file says, and where it does not, what that means.

Pure: takes what was read of both. The head file must have been read before the journal's end,
or an append in between would look like a loss.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from msgspec import Struct

from eventlog.journal.head_file import HeadMark

# whole: the journal reaches as far as the head file says, with the same hash there.
# missing: there is no head file. damaged: its bytes are not a head. foreign: it is another log's.
# lost: records that were on the disk when they were acknowledged are gone.
# relaxed: the journal is shorter, but no durable append is known to be gone.
# altered: the record at its position has another hash.
HeadState: TypeAlias = Literal[
    "whole", "missing", "damaged", "foreign", "lost", "relaxed", "altered"
]


class HeadJudgement(Struct, frozen=True):
    """The state, what it means as a sentence, and the first position that it hits, if any."""

    state: HeadState
    what: str
    position: int | None = None


def judge(
    mark: HeadMark | None,
    *,
    log_id: bytes | None,
    end: int,
    hash_at: bytes | None,
    damage: str | None = None,
) -> HeadJudgement:
    """Compare a head file with a journal that ends at position `end`.

    `hash_at` is the journal's hash at the head file's position, None where it can't be read or
    where there is no record; `log_id` is None where it can't be read. `damage` is why the head
    file could not be read.
    """
    if damage is not None:
        return HeadJudgement("damaged", f"the head file can't be read: {damage}")
    if mark is None:
        return HeadJudgement(
            "missing", "there is no head file: that the journal's tail is whole can't be told"
        )
    if log_id is not None and mark.log_id != log_id:
        return HeadJudgement("foreign", "the head file is another log's")
    if mark.position > end:
        return _shorter(mark, end)
    if hash_at is not None and hash_at != mark.hash:
        return HeadJudgement(
            "altered", "the head file has another hash for this record", mark.position
        )
    return HeadJudgement("whole", "the journal reaches as far as the head file says")


def _shorter(mark: HeadMark, end: int) -> HeadJudgement:
    gone = f"the journal ends at {end}, the head file says that it reached {mark.position}"
    if mark.durable_position > end:
        return HeadJudgement("lost", f"{gone}: durable records are gone", end + 1)
    return HeadJudgement("relaxed", f"{gone}: only relaxed appends can be missing", end + 1)
