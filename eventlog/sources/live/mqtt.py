"""Follows a broker: each message is acknowledged after its facts are on the disk.

The session outlives this process: a fixed client id and no clean session, so that the broker
keeps what comes while we are away and sends again what was not acknowledged. Acknowledging is
the brake as well: a broker has only so many messages under way to one client.

What a message means is its adapter's to say. A message that no adapter can read is counted and
acknowledged; an error of the disk is raised, and then nothing is acknowledged.

Knows no source by name.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, TypeVar

import aiomqtt
from msgspec import Struct
from paho.mqtt.client import topic_matches_sub

from eventlog.sources.adapter import DEFAULTS, Adapter, Message, Settings, mqtt_message
from eventlog.sources.feed import Feeder, PictureFolder, Store, Tally
from eventlog.sources.live.report import Report

log = logging.getLogger("eventlog")

T = TypeVar("T")

QOS: Final = 1
# So many messages share one feed, and are acknowledged together after it.
BATCH: Final = 256
# A lost connection is made again after this time, so that it is back 2 s after its broker.
RECONNECT_S: Final = 1.0
# A broker that is gone without a word is noticed after one and a half of it.
KEEPALIVE_S: Final = 15


def no_sign(_message: Message) -> None:
    """For a source that has no sign of life: it can't be called silent."""


class Listening(Struct, frozen=True, kw_only=True):
    """What one source listens to.

    Attributes:
        source: what the config calls it.
        adapter: says what a message becomes.
        settings: the owner's settings of that source.
        sign: answers True for a sign of life, False if the source says that it is away, and
            None for any other message.
        signs: topics below the prefix that only `sign` wants.
    """

    source: str
    adapter: Adapter
    settings: Settings = DEFAULTS
    sign: Callable[[Message], bool | None] = no_sign
    signs: tuple[str, ...] = ()

    @property
    def facts(self) -> tuple[str, ...]:
        """The filters of messages that may become facts."""
        return self.adapter.subscriptions(self.settings.prefix)

    @property
    def topics(self) -> tuple[str, ...]:
        """All filters to subscribe to."""
        prefix = self.settings.prefix or self.adapter.prefix
        return self.facts + tuple(f"{prefix}/{topic}" for topic in self.signs)


class Broker(Struct, frozen=True, kw_only=True):
    """How a broker is reached. `tls_ca` is the file of the authority that signed its name."""

    host: str
    port: int
    user: str | None = None
    password: str | None = None
    tls_ca: str | None = None


class _Received(NamedTuple):
    message: Message
    mid: int
    qos: int


class Session:
    """One connection to a broker, with messages that wait for their acknowledgement."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self._client = client
        # aiomqtt has no public way to acknowledge by hand (aiomqtt#345), paho has.
        self._paho: Any = client._client  # noqa: SLF001 - see above
        self._paho.manual_ack_set(True)  # noqa: FBT003 - paho's signature
        self._paho.on_message = self._keep
        self._waiting: asyncio.Queue[_Received] = asyncio.Queue()

    def _keep(self, _client: object, _userdata: object, message: Any) -> None:  # noqa: ANN401 - paho's
        kept = mqtt_message(
            message.topic,
            message.payload,
            received_at=datetime.now(UTC),
            retained=bool(message.retain),
            duplicate=bool(message.dup),
        )
        self._waiting.put_nowait(_Received(kept, message.mid, message.qos))

    async def subscribe(self, topics: Iterable[str]) -> dict[str, int]:
        """Subscribe at QoS 1. Returns the QoS that the broker granted; 128 is a refusal."""
        wanted = sorted(set(topics))
        if not wanted:
            return {}
        codes = await self._client.subscribe([(topic, QOS) for topic in wanted])
        granted = [code if isinstance(code, int) else code.value for code in codes]
        return dict(zip(wanted, granted, strict=True))

    async def batch(self) -> list[_Received]:
        """The messages that wait, at least one. Raises MqttError when the connection is lost."""
        first = asyncio.ensure_future(self._waiting.get())
        lost: asyncio.Future[None] = self._client._disconnected  # noqa: SLF001 - aiomqtt waits for it itself
        try:
            await asyncio.wait((first, lost), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not first.done():
                first.cancel()
        if not first.done() or first.cancelled():
            raise aiomqtt.MqttError("the broker closed the connection")
        received = [first.result()]
        while len(received) < BATCH and not self._waiting.empty():
            received.append(self._waiting.get_nowait())
        return received

    def acknowledge(self, received: Iterable[_Received]) -> None:
        """Acknowledge these messages to the broker, in the order of their arrival."""
        for one in received:
            if one.qos:
                self._paho.ack(one.mid, one.qos)


class _Client(aiomqtt.Client):
    """A client that can always be cancelled.

    aiomqtt waits by `asyncio.wait_for`, and before Python 3.12 that one forgets a cancellation
    which comes together with the answer (python/cpython#86296): the caller would run on.
    """

    async def _wait_for(self, fut: Awaitable[T], timeout: float | None) -> T:  # noqa: ASYNC109 - aiomqtt's signature
        seconds = self.timeout if timeout is None else timeout
        try:
            async with asyncio.timeout(seconds):
                return await fut
        except TimeoutError:
            raise aiomqtt.MqttError("the broker gives no answer") from None


def make_client(
    broker: Broker, client_id: str, *, keep_session: bool, will: aiomqtt.Will | None = None
) -> aiomqtt.Client:
    """A client that speaks MQTT 3.1.1; entering it connects.

    Args:
        broker: where to, and as whom.
        client_id: what the broker knows the session by.
        keep_session: whether the broker keeps messages for us while we are away.
        will: what the broker publishes when we are gone without a word.

    Raises:
        OSError: `tls_ca` can't be read. Entering raises aiomqtt.MqttError.
    """
    tls = None if broker.tls_ca is None else ssl.create_default_context(cafile=broker.tls_ca)
    return _Client(
        broker.host,
        broker.port,
        username=broker.user,
        password=broker.password,
        identifier=client_id,
        protocol=aiomqtt.ProtocolVersion.V311,
        clean_session=not keep_session,
        keepalive=KEEPALIVE_S,
        tls_context=tls,
        will=will,
        timeout=10,
    )


class MqttIn:
    """Follows the topics of many sources over one session."""

    def __init__(
        self,
        broker: Broker,
        client_id: str,
        sources: Sequence[Listening],
        store: Store,
        report: Report,
        *,
        pictures: PictureFolder | None = None,
    ) -> None:
        """Touch nothing yet.

        Args:
            broker: where the messages come from.
            client_id: what the broker knows our session by; always the same for one log.
            sources: what to listen to.
            store: where the facts go.
            report: Gets the state of the sources.
            pictures: where pictures go; None leaves them out.
        """
        self._broker = broker
        self._client_id = client_id
        self._sources = sources
        self._feeders = {one.source: Feeder(store, pictures) for one in sources}
        self._report = report

    async def run(self) -> None:
        """Follow forever; a connection that is lost is made again.

        Raises:
            aiomqtt.MqttConnectError: the broker refuses us.
            DatabaseError: nothing of the batch was acknowledged, and the broker sends it again
                after the next connect.
        """
        while True:
            try:
                await self._follow()
            except aiomqtt.exceptions.MqttConnectError:
                raise
            except aiomqtt.MqttError as error:
                log.info("the broker is away: %s", error)
            finally:
                self._connected(up=False)
            await asyncio.sleep(RECONNECT_S)

    async def _follow(self) -> None:
        client = make_client(self._broker, self._client_id, keep_session=True)
        session = Session(client)
        async with client:
            granted = await session.subscribe(
                topic for source in self._sources for topic in source.topics
            )
            for topic, qos in granted.items():
                if qos != QOS:
                    log.warning("the broker grants %s QoS %d: messages can be lost", topic, qos)
            self._connected(up=True)
            while True:
                received = await session.batch()
                await self.take([one.message for one in received])
                session.acknowledge(received)

    def _connected(self, *, up: bool) -> None:
        for source in self._sources:
            self._report.connected(source.source, up=up)

    async def take(self, messages: Sequence[Message]) -> None:
        """Put the facts of messages into the journal, source by source, in their order.

        Raises DatabaseError.
        """
        for source in self._sources:
            own = [one for one in messages if _matches(source.facts, one)]
            if own:
                feeder = self._feeders[source.source]
                feeder.tally = Tally()
                await feeder.feed(
                    item
                    for message in own
                    for item in source.adapter.read(message, source.settings)
                )
                self._report.taken(source.source, feeder.tally)
            for message in messages:
                if _matches(source.topics, message):
                    self._tell_sign(source, message)

    def _tell_sign(self, source: Listening, message: Message) -> None:
        sign = source.sign(message)
        if sign is None:
            return
        self._report.available(source.source, up=sign)
        if sign and not message.retained:
            self._report.sign(source.source)


def _matches(topics: Iterable[str], message: Message) -> bool:
    return any(topic_matches_sub(wanted, message.topic or "") for wanted in topics)
