"""The channel that notifies browsers: one encrypted message for each subscribed device.

A message counts as sent when one device's push service took it. What the others' did not take is
tried again here, for each by itself, so that one that is down holds nobody else back. Each device
remembers its last message, so that a second try does not reach it twice.

Does not know where the devices are stored, or how a message is encrypted.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final, Literal, Protocol

from msgspec import Struct, structs

from eventlog.errors import BadArgument, DatabaseError
from eventlog.journal.nudge import Nudge
from eventlog.reactors.alerts import push_payload
from eventlog.reactors.alerts.channels import (
    GIVE_UP_S,
    LONGEST_RETRY_S,
    NotSent,
    Refused,
    Unsure,
    retry_wait_s,
)
from eventlog.reactors.alerts.push_endpoint import Endpoint, parse_endpoint, require_public
from eventlog.reactors.alerts.push_service import WAIT_MAX_S, PushAnswer
from eventlog.reactors.alerts.wording import Message

log = logging.getLogger("eventlog")

RETRY_TICK_S: Final = 1.0
# A service that fails only after so long rests for ten times as long: the others wait for it.
SLOW_S: Final = 2.0
RESTS: Final = 10
OWED_MAX: Final = 50  # messages that wait for one device, the newest
GONE: Final = frozenset({404, 410})
TOO_LARGE: Final = 413


class Device(Struct, frozen=True):
    """A subscribed device. `last_message` is what it was sent last, "" for nothing."""

    id: int
    endpoint: str
    public_key: bytes
    auth_secret: bytes
    last_message: str = ""


class Devices(Protocol):
    """Where the subscribed devices are. Each function raises DatabaseError."""

    async def subscribed(self, server_key: bytes) -> Sequence[Device]:
        """The devices that take messages signed with this key."""

    async def delivered(self, device_id: int, message: str) -> None:
        """Note what a device was sent."""

    async def failed(self, device_id: int, why: str) -> None:
        """Note that a device's push service did not take a message."""

    async def gone(self, device_id: int) -> None:
        """Drop a device that its push service does not know any more."""

    async def close(self) -> None:
        """Let go of what is open."""


class Sender(Protocol):
    """What signs and encrypts: `push_encryption.VapidKey`."""

    public_key: bytes

    def encrypt(self, text: bytes, public_key: bytes, auth_secret: bytes) -> bytes:
        """A text for one device. Raises BadArgument."""

    def authorization(self, origin: str, now_s: int) -> str:
        """The header that says who sends."""


# POST: where, headers, body. Raises NotSent, Unsure.
Post = Callable[[Endpoint, Mapping[str, str], bytes], Awaitable[PushAnswer]]


class _Outcome(Struct, frozen=True):
    """What became of one message for one device."""

    state: Literal["delivered", "gone", "failed", "unsure"]
    retry_after_s: float | None = None
    took_s: float = 0.0


class _Owed(Struct):
    """A message that a device's push service did not take yet. Times are the channel's clock."""

    device_id: int
    message: Message
    since: float
    next_at: float
    tries: int = 1


class WebPush:
    """Web push, see `Channel`: a later revision replaces the notification that is shown."""

    can_edit = True

    def __init__(
        self,
        devices: Devices,
        sender: Sender,
        post: Post,
        check_keys: Callable[[bytes, bytes], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Touch nothing yet.

        Args:
            devices: where the subscribed devices are.
            sender: the door's key.
            post: the way to a push service.
            check_keys: raises BadArgument for what can't be a device's keys.
            clock: the wall time, in seconds since 1970.
        """
        self.devices = devices
        self._sender = sender
        self._post = post
        self._check_keys = check_keys
        self._clock = clock
        self._owed: list[_Owed] = []
        self._more = Nudge()
        self._not_before: dict[int, float] = {}
        self._delivered: dict[int, str] = {}
        self.is_unheard = False  # the last message found no device

    @property
    def public_key(self) -> bytes:
        """The door's public key, which a browser subscribes with."""
        return self._sender.public_key

    def check(self, endpoint: str, public_key: bytes, auth_secret: bytes) -> None:
        """Raise BadArgument for a subscription that can't be sent to."""
        require_public(parse_endpoint(endpoint))
        self._check_keys(public_key, auth_secret)

    # ── sending ────────────────────────────────────────────────────────────────────────────

    async def send(self, message: Message) -> str | None:
        """See `Channel`. Raises Refused if no device is subscribed, DatabaseError."""
        key = _key(message)
        devices = await self.devices.subscribed(self.public_key)
        waiting = [one for one in devices if not self._has(one, key)]
        outcomes = await asyncio.gather(*(self._timed(one, message) for one in waiting))
        left = [
            (device.id, outcome)
            for device, outcome in zip(waiting, outcomes, strict=True)
            if outcome.state in {"failed", "unsure"}
        ]
        reached = len(devices) > len(waiting) or any(one.state == "delivered" for one in outcomes)
        self.is_unheard = not reached and not left
        if reached:
            for device_id, outcome in left:
                if outcome.took_s > SLOW_S:
                    rest_s = min(RESTS * outcome.took_s, LONGEST_RETRY_S)
                    self._not_before[device_id] = self._clock() + rest_s
                if outcome.state == "failed":
                    self._owe(device_id, message, outcome)
        elif any(outcome.state == "unsure" for _, outcome in left):
            raise Unsure
        elif left:
            asked = [outcome.retry_after_s or 0.0 for _, outcome in left]
            raise NotSent(retry_after_s=min(asked))
        else:
            raise Refused("no device is subscribed")
        return None

    async def _timed(self, device: Device, message: Message) -> _Outcome:
        began = self._clock()
        outcome = await self._deliver(device, message)
        return structs.replace(outcome, took_s=self._clock() - began)

    async def _deliver(self, device: Device, message: Message) -> _Outcome:
        """Send one message to one device, and note what became of it."""
        rest_s = self._not_before.get(device.id, 0.0) - self._clock()
        if 0 < rest_s <= WAIT_MAX_S:  # more is a clock that was set back
            return _Outcome("failed", rest_s)
        try:
            answer = await self._posted(device, message, push_payload.PAYLOAD_MAX)
            if answer.status == TOO_LARGE:
                answer = await self._posted(device, message, push_payload.SHORT_MAX)
        except NotSent:
            return await self._failed(device, "it could not be reached")
        except Unsure:
            await self._failed(device, "there was no answer in time")
            return _Outcome("unsure")
        except BadArgument:
            return await self._gone(device)
        return await self._settled(device, message, answer)

    async def _settled(self, device: Device, message: Message, answer: PushAnswer) -> _Outcome:
        if 200 <= answer.status < 300:  # noqa: PLR2004 - HTTP's successes
            self._delivered[device.id] = _key(message)
            self._not_before.pop(device.id, None)
            await _noted(self.devices.delivered(device.id, _key(message)))
            return _Outcome("delivered")
        if answer.status in GONE:
            return await self._gone(device)
        if answer.retry_after_s is not None:
            self._not_before[device.id] = self._clock() + answer.retry_after_s
        return await self._failed(device, f"HTTP {answer.status}", answer.retry_after_s)

    async def _posted(self, device: Device, message: Message, limit: int) -> PushAnswer:
        endpoint = parse_endpoint(device.endpoint)
        text = push_payload.payload(message, limit)
        body = self._sender.encrypt(text, device.public_key, device.auth_secret)
        headers = push_payload.headers(message)
        headers["authorization"] = self._sender.authorization(endpoint.origin, int(self._clock()))
        return await self._post(endpoint, headers, body)

    async def _gone(self, device: Device) -> _Outcome:
        await _noted(self.devices.gone(device.id))
        return _Outcome("gone")

    async def _failed(
        self, device: Device, why: str, retry_after_s: float | None = None
    ) -> _Outcome:
        await _noted(self.devices.failed(device.id, why))
        return _Outcome("failed", retry_after_s)

    def _has(self, device: Device, key: str) -> bool:
        return key in {device.last_message, self._delivered.get(device.id)}

    def forget(self) -> None:
        """See `Channel`: what waits for single devices is dropped."""
        self._owed.clear()

    # ── once more, for single devices ──────────────────────────────────────────────────────

    async def retry(self) -> None:
        """Try again what single devices did not take, until cancelled. Raises DatabaseError."""
        while True:
            seen = self._more.count
            await self.retry_due()
            await self._more.wait(seen, timeout_s=RETRY_TICK_S if self._owed else 3600.0)

    async def retry_due(self) -> None:
        """Try what is due now."""
        now = self._clock()
        # A clock that was set back makes all of it due.
        due = [one for one in self._owed if one.next_at <= now or now < one.since]
        if not due:
            return
        devices = {one.id: one for one in await self.devices.subscribed(self.public_key)}
        for owed in due:
            if owed not in self._owed:  # a person was erased meanwhile
                continue
            device = devices.get(owed.device_id)
            if device is None or now - owed.since >= GIVE_UP_S:
                self._owed.remove(owed)
                continue
            outcome = await self._deliver(device, owed.message)
            if owed not in self._owed:
                continue
            if outcome.state == "failed":
                owed.tries += 1
                owed.next_at = now + retry_wait_s(owed.tries, outcome.retry_after_s)
            else:
                self._owed.remove(owed)

    def _owe(self, device_id: int, message: Message, outcome: _Outcome) -> None:
        """Note a message for a device; it takes the place of an older revision."""
        now = self._clock()
        mine = [one for one in self._owed if one.device_id == device_id]
        older = [one for one in mine if one.message.id == message.id]
        for one in older or mine[: max(0, len(mine) - OWED_MAX + 1)]:
            self._owed.remove(one)
        next_at = now + retry_wait_s(1, outcome.retry_after_s)
        self._owed.append(_Owed(device_id, message, now, next_at))
        self._more.give()


async def _noted(note: Awaitable[None]) -> None:
    """Store a note of a device. A full disk keeps no message back: this process remembers it."""
    try:
        await note
    except DatabaseError as error:
        log.warning("the outcome of a push message can't be stored: %s", error)


def _key(message: Message) -> str:
    """What a device remembers of a message: the alert and its revision, and no text."""
    return f"{message.id}:{message.revision}"
