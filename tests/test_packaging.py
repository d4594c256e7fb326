"""What is shipped: the wheel's and the sdist's files, the locks, and what the repository says.

Builds with the backend that the lock brings; downloads nothing.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parent.parent
LOCKS = (
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-door.lock",
    "requirements-browser.lock",
)
PIN = re.compile(r"^(?P<name>[a-z0-9-]+)==(?P<version>[^ ;]+)( ; [^\\]+)?( \\)?$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}( \\)?$")
# Written in parts, so that this file is free of them itself.
PRIVATE = re.compile(
    rb"(?<![\w./-])/" + rb"work/|" + rb"\.".join([rb"pypi", rb"org"]) + rb"|python" + rb"hosted"
)


def build(target: str, folder: Path) -> Path:
    """Build a wheel or an sdist of the checkout into `folder` and answer its path."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(folder)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Iterator[zipfile.ZipFile]:
    """The wheel that this checkout builds, opened."""
    with zipfile.ZipFile(build("wheel", tmp_path_factory.mktemp("wheel"))) as opened:
        yield opened


def test_the_wheel_carries_the_package_and_the_old_import_path(wheel: zipfile.ZipFile) -> None:
    """Every module of the package is in it, its SQL, and event_store.py."""
    names = set(wheel.namelist())
    assert {"eventlog/__init__.py", "eventlog/journal/schema.sql", "event_store.py"} <= names
    sources = {str(path.relative_to(ROOT)) for path in (ROOT / "eventlog").rglob("*.py")}
    assert sources <= names


def test_the_wheel_leaves_the_deployments_files_at_home(wheel: zipfile.ZipFile) -> None:
    """A pipeline has a config.py of its own, and a household its own pictures."""
    tops = {name.split("/")[0] for name in wheel.namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"eventlog", "event_store.py"}


def test_the_wheels_command_names_a_module_that_is_in_it(wheel: zipfile.ZipFile) -> None:
    """The console script points into the package."""
    (entry_points,) = (name for name in wheel.namelist() if name.endswith("/entry_points.txt"))
    text = wheel.read(entry_points).decode()
    assert "eventlog = eventlog.__main__:main" in text
    assert "doorjournal = eventlog.__main__:main" in text
    assert "eventlog/__main__.py" in wheel.namelist()


def test_the_index_page_has_no_picture_and_no_link_into_the_checkout(
    wheel: zipfile.ZipFile,
) -> None:
    """The description in the metadata is the README without them, under a name of our own."""
    (name,) = (name for name in wheel.namelist() if name.endswith("/METADATA"))
    text = wheel.read(name).decode()
    assert "\nName: doorjournal\n" in text
    assert "# doorjournal\n" in text
    assert [target for target in re.findall(r"\]\(([^)]+)\)", text) if "://" not in target] == []
    assert "Project-URL" not in text


def test_the_unpacked_wheel_gives_one_class_under_both_names(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    """Away from the checkout, both imports answer the same EventStore, from the wheel's files."""
    wheel.extractall(tmp_path)  # noqa: S202 - built a moment ago, by us
    program = (
        "import eventlog, event_store; print(eventlog.__file__);"
        "assert event_store.EventStore is eventlog.EventStore"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / "eventlog" / "__init__.py")


def test_the_sdist_builds_from_sources_and_holds_no_household(tmp_path: Path) -> None:
    """What the build and the tests need is in it; logs, pictures and caches are not."""
    with tarfile.open(build("sdist", tmp_path)) as sdist:
        names = {name.split("/", 1)[1] for name in sdist.getnames()}
    assert {"pyproject.toml", "LICENSE", "eventlog/journal/schema.sql", "event_store.py"} <= names
    assert "tests/conftest.py" in names
    assert not [name for name in names if ".db" in name or "__pycache__" in name]
    assert [name for name in names if name.startswith("thumbnails/")] == ["thumbnails/.gitkeep"]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_versions_and_hashes_and_no_address(lock: str) -> None:
    """Each line is a pin or a hash, and each pin is followed by a hash."""
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    assert lines
    for number, line in enumerate(lines, start=1):
        assert PIN.match(line) or HASH.match(line), f"{lock}:{number}"
    for pin, following in zip(lines, [*lines[1:], ""], strict=True):
        if PIN.match(pin):
            assert HASH.match(following), pin


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_satisfies_what_the_project_requires(lock: str) -> None:
    """A dependency that was raised in pyproject.toml without a new lock is found."""
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    pins = {pin["name"]: pin["version"] for line in lines if (pin := PIN.match(line))}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    required = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    for requirement in map(Requirement, required):
        assert requirement.specifier.contains(pins[requirement.name]), requirement


def test_no_tracked_file_names_a_machine_path_or_a_registry() -> None:
    """What is published speaks of no one's machine."""
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout, so it can't be told which files are published")
    listed = subprocess.run([git, "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    assert paths
    assert [p for p in paths if p.is_file() and PRIVATE.search(p.read_bytes())] == []
