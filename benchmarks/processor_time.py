"""How much processor time the programs that this process started have used, by their name.

On a machine that does something else the time on the clock says little; this is about what a free
core would need.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


def used_ms(program: str, under: int) -> float:
    """The time of all threads of a program's processes below one process, in milliseconds.

    Args:
        program: A part of the name of the program's file.
        under: The id of a process above them.
    """
    above: dict[int, int] = {}
    for entry in _PROC.iterdir():
        with suppress(OSError, ValueError):
            above[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    total = 0.0
    for process in above:
        if _is_below(process, under, above) and program in _name(process):
            for thread in _threads(process):
                with suppress(OSError):
                    total += int(thread.read_text().split()[0]) / 1e6
    return total


def _is_below(process: int, under: int, above: dict[int, int]) -> bool:
    while process and process != under:
        process = above.get(process, 0)
    return process == under


def _name(process: int) -> str:
    with suppress(OSError):
        return (_PROC / str(process) / "cmdline").read_text().partition("\0")[0]
    return ""


def _threads(process: int) -> list[Path]:
    with suppress(OSError):
        return [one / "schedstat" for one in (_PROC / str(process) / "task").iterdir()]
    return []
