"""Answers what the dashboard asks of this process; see `dashboard/running.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from msgspec.structs import replace

from eventlog.dashboard.running import PartFigures, SourceFigures
from eventlog.errors import BadPayload
from eventlog.facts import Fact
from eventlog.reactors.alerts.teller import Teller
from eventlog.reactors.alerts.web_push import WebPush
from eventlog.run.alerts import push_of
from eventlog.run.config import Config, Webhook
from eventlog.run.health import Board, Health
from eventlog.run.retain_config import kept
from eventlog.sources.feed import Tally
from eventlog.sources.live.webhook import Mapped


class Around:
    """The process around the dashboard."""

    def __init__(self, config: Config, board: Board, teller: Callable[[], Teller | None]) -> None:
        """Store the arguments; `teller` returns the present one, None while there is none."""
        self._board = board
        self._retain = config.retain
        self._teller = teller
        self._hooks = {
            name: Mapped(name, source.fact, source.id, source.fields)
            for name, source in config.source.items()
            if isinstance(source, Webhook)
        }

    def health(self, behind: Mapping[str, int]) -> Health:
        """See `Running`."""
        now = self._board.look()
        parts = [replace(part, behind=behind.get(part.name)) for part in now.parts]
        return Health(parts, now.sources)

    def troubles(self) -> list[str]:
        """See `Running`."""
        now = self._board.look()
        down = [
            f"The part {part.name} is down ({part.error}) and is started again."
            for part in now.parts
            if part.state == "stopped"
        ]
        silent = [
            f"The source {source.name} gives no sign of life: what happens there may be missing."
            for source in now.sources
            if source.silent
        ]
        push = self._push()
        if push is not None and push.is_unheard:
            silent.append("The last alert by web push found no device: turn one on at Account.")
        return down + silent

    def kept(self) -> list[str]:
        """See `Running`."""
        return kept(self._retain)

    def sources(self) -> dict[str, SourceFigures]:
        """See `Running`."""
        return {
            source.name: SourceFigures(
                last_seconds=source.last_message_at,
                reconciled=source.reconciled,
                silent=source.silent,
                late=source.late,
                left_out=sum(source.skipped.values()) + sum(source.refused.values()),
            )
            for source in self._board.look().sources
        }

    def parts(self) -> dict[str, PartFigures]:
        """See `Running`."""
        return {
            part.name: PartFigures(state=part.state, restarts=part.restarts, error=part.error)
            for part in self._board.look().parts
        }

    def read_hook(self, name: str, body: bytes) -> tuple[str, Fact]:
        """See `Running`."""
        try:
            key, fact = self._hooks[name].read(body)
        except BadPayload as error:
            self._board.taken(name, Tally(refused={error.reason: 1}))
            raise
        self._board.taken(name, Tally())
        return key, fact

    def push_key(self) -> bytes | None:
        """See `Running`."""
        push = self._push()
        return None if push is None else push.public_key

    def check_push(self, endpoint: str, public_key: bytes, auth_secret: bytes) -> None:
        """See `Running`."""
        push = self._push()
        if push is None:
            raise LookupError("web push")
        push.check(endpoint, public_key, auth_secret)

    def _push(self) -> WebPush | None:
        teller = self._teller()
        return None if teller is None else push_of(teller)

    def channels(self) -> list[str]:
        """See `Running`."""
        teller = self._teller()
        return [] if teller is None else sorted(teller.channels)

    async def test_channel(self, name: str) -> str | None:
        """See `Running`."""
        teller = self._teller()
        if teller is None:
            raise LookupError(name)
        if name not in teller.channels:
            raise LookupError(name)
        return await teller.test(name)
