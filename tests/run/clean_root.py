"""An empty Debian of one test, which is thrown away: an overlay over a root that debootstrap made.

Support code. It has a mount namespace of its own, and the network of this machine. `make servers`
makes the root in .servers/debian as the superuser; `require` skips a test without it.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import socket
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Final, Self

import pytest

from tests.run.running import CHECKOUT

SOURCE: Final = "/root/doorjournal"
# How this machine reaches the network, where it has something of its own.
NETWORK: Final = ("/etc/resolv.conf", "/etc/pip.conf", "/etc/ssl/certs/ca-certificates.crt")
# What of this checkout the pages ask for.
COPIED: Final = (
    *("eventlog", "docs", "event_store.py", "pyproject.toml", "README.md", "LICENSE"),
    "requirements-door.lock",
)
LONGEST_S: Final = 900.0
ANSWERS_S: Final = 60.0
_COMMAND: Final = re.compile(r"^(ExecStartPre|ExecStart)=(.*)$", re.MULTILINE)


def base() -> Path:
    """The root that debootstrap made. Skips the test where there is none, or no superuser."""
    servers = Path(os.environ.get("EVENTLOG_SERVERS", CHECKOUT / ".servers"))
    found = servers / "debian"
    if os.geteuid() != 0:
        pytest.skip("a clean root takes the superuser")
    if not (found / "etc/debian_version").exists():
        pytest.skip("there is no .servers/debian: `make servers` makes it as the superuser")
    return found


def require_free(*ports: int) -> None:
    """Skip the test if something on this machine, whose network a root shares, has a port."""
    for port in ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"something listens at {port} already")


def _without_caches(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if "__pycache__" in member.name else member


class CleanRoot:
    """A root folder, and what runs in it. Use as a context."""

    def __init__(self, folder: Path) -> None:
        self._base = base()
        self.root = folder / "root"
        self._upper, self._work = folder / "upper", folder / "work"
        for path in (self.root, self._upper, self._work):
            path.mkdir()
        self._holder: subprocess.Popen[str] | None = None
        self._services: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        """Mount it, with this checkout in SOURCE."""
        lower = f"lowerdir={self._base},upperdir={self._upper},workdir={self._work}"
        mounts = (
            f"mount -t overlay overlay -o {lower} {self.root}"
            f" && mount -t proc proc {self.root}/proc"
            f" && mount --rbind /dev {self.root}/dev && echo mounted && exec sleep infinity"
        )
        self._holder = subprocess.Popen(
            ["/usr/bin/unshare", "--mount", "sh", "-c", mounts], stdout=subprocess.PIPE, text=True
        )
        assert self._holder.stdout is not None
        if self._holder.stdout.readline() != "mounted\n":
            self._holder.wait()
            pytest.skip("this machine does not mount an overlay")
        for path in NETWORK:
            if Path(path).exists():
                self.write(path, Path(path).read_bytes())
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as archive:
            for name in COPIED:
                archive.add(CHECKOUT / name, name, filter=_without_caches)
        self.run(f"mkdir {SOURCE} && tar x -C {SOURCE}", stdin=packed.getvalue())
        return self

    def __exit__(self, *_: object) -> None:
        """End what was started; the mounts go with their namespace."""
        for unit in list(self._services):
            self.stop(unit)
        if self._holder is not None:
            self._holder.kill()
            self._holder.communicate()
        shutil.rmtree(self._upper, ignore_errors=True)

    def write(self, path: str, content: bytes) -> None:
        """Write a file; its folders are made."""
        self.run(f"mkdir -p '{Path(path).parent}' && cat > '{path}'", stdin=content)

    def run(self, script: str, *, stdin: bytes = b"") -> str:
        """Run a script of the shell in it to its end; what it said. Fails where it fails."""
        done = subprocess.run(
            self._inside(script), input=stdin, capture_output=True, check=False, timeout=LONGEST_S
        )
        assert done.returncode == 0, f"{script}\n{done.stdout.decode()}\n{done.stderr.decode()}"
        return done.stdout.decode()

    def start(self, unit: str) -> None:
        """Start a service as its unit says: what goes before, the user, the command."""
        folders = ("/etc/systemd/system", "/lib/systemd/system")
        found = self.run(
            "".join(f"cat {one}/{unit}.service 2>/dev/null || " for one in folders) + ":"
        )
        user = re.search(r"^User=(.*)$", found, re.MULTILINE)
        runs_as = "" if user is None else f"runuser -u {user[1]} -- "
        # What goes before may stand behind in the file.
        for kind, command in sorted(_COMMAND.findall(found), reverse=True):
            if kind == "ExecStartPre":
                self.run(command)
            else:
                self.launch(unit, f"{runs_as}{command}")

    def launch(self, name: str, command: str) -> None:
        """Start a command that runs on; what it says goes to /var/log/NAME.log."""
        script = f"exec {command} >>/var/log/{name}.log 2>&1"
        self._services[name] = subprocess.Popen(self._inside(script))

    def until_answers(self, name: str, port: int) -> None:
        """Wait until what was started under a name listens; what it said, if it does not."""
        deadline = time.monotonic() + ANSWERS_S
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), timeout=1).close()
            except OSError:
                said = f"nothing listens at {port}"
                if time.monotonic() > deadline:
                    pytest.fail(f"{said}: {self.run(f'cat /var/log/{name}.log')}")
                time.sleep(0.2)
            else:
                return

    def stop(self, name: str) -> int:
        """Stop what runs under a name, and wait for its end; the exit code."""
        service = self._services.pop(name)
        service.terminate()
        return service.wait(timeout=60)

    def _inside(self, script: str) -> list[str]:
        assert self._holder is not None
        path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        settings = [path, "HOME=/root", "LANG=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
        enter = ["nsenter", "--mount", "--target", str(self._holder.pid), "chroot", str(self.root)]
        return [*enter, "env", "-i", *settings, "sh", "-ec", script]
