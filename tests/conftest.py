"""What every test may ask for: the event loop's name, an open store, the recorded payloads.

Fixtures that open a store with something in it stand beside the tests that use them.
"""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from eventlog import EventStore
from eventlog.storage import reserve

CHECKOUT = Path(__file__).resolve().parent.parent

# A shared or slow machine must not turn a law red; what failed must be repeatable from its output.
settings.register_profile("eventlog", deadline=None, print_blob=True)
settings.load_profile("eventlog")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what drives a browser last: its driver's event loop stays on the main thread."""
    items.sort(key=lambda item: item.get_closest_marker("browser") is not None)


@pytest.fixture
def anyio_backend() -> str:
    """Pin async tests to asyncio: aiosqlite runs on nothing else."""
    return "asyncio"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[EventStore]:
    """An open store, empty."""
    async with EventStore(str(tmp_path / "events.db"), str(tmp_path / "thumbnails")) as opened:
        yield opened


@pytest.fixture(scope="session", autouse=True)
def _no_reserve() -> Iterator[None]:
    """Hundreds of small logs need no 32 MB each; what tests the reserve asks for one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reserve, "SIZE_BYTES", 0)
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of recorded payloads next to the checkout; without it the test is skipped."""
    folder = CHECKOUT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the recorded payloads are not there: no folder ../shared/data by the checkout")
    return folder


@pytest.fixture
def signals_by_default() -> Iterator[None]:
    """Let a hangup and Ctrl-C end the programs that the test starts.

    Under nohup a hangup is ignored, in the background of a script Ctrl-C, and programs inherit it.
    """
    hangup = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    interrupt = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGHUP, hangup)
    signal.signal(signal.SIGINT, interrupt)
