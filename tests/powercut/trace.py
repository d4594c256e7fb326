"""Records a program with strace and reads what it did to one folder: writes, syncs, names.

The folder's calls come out as operations in the order in which they took effect, and among them
the acknowledgements: lines that the program wrote to a file of its own, outside the folder. A
call that changes the folder and is not understood is an error, never skipped.

Knows nothing of disks or of what the program is. SQLite's -shm is left out: it is memory.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.powercut.operations import (
    Acknowledged,
    Allocated,
    Appended,
    Linked,
    MadeFolder,
    Opened,
    Operation,
    Removed,
    Renamed,
    Sought,
    Synced,
    SyncFailed,
    Truncated,
    Wrote,
)

STRACE: Final = shutil.which("strace")

CALLS: Final = (
    "open,openat,creat,write,writev,pwrite64,pwritev,pwritev2,lseek,fsync,fdatasync,sync_file_range"
    ",truncate,ftruncate,fallocate,rename,renameat,renameat2,link,linkat,symlink,symlinkat,unlink"
    ",unlinkat,mkdir,mkdirat,rmdir,mmap,sendfile,copy_file_range,splice"
)


class TraceError(Exception):
    """The recording holds something that this reader does not understand."""


def record(
    command: Sequence[str], folder: Path, acks: Path, *, timeout_s: float, inject: str = ""
) -> list[Operation]:
    """Run a command under strace and answer what it did to `folder`.

    `inject` is strace's option of that name, "" for none. Raises CalledProcessError with the
    command's output where it fails.
    """
    output = acks.with_suffix(".strace")
    # strace does not inject into calls that it filters in the kernel.
    how = f"--inject={inject}" if inject else "--seccomp-bpf"
    subprocess.run(
        [
            *(STRACE or "strace", "-f", how, "-y", "-xx", "-s", "16777216"),
            *("-e", f"trace={CALLS}", "-e", "signal=none", "-o", str(output), *command),
        ],
        check=True,
        timeout=timeout_s,
        capture_output=True,
        text=True,
    )
    with output.open(encoding="ascii") as lines:
        operations = list(read(lines, folder, acks))
    output.unlink()
    return operations


def read(lines: Iterable[str], folder: Path, acks: Path) -> Iterator[Operation]:
    """The operations that the lines of a recording tell of, paths relative to the folder.

    A call stands where it ended; an acknowledgement where it began, for it may have been read
    from there on.
    """
    reader = _Reader(str(folder), str(acks))
    for line in lines:
        match = _LINE.match(line.rstrip("\n"))
        if match is not None:
            yield from reader.take(match[1], match[2])


class _Reader:
    """Puts the calls of several threads together, which strace may print in two parts."""

    def __init__(self, root: str, acks: str) -> None:
        self._root = root
        self._root_mark = _hex(root)
        self._acks_mark = _hex(acks)
        self._begun: dict[str, tuple[str, int]] = {}
        self._done = 0
        self._appending: set[str] = set()

    def take(self, thread: str, text: str) -> list[Operation]:
        """The operations that one line of a thread adds."""
        since, resumed = self._done, _RESUMED.match(text)
        operations: list[Operation] | None
        if text.endswith(_UNFINISHED):
            text = text.removesuffix(_UNFINISHED)
            self._begun[thread] = text, since
            operations = self._acknowledged(text) or []
        elif resumed is not None:
            start, since = self._begun.pop(thread, ("", 0))
            if self._acknowledged(start) is not None:
                return []
            operations = self._operations(start + resumed[1], since)
        else:
            operations = self._acknowledged(text)
            if operations is None:
                operations = self._operations(text, since)
        self._done += len(operations)
        return operations

    def _acknowledged(self, text: str) -> list[Operation] | None:
        if not text.startswith("write(") or self._acks_mark not in text.partition(", ")[0]:
            return None
        return [Acknowledged(line) for line in _strings(text).decode().splitlines()]

    def _operations(self, text: str, since: int) -> list[Operation]:
        if self._root_mark not in text:
            return []
        call = _CALL.match(text)
        if call is None or (int(call[3]) < 0 and call[1] not in _SYNCS):
            return []
        done = _operations(call[1], call[2], int(call[3]), self._root, since)
        return [self._appended(operation, call[2]) for operation in done]

    def _appended(self, operation: Operation, arguments: str) -> Operation:
        """The operation; a plain write to a file that was opened for appending is an append."""
        if isinstance(operation, Opened):
            (self._appending.add if "O_APPEND" in arguments else self._appending.discard)(
                operation.path
            )
        if isinstance(operation, Wrote) and operation.path in self._appending:
            return Appended(operation.path, operation.data)
        return operation


# ── one call ───────────────────────────────────────────────────────────────────────────────

_LINE: Final = re.compile(r"(\d+) +(.*)", re.DOTALL)
_RESUMED: Final = re.compile(r"<\.\.\. \w+ resumed>(.*)", re.DOTALL)
_UNFINISHED: Final = " <unfinished ...>"
_CALL: Final = re.compile(r"(\w+)\((.*)\) += (-?\d+)", re.DOTALL)
_HEX: Final = r"((?:\\x[0-9a-f]{2})*)"
_FD: Final = re.compile(rf"(?:AT_FDCWD|\d+)<{_HEX}>(?:\(deleted\))?")
_STRING: Final = re.compile(rf'"{_HEX}"')
_SYNCS: Final = frozenset({"fsync", "fdatasync"})
_IGNORED: Final = frozenset({"sync_file_range"})


def _operations(call: str, arguments: str, answer: int, root: str, since: int) -> list[Operation]:
    named = _paths(call, arguments, root)
    paths = [path for path in named if path is not None and not path.endswith("-shm")]
    if not paths or call in _IGNORED:
        return []
    path = paths[0]
    if call == "mmap" and not ("MAP_SHARED" in arguments and "PROT_WRITE" in arguments):
        return []
    if call in _SYNCS:
        return [Synced(path, since) if answer == 0 else SyncFailed(path, since)]
    if call in {"open", "openat", "creat"}:
        return _opened(call, arguments, path)
    if call in _OF_NAMES and len(paths) == len(named):
        return [_OF_NAMES[call](*paths)]
    if call in _OF_BYTES:
        return [_OF_BYTES[call](path, arguments, answer)]
    raise TraceError(f"{call} of {path!r} is not understood")


def _opened(call: str, arguments: str, path: str) -> list[Operation]:
    if "O_TMPFILE" in arguments:
        raise TraceError(f"{path!r} was opened in a way that is not understood")
    if call != "creat" and "O_WRONLY" not in arguments and "O_RDWR" not in arguments:
        return []
    return [Opened(path, truncate=call == "creat" or "O_TRUNC" in arguments)]


def _wrote_with_flags(path: str, arguments: str, size: int) -> Operation:
    offset, flags = arguments.split(", ")[-2:]
    if flags == "RWF_APPEND":
        return Appended(path, _data(arguments, size))
    if flags == "0":
        return Wrote(path, int(offset), _data(arguments, size))
    raise TraceError(f"pwritev2 of {path!r} with {flags} is not understood")


_OF_NAMES: Final[dict[str, Callable[..., Operation]]] = {
    "mkdir": MadeFolder,
    "mkdirat": MadeFolder,
    "rename": Renamed,
    "renameat": Renamed,
    "link": Linked,
    "linkat": Linked,
    "rmdir": Removed,
    "unlink": Removed,
    "unlinkat": Removed,
}
_OF_BYTES: Final[dict[str, Callable[[str, str, int], Operation]]] = {
    "write": lambda path, arguments, size: Wrote(path, None, _data(arguments, size)),
    "writev": lambda path, arguments, size: Wrote(path, None, _data(arguments, size)),
    "pwrite64": lambda path, arguments, size: Wrote(path, _last(arguments), _data(arguments, size)),
    "pwritev": lambda path, arguments, size: Wrote(path, _last(arguments), _data(arguments, size)),
    "pwritev2": _wrote_with_flags,
    "truncate": lambda path, arguments, _: Truncated(path, _last(arguments)),
    "ftruncate": lambda path, arguments, _: Truncated(path, _last(arguments)),
    "fallocate": lambda path, arguments, _: _allocated(path, arguments),
    "lseek": lambda path, _, offset: Sought(path, offset),
}


_BY_PATH: Final = frozenset(
    {"open", "creat", "truncate", "rename", "link", "symlink", "unlink", "mkdir", "rmdir"}
)


def _paths(call: str, arguments: str, root: str) -> list[str | None]:
    """The paths that a call names, relative to the root; None for one outside."""
    named = [_text(found) for found in _FD.findall(arguments)]
    if call in {
        "open",
        "creat",
        "truncate",
        "rename",
        "link",
        "symlink",
        "unlink",
        "mkdir",
        "rmdir",
    }:
        named = [_text(found) for found in _STRING.findall(arguments)]
    elif call.endswith(("at", "at2")):
        strings = [_text(found) for found in _STRING.findall(arguments)]
        named = [
            string if string.startswith("/") else f"{folder}/{string}"
            for folder, string in zip(named, strings, strict=False)
        ]
    if call in {"sendfile", "copy_file_range", "splice"}:
        named = named[-1:]
    return [
        path[len(root) + 1 :] if path == root or path.startswith(root + "/") else None
        for path in named
    ]


def _data(arguments: str, written: int) -> bytes:
    return _strings(arguments)[:written]


def _strings(text: str) -> bytes:
    return bytes.fromhex("".join(_STRING.findall(text)).replace("\\x", ""))


def _allocated(path: str, arguments: str) -> Operation:
    mode, offset, size = arguments.split(", ")[1:]
    if mode != "0":
        raise TraceError(f"fallocate of {path!r} in mode {mode} is not understood")
    return Allocated(path, int(offset) + int(size))


def _last(arguments: str) -> int:
    """The last argument, a number."""
    return int(arguments.rpartition(", ")[2])


def _text(hexed: str) -> str:
    return bytes.fromhex(hexed.replace("\\x", "")).decode()


def _hex(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())
