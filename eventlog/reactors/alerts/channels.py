"""The channels of alerts: an apprise URL, or a webhook; web push has files of its own.

A channel answers what became of a message, and keeps nothing. Knows no rule and no journal.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from eventlog.reactors.alerts.daemon_thread import in_daemon_thread
from eventlog.reactors.alerts.wording import Message

SEND_S: Final = 30.0
FIRST_RETRY_S: Final = 1.0
LONGEST_RETRY_S: Final = 600.0
GIVE_UP_S: Final = 24 * 3600.0


class NotSent(Exception):
    """The channel said no, or could not be reached: nothing was sent.

    `retry_after_s` is how long the channel asked us to wait, None if it did not.
    """

    def __init__(self, reason: str = "", *, retry_after_s: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Refused(NotSent):
    """Nothing was sent, and to try again changes nothing; the reason is a sentence's part."""


class Unsure(Exception):
    """No answer in time: it may have been sent."""


class Channel(Protocol):
    """A channel for alerts. `can_edit` says that a revision replaces the older one."""

    can_edit: bool

    async def send(self, message: Message) -> str | None:
        """Send, and return the id that the channel gave it. Raises NotSent, Unsure."""

    def forget(self) -> None:
        """Drop every text that waits here: a person was erased."""


class Answer(Struct, frozen=True):
    """What an HTTP server answered."""

    status: int
    body: bytes


# POST: address, headers, body. Raises OSError if nothing was sent, TimeoutError else.
Post = Callable[[str, Mapping[str, str], bytes], Awaitable[Answer]]


class Webhook:
    """POSTs JSON. A receiver that keeps `id` can let a later `revision` replace an earlier one."""

    can_edit = True

    def __init__(self, url: str, post: Post, *, token: str | None, pictures: Path | None) -> None:
        """Keep what is needed; `pictures` is the folder that pictures are in, None for none."""
        self._url = url
        self._post = post
        self._token = token
        self._pictures = pictures

    async def send(self, message: Message) -> str | None:
        """See `Channel`."""
        content: dict[str, Any] = msgspec.to_builtins(message)
        path = picture_of(message, self._pictures)
        content["picture"] = None if path is None else await asyncio.to_thread(_base64, path)
        headers = {"content-type": "application/json", "idempotency-key": message.id}
        if self._token is not None:
            headers["authorization"] = f"Bearer {self._token}"
        try:
            answer = await self._post(self._url, headers, msgspec.json.encode(content))
        except TimeoutError as error:
            raise Unsure from error
        except OSError as error:
            raise NotSent from error
        if not 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's successes
            raise NotSent
        return None

    def forget(self) -> None:
        """See `Channel`: nothing waits here."""


class Apprise:
    """Any of the services that apprise knows, by its URL."""

    can_edit = False

    def __init__(self, url: str, *, pictures: Path | None) -> None:
        """Raise ValueError for a URL that apprise does not know; the sentence repeats none."""
        import apprise  # noqa: PLC0415 - an extra, and slow to load

        self._service = apprise.Apprise()
        if not self._service.add(url):
            raise ValueError("apprise knows no such service")
        self._pictures = pictures

    async def send(self, message: Message) -> str | None:
        """See `Channel`."""
        path = picture_of(message, self._pictures)
        attached = None if path is None else str(path)
        try:
            async with asyncio.timeout(SEND_S):
                sent = await in_daemon_thread(
                    lambda: self._service.notify(
                        title=message.title, body=message.body, attach=attached
                    )
                )
        except TimeoutError as error:
            raise Unsure from error
        if not sent:
            raise NotSent
        return None

    def forget(self) -> None:
        """See `Channel`: nothing waits here."""


def retry_wait_s(tries: int, asked_s: float | None = None) -> float:
    """How long to wait after so many tries; longer if the channel asked for it."""
    wait_s = min(FIRST_RETRY_S * 2.0 ** min(tries - 1, 30), LONGEST_RETRY_S)
    return max(wait_s, asked_s or 0.0)


def picture_of(message: Message, folder: Path | None) -> Path | None:
    """The file of a message's picture, where there is one."""
    if message.picture is None or folder is None:
        return None
    path = folder / Path(message.picture).name
    return path if path.is_file() else None


def _base64(path: Path) -> str | None:
    try:
        return base64.b64encode(path.read_bytes()).decode()
    except OSError:
        return None
