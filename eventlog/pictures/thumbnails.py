"""The folder of thumbnails: saves pictures durably, finds, checks and deletes them.

A picture and the folders above it are on the disk before the caller gets its fact, so no record
names a picture that a power cut removed. A file in the folder is never overwritten, and a symbolic
link never followed. A caller's timestamp gives only the file's name, in a few safe characters.

A picture is found by its file name, so the folder may be renamed or moved. Knows nothing of the
journal: the caller appends the fact.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeVar

import anyio
import anyio.to_thread

from eventlog.errors import BadArgument, BadPayload
from eventlog.facts import ThumbnailSaved
from eventlog.pictures import MAX_BYTES, read_frame, small
from eventlog.pictures.clean import clean_picture
from eventlog.storage.durable_files import is_plain, make_folder, open_plain, sync, write_new
from eventlog.storage.error_translation import of_os_error

FALLBACK: Final = "undated"  # the name for a timestamp without a character that a name may have
MAX_STEM: Final = 100  # characters of a timestamp that a name keeps
# Room on the disk that is kept free of pictures: the smaller of the two.
KEEP_FREE_BYTES: Final = 500_000_000
KEEP_FREE_PART: Final = 20  # a twentieth
MAX_FOLDER_NAME: Final = 120  # characters, so that a whole path fits into a fact
_NUMBERED: Final = 100  # frames of one timestamp that get a number; later ones get a random name

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_+-]")

_log: Final = logging.getLogger(__name__)

T = TypeVar("T")


class Thumbnails:
    """A folder of thumbnails, which is made when it is first needed.

    Paths in facts and arguments are relative: the folder's name, '/', the file's name.
    """

    def __init__(self, folder: Path, *, keep_free_bytes: int | None = None) -> None:
        """Store the arguments. Raises BadArgument for a folder name that no fact can hold.

        `keep_free_bytes` is room on the disk that pictures do not use, so that records can still be
        written; None keeps 500 MB or 5 % of the disk, whichever is smaller.
        """
        self.folder = folder
        self._keep_free_bytes = keep_free_bytes
        self.name = _folder_name(folder)
        self._turn: anyio.CapacityLimiter | None = None

    def ensure(self) -> None:
        """Make the folder, and those above it that are missing, with mode 0700.

        Raises DiskFull, ReadOnly or DiskFailure if it can't be made.
        """
        try:
            make_folder(self.folder)
        except OSError as error:
            raise of_os_error(error, self.folder) from error

    def save(
        self, frame_bytes: bytes, event_timestamp: str, *, keep_jpeg: bool = False
    ) -> ThumbnailSaved | None:
        """Store a frame as a clean JPEG, named after its timestamp, and return its fact.

        In the name, every character but letters, digits, '_' and '+' becomes '-'. A second frame of
        the same timestamp ends in '-2'. For `keep_jpeg` see `clean_picture`.

        If the frame or the disk is at fault, the answer is None, and the reason is logged. A JPEG
        that is cut short is stored as far as it decodes, and logged too.
        """
        try:
            return self._store(frame_bytes, event_timestamp, keep_jpeg=keep_jpeg)
        except BadPayload as error:
            _log.warning("thumbnail not saved: the frame %s", error.reason)
        except OSError as error:
            _log.warning("thumbnail not saved: %s", _why(error))
        return None

    def store(self, frame_bytes: bytes, event_timestamp: str) -> ThumbnailSaved:
        """Like `save`, but raises the reason why a frame can't be stored.

        Raises BadPayload if the frame is at fault, and DiskFull, ReadOnly or DiskFailure if the
        disk is.
        """
        try:
            return self._store(frame_bytes, event_timestamp, keep_jpeg=False)
        except OSError as error:
            raise of_os_error(error, self.folder) from error

    async def store_async(self, frame_bytes: bytes, event_timestamp: str) -> ThumbnailSaved:
        """Like `store`, in a worker thread, one frame at a time. Raises what `store` raises."""
        return await self._in_turn(partial(self.store, frame_bytes, event_timestamp))

    def _store(
        self, frame_bytes: bytes, event_timestamp: str, *, keep_jpeg: bool
    ) -> ThumbnailSaved:
        picture = clean_picture(frame_bytes, keep_jpeg=keep_jpeg)
        make_folder(self.folder)
        self._require_room(len(picture.jpeg))
        spare = f".thumbnail-{secrets.token_hex(8)}.tmp"
        name = write_new(self.folder, spare, _names(_stem(event_timestamp)), picture.jpeg)
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
        """Raise OSError if a picture would use room that is kept for records."""
        disk = os.statvfs(self.folder)
        keep = self._keep_free_bytes
        if keep is None:
            keep = min(KEEP_FREE_BYTES, disk.f_blocks * disk.f_frsize // KEEP_FREE_PART)
        if disk.f_bavail * disk.f_frsize - size_bytes < keep:
            raise OSError(errno.ENOSPC, "the room that is left is kept for records")

    async def save_async(
        self, frame_bytes: bytes, event_timestamp: str, *, keep_jpeg: bool = False
    ) -> ThumbnailSaved | None:
        """Like `save`, in a worker thread, one frame at a time.

        A save that has begun is completed, even when its caller is cancelled.
        """
        save = partial(self.save, frame_bytes, event_timestamp, keep_jpeg=keep_jpeg)
        return await self._in_turn(save)

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._turn is None:
            self._turn = anyio.CapacityLimiter(1)
        return await anyio.to_thread.run_sync(work, limiter=self._turn)

    def find(self, relative_path: str) -> Path | None:
        """The file that a relative path names, if it is a plain file directly in the folder.

        The folder's name in the path may be an earlier one.
        """
        name = name_in(relative_path)
        if name is None:
            return None
        path = self.folder / name
        return path if is_plain(path) else None

    def describe(self, relative_path: str) -> ThumbnailSaved:
        """The fact of a picture: its path and, if the file exists, its digest and sizes.

        Reads all of the file. The size in pixels is None if it is neither a JPEG nor a PNG.
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
        """What is wrong with the file of a fact; None if nothing is.

        A file that can't be read counts as damaged. Without a digest in the fact, it is enough that
        the file exists.
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

    def remove(self, relative_paths: Iterable[str]) -> int:
        """Delete pictures, so that they are gone after a power cut too.

        Args:
            relative_paths: Paths as in facts. A path without a plain file in the folder is skipped.

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

    def _read(self, relative_path: str) -> _Contents | None:
        """The digest and sizes of a file; None if there is no plain file. Raises OSError."""
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
    """The file's name for a timestamp: no separator, no leading '.' or '-', never empty."""
    text = event_timestamp if isinstance(event_timestamp, str) else ""
    return _UNSAFE.sub("-", text[:MAX_STEM]).lstrip("-") or FALLBACK


def name_in(relative_path: object) -> str | None:
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
    # Not str(error), which shows paths.
    return os.strerror(error.errno) if error.errno is not None else type(error).__name__
