"""Opens web push: the door's key from the folder of keys, the devices from the accounts file."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eventlog.errors import BadArgument
from eventlog.evidence.keys import KeysDir
from eventlog.reactors.alerts.push_service import PushService
from eventlog.reactors.alerts.web_push import Device, WebPush
from eventlog.run.config import Config

if TYPE_CHECKING:
    from eventlog.dashboard.accounts.database import Accounts


class AccountDevices:
    """The subscribed devices of the dashboard's users; see `Devices`."""

    def __init__(self, db_path: Path, clock: Callable[[], float] = time.time) -> None:
        """Touch nothing yet."""
        self._db_path = db_path
        self._clock = clock
        self._accounts: Accounts | None = None

    async def subscribed(self, server_key: bytes) -> Sequence[Device]:
        """See `Devices`."""
        from eventlog.dashboard.accounts import push_devices  # noqa: PLC0415 - an extra

        accounts = await self._opened()
        rows = await accounts.run(lambda c: push_devices.to_send(c, server_key))
        return [Device(*row) for row in rows]

    async def delivered(self, device_id: int, message: str) -> None:
        """See `Devices`."""
        from eventlog.dashboard.accounts import push_devices  # noqa: PLC0415 - an extra

        accounts, now_s = await self._opened(), int(self._clock())
        await accounts.run(lambda c: push_devices.note_sent(c, device_id, message, now_s))

    async def failed(self, device_id: int, why: str) -> None:
        """See `Devices`."""
        from eventlog.dashboard.accounts import push_devices  # noqa: PLC0415 - an extra

        accounts = await self._opened()
        await accounts.run(lambda c: push_devices.note_failure(c, device_id, why))

    async def gone(self, device_id: int) -> None:
        """See `Devices`."""
        from eventlog.dashboard.accounts import push_devices  # noqa: PLC0415 - an extra

        accounts, now_s = await self._opened(), int(self._clock())
        await accounts.run(lambda c: push_devices.drop(c, device_id, now_s))

    async def close(self) -> None:
        """Close the accounts file; the next call opens it again."""
        accounts, self._accounts = self._accounts, None
        if accounts is not None:
            await accounts.close()

    async def _opened(self) -> Accounts:
        from eventlog.dashboard.accounts.database import Accounts  # noqa: PLC0415 - an extra

        if self._accounts is None:
            self._accounts = await Accounts.open(self._db_path)
        return self._accounts


def is_asked(config: Config) -> bool:
    """Whether a channel of the config is web push."""
    return any(channel.web_push for channel in config.channel.values())


def opened(
    config: Config,
    log_id: bytes,
    *,
    make_key: bool = True,
    service: PushService | None = None,
    clock: Callable[[], float] = time.time,
) -> WebPush | None:
    """The channel of a config, None if it has none.

    Args:
        config: the config.
        log_id: the log's.
        make_key: whether the log gets a key where it has none yet.
        service: the way to push services; None is the internet's.
        clock: the wall time, in seconds since 1970.

    Raises:
        BadArgument: the extra `push` is not installed, the key is damaged, or there is none.
        KeysMissing: the folder of keys is not there, or others may read it.
        DatabaseError: the key can't be read or written.
    """
    if not is_asked(config):
        return None
    try:
        from eventlog.reactors.alerts import push_encryption  # noqa: PLC0415 - an extra
    except ModuleNotFoundError as error:
        raise BadArgument(
            "web_push: cryptography is not installed; it is in the extra `push`"
        ) from error
    db_path = Path(config.log.db)
    keys = KeysDir(Path(config.keys or ""), log_id)
    keys.require(db_path)
    secret = keys.push_key()
    if secret is None and not make_key:
        raise BadArgument("web_push: the running door has not made its key yet")
    if secret is None:
        secret = push_encryption.new_secret()
        keys.write_push_key(secret)
    return WebPush(
        AccountDevices(db_path, clock),
        push_encryption.VapidKey.from_secret(secret, address(config)),
        (service or PushService()).post,
        push_encryption.check_keys,
        clock,
    )


def needs(config: Config) -> tuple[str | None, ...]:
    """What a channel of web push depends on, apart from its own table."""
    return (config.keys, address(config)) if is_asked(config) else ()


def address(config: Config) -> str:
    """The dashboard's address, by which a push service finds who sends."""
    return (None if config.dashboard is None else config.dashboard.https_address) or ""
