"""The folder of thumbnails: save a picture durably or not at all, find it, check it, sweep.

A picture and the folders above it are on the disk before its fact is answered; so a record never
names a picture that a power cut took. A file in the folder is never overwritten, a symbolic link in
it never followed, and text from outside gives a file's name only, made of a few plain letters.

A picture is found by its file's name in the folder that is given, so that a folder may be renamed
or moved. Knows nothing of the journal: the caller appends the fact.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import secrets
import time
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, Literal, NamedTuple

import anyio
import anyio.to_thread

from eventlog.errors import BadArgument, BadPayload
from eventlog.facts import ThumbnailSaved
from eventlog.pictures import MAX_BYTES, read_frame, small
from eventlog.pictures.clean import clean_picture
from eventlog.storage.durable_files import (
    is_plain,
    make_folder,
    open_plain,
    remove_older,
    sync,
    write_new,
)
from eventlog.storage.error_translation import of_os_error

FALLBACK: Final = "undated"  # the name where the timestamp has no character that a name may have
MAX_STEM: Final = 100  # characters of a timestamp that a name keeps
# Of the disk, what no picture takes: the smaller of the two.
KEEP_FREE_BYTES: Final = 500_000_000
KEEP_FREE_PART: Final = 20  # a twentieth
MAX_FOLDER_NAME: Final = 120  # characters, so that a whole path fits into a fact
_NUMBERED: Final = 100  # frames of one timestamp that are counted; further ones end at random
_REMEMBERED: Final = 2_048  # names that this object wrote lately

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_+-]")
_OURS: Final = re.compile(
    rf"\.thumbnail-[0-9a-f]{{16}}\.tmp"
    rf"|[A-Za-z0-9_+][A-Za-z0-9_+-]*(?:\.jpg|{re.escape(small.ENDING)})"
)

_log: Final = logging.getLogger(__name__)


class Thumbnails:
    """The folder of thumbnails at a path; it is made when it is first needed.

    Paths in facts and arguments are relative: the folder's own name, '/', the file's name.
    """

    def __init__(self, folder: Path, *, keep_free_bytes: int | None = None) -> None:
        """Touch nothing yet. Raises BadArgument for a folder whose name no fact can hold.

        `keep_free_bytes` is room on the disk that no picture takes, so that records go on when
        pictures fill it; None keeps 500 MB or 5 % of the disk, whichever is smaller.
        """
        self.folder = folder
        self._keep_free_bytes = keep_free_bytes
        self.name = _folder_name(folder)
        self._lately: deque[tuple[str, float]] = deque(maxlen=_REMEMBERED)
        self._turn: anyio.CapacityLimiter | None = None

    def ensure(self) -> None:
        """Make the folder, and those above it that are missing, with mode 0700.

        Raises DiskFull, ReadOnly or DiskFailure where that can't be.
        """
        try:
            make_folder(self.folder)
        except OSError as error:
            raise of_os_error(error, self.folder) from error

    def save(
        self, frame_bytes: bytes, event_timestamp: str, *, keep_jpeg: bool = False
    ) -> ThumbnailSaved | None:
        """Store a frame as a clean JPEG, named by its timestamp; the fact says where and what.

        ':' and '.' become '-', and so does whatever is no letter, digit, '_', '+' or '-'. A
        second frame of one timestamp ends in '-2'. For `keep_jpeg` see `clean_picture`.

        A frame that can't be stored, for its own sake or the disk's, answers None and is logged. A
        JPEG that is cut short is stored as far as it decodes, and logged too.
        """
        try:
            return self._store(frame_bytes, event_timestamp, keep_jpeg=keep_jpeg)
        except BadPayload as error:
            _log.warning("thumbnail not saved: the frame %s", error.reason)
        except OSError as error:
            _log.warning("thumbnail not saved: %s", _why(error))
        return None

    def store(self, frame_bytes: bytes, event_timestamp: str) -> ThumbnailSaved:
        """Like `save`, but says why a frame can't be stored.

        Raises BadPayload for the frame's sake; DiskFull, ReadOnly or DiskFailure for the disk's.
        """
        try:
            return self._store(frame_bytes, event_timestamp, keep_jpeg=False)
        except OSError as error:
            raise of_os_error(error, self.folder) from error

    async def store_async(self, frame_bytes: bytes, event_timestamp: str) -> ThumbnailSaved:
        """Like `store`, in a worker thread, one frame at a time. Raises what `store` raises."""
        if self._turn is None:
            self._turn = anyio.CapacityLimiter(1)
        work = partial(self.store, frame_bytes, event_timestamp)
        return await anyio.to_thread.run_sync(work, limiter=self._turn)

    def _store(
        self, frame_bytes: bytes, event_timestamp: str, *, keep_jpeg: bool
    ) -> ThumbnailSaved:
        picture = clean_picture(frame_bytes, keep_jpeg=keep_jpeg)
        make_folder(self.folder)
        self._require_room(len(picture.jpeg))
        spare = self._remembered(f".thumbnail-{secrets.token_hex(8)}.tmp")
        names = _names(_stem(event_timestamp))
        name = self._remembered(write_new(self.folder, spare, names, picture.jpeg))
        if picture.cut_short:
            _log.warning("thumbnail %s is cut short: its frame ended early", name)
        return ThumbnailSaved(
            path=f"{self.name}/{name}",
            sha256=hashlib.sha256(picture.jpeg).digest(),
            size_bytes=len(picture.jpeg),
            width_px=picture.width_px,
            height_px=picture.height_px,
        )

    def _require_room(self, size_bytes: int) -> None:
        """Raise OSError where a picture would take room that is kept for records."""
        disk = os.statvfs(self.folder)
        keep = self._keep_free_bytes
        if keep is None:
            keep = min(KEEP_FREE_BYTES, disk.f_blocks * disk.f_frsize // KEEP_FREE_PART)
        if disk.f_bavail * disk.f_frsize - size_bytes < keep:
            raise OSError(errno.ENOSPC, "the room that is left is kept for records")

    async def save_async(
        self, frame_bytes: bytes, event_timestamp: str, *, keep_jpeg: bool = False
    ) -> ThumbnailSaved | None:
        """Like `save`, in a worker thread, one frame at a time: the event loop stays free.

        A save that has begun is completed, even when its caller is cancelled.
        """
        if self._turn is None:
            self._turn = anyio.CapacityLimiter(1)
        work = partial(self.save, frame_bytes, event_timestamp, keep_jpeg=keep_jpeg)
        return await anyio.to_thread.run_sync(work, limiter=self._turn)

    def find(self, relative_path: str) -> Path | None:
        """The file that a relative path names, if it is a plain file right in the folder.

        The name of the folder in the path does not matter: it may have been another one once.
        """
        name = _name_in(relative_path)
        if name is None:
            return None
        path = self.folder / name
        return path if is_plain(path) else None

    def describe(self, relative_path: str) -> ThumbnailSaved:
        """The fact of a picture: its path and, where the file is there, digest and sizes.

        Reads the whole file; the size in pixels is None where it is no JPEG or PNG.
        """
        try:
            contents = self._read(relative_path)
        except OSError as error:
            _log.warning("thumbnail not read: %s", _why(error))
            contents = None
        if contents is None:
            return ThumbnailSaved(path=relative_path)
        return ThumbnailSaved(
            path=relative_path,
            sha256=contents.sha256,
            size_bytes=contents.size_bytes,
            width_px=contents.width_px,
            height_px=contents.height_px,
        )

    def check(self, fact: ThumbnailSaved) -> Literal["missing", "damaged"] | None:
        """What is wrong with the file of a fact; None is nothing.

        A file that can't be read is damaged. Where the fact has no digest, the file is only looked
        for.
        """
        try:
            contents = self._read(fact.path)
        except OSError:
            return "damaged"
        if contents is None:
            return "missing"
        same_digest = fact.sha256 is None or fact.sha256 == contents.sha256
        same_size = fact.size_bytes is None or fact.size_bytes == contents.size_bytes
        return None if same_digest and same_size else "damaged"

    def sweep(self, known_paths: Iterable[str], older_than_s: float) -> list[str]:
        """Remove what was left over, and answer the relative paths of what was removed.

        Left over are the spare files of saves that never ended, and the pictures that
        `known_paths` does not hold, with their small renditions, if they are older than
        `older_than_s` seconds by the wall clock. Files that `save` would not have named so are left
        alone. What this object saved within that time stays, by a clock that does not jump.

        Raises BadArgument for an age that is none; DiskFull, ReadOnly or DiskFailure where the
        folder can't be read or written.
        """
        if not older_than_s >= 0:
            raise BadArgument("older_than_s is a number of seconds, 0 or more")
        # By name, because the folder may have had another name when they were saved.
        known = {path.rpartition("/")[2] for path in known_paths}
        since = time.monotonic() - older_than_s
        young = {name for name, named_at in tuple(self._lately) if named_at > since}
        try:
            found = sorted(self.folder.iterdir()) if self.folder.is_dir() else []
            return [
                f"{self.name}/{name}"
                for name in (file.name for file in found)
                if _OURS.fullmatch(name)
                and not {name, small.original_of(name)} & young
                and small.original_of(name) not in known
                and remove_older(self.folder / name, time.time() - older_than_s)
            ]
        except OSError as error:
            raise of_os_error(error, self.folder) from error

    def remove(self, relative_paths: Iterable[str]) -> int:
        """Delete pictures, so that they are gone after a power cut too.

        Args:
            relative_paths: Paths as facts have them. One that names no plain file in the folder is
                passed over.

        Returns:
            How many files were deleted.

        Raises:
            DiskFull, ReadOnly, DiskFailure: The folder can't be written.
        """
        found = [path for path in map(self.find, relative_paths) if path is not None]
        try:
            for path in found:
                path.unlink(missing_ok=True)
                small.remove(path)
            if found:
                sync(self.folder)
        except OSError as error:
            raise of_os_error(error, self.folder) from error
        return len(found)

    def _remembered(self, name: str) -> str:
        self._lately.append((name, time.monotonic()))
        return name

    def _read(self, relative_path: str) -> _Contents | None:
        """The digest and sizes of a file; None where there is no plain file. Raises OSError."""
        path = self.find(relative_path)
        if path is None:
            return None
        try:
            with open_plain(path) as file:
                digest = hashlib.file_digest(file, "sha256").digest()
                size_bytes = file.tell()
                file.seek(0)
                start = file.read(MAX_BYTES + 1)
        except FileNotFoundError:
            return None
        try:
            width_px, height_px = read_frame(start).upright_size
        except BadPayload:
            return _Contents(digest, size_bytes, None, None)
        return _Contents(digest, size_bytes, width_px, height_px)


class _Contents(NamedTuple):
    sha256: bytes
    size_bytes: int
    width_px: int | None
    height_px: int | None


def _names(stem: str) -> Iterator[str]:
    yield f"{stem}.jpg"
    for number in range(2, _NUMBERED):
        yield f"{stem}-{number}.jpg"
    yield f"{stem}-{secrets.token_hex(8)}.jpg"


def _stem(event_timestamp: object) -> str:
    """The name that a timestamp gives: no separator, no leading '.' or '-', never empty."""
    text = event_timestamp if isinstance(event_timestamp, str) else ""
    return _UNSAFE.sub("-", text[:MAX_STEM]).lstrip("-") or FALLBACK


def _name_in(relative_path: object) -> str | None:
    """The file's name in a relative path, a folder's name and a file's; None for another path."""
    if not isinstance(relative_path, str):
        return None
    folder, _, name = relative_path.rpartition("/")
    if folder in {"", ".", ".."} or "/" in folder:
        return None
    return None if not name or name.startswith(".") or "\0" in name else name


def _folder_name(folder: Path) -> str:
    name = folder.name if folder.name not in {"", ".."} else folder.resolve().name
    if not 1 <= len(name) <= MAX_FOLDER_NAME or "\0" in str(folder):
        raise BadArgument(f"a thumbnails folder has a name of 1 to {MAX_FOLDER_NAME} characters")
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise BadArgument("a thumbnails folder has a name that UTF-8 can hold") from error
    return name


def _why(error: OSError) -> str:
    # The system's own words: str(error) would show paths.
    return os.strerror(error.errno) if error.errno is not None else type(error).__name__
