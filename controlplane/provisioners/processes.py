"""Servers of workspaces as processes of this machine.

Each has a directory: its data, its log, and a lock that it holds while it lives. The lock is
inherited through its start, so that no moment is left in which a server runs and nobody knows:
whichever control plane comes next finds the lock held, and in `process.json` by whom. A pid
whose lock is held cannot have been used again, which is more than pid and start time can say.
"""

import asyncio
import contextlib
import fcntl
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from controlplane.provisioners import Observation, Placement, Presence, ProvisionError
from meshkit import files

_LAUNCH = Path(__file__).with_name("launch.py")
_POLL_S = 0.05
# How long a server may take between being started and saying who it is.
_NAMED_S = 10.0
_LOOKERS = 40
_KEPT_LOG_BYTES = 8 << 20
_LAST_BYTES = 4 << 10
# Below those that kernels hand out for connections, above the well-known ones.
_QUIET_PORTS = range(24_000, 32_000)
_PORT_TRIES = 100


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """How local servers are run."""

    directory: Path
    versions: Mapping[str, str]
    """The interpreter of each version, the newest last."""
    host_names: tuple[str, ...]
    """Names and addresses of this machine that stand in the servers' certificates."""
    address: str
    """Address that the servers listen on."""
    endpoints: Callable[[], tuple[str, str]]
    """The control plane's edge and mesh listeners, "host:port", once they are bound."""
    stop_s: float = 30.0
    """Between SIGTERM and SIGKILL."""


class ProcessProvisioner:
    """Runs servers as local processes (protocol: controlplane.provisioners.Provisioner)."""

    def __init__(self, settings: ProcessSettings) -> None:
        self._settings = settings
        files.make_private_directory(settings.directory)

    @property
    def versions(self) -> tuple[str, ...]:
        return tuple(self._settings.versions)

    def host_names(self, uid: UUID) -> tuple[str, ...]:  # noqa: ARG002 - all are on this machine
        return self._settings.host_names

    async def place(self, placement: Placement) -> None:
        home = self._home(placement.uid)
        if home.is_held() and home.version() == placement.version and not placement.token:
            return
        await self.stop(placement.uid)
        try:
            await asyncio.to_thread(self._start, home, placement)
        except (OSError, subprocess.SubprocessError) as error:
            raise ProvisionError(f"the server cannot be started: {error}") from error

    async def observe(self, uid: UUID) -> Observation:
        home = self._home(uid)
        if home.is_held():
            return Observation(Presence.PRESENT, home.version())
        if not home.path.exists():
            return Observation(Presence.ABSENT)
        return Observation(Presence.STOPPED, trouble=home.last_words())

    async def forget_token(self, uid: UUID) -> None:
        self._home(uid).token_file.unlink(missing_ok=True)

    async def stop(self, uid: UUID) -> None:
        home = self._home(uid)
        for number, patience_s in ((signal.SIGTERM, self._settings.stop_s), (signal.SIGKILL, 5.0)):
            if not home.is_held():
                return
            home.send(await _named(home), number)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience_s):
                    await home.released()
        if home.is_held():
            raise ProvisionError("the server does not end, although it was killed")

    async def remove(self, uid: UUID, *, remove_data: bool) -> None:
        await self.stop(uid)
        home = self._home(uid)
        if not remove_data and home.data.exists():
            await asyncio.to_thread(home.keep_data_alone)
        elif home.path.exists():
            await asyncio.to_thread(shutil.rmtree, home.path)

    async def placed(self) -> Collection[UUID]:
        homes = [_Home(path) for path in self._settings.directory.iterdir() if path.is_dir()]
        return {UUID(home.path.name) for home in homes if home.is_held()}

    async def close(self) -> None:
        """Nothing is held between calls."""

    def _home(self, uid: UUID) -> "_Home":
        return _Home(self._settings.directory / str(uid))

    def _start(self, home: "_Home", placement: Placement) -> None:
        files.make_private_directory(home.path)
        if placement.token:
            shutil.rmtree(home.data / "credentials", ignore_errors=True)
            files.write_private(home.token_file, placement.token.encode())
        interpreter = self._settings.versions[placement.version]
        home.shorten_log()
        with home.held() as lock, home.log_file.open("ab") as log:
            # Before the next one takes its place: what stands there is of a server that ended.
            home.process_file.unlink(missing_ok=True)
            subprocess.run(  # noqa: S603 - our own interpreter and modules
                [
                    *(sys.executable, "-I", str(_LAUNCH), str(home.path), placement.version),
                    *(interpreter, "-P", "-m", "workspace"),
                ],
                env=self._environment(home),
                cwd=home.path,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock],
                check=True,
                timeout=_NAMED_S,
            )

    def _environment(self, home: "_Home") -> dict[str, str]:
        """The server's environment: ours without our own settings, which may hold secrets."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
        edge, mesh = self._settings.endpoints()
        ports = home.ports(self._settings.address)
        address, name = self._settings.address, self._settings.host_names[0]
        given = {
            "DATA_DIR": str(home.data),
            "CREDENTIALS_DIR": str(home.data / "credentials"),
            "EDGE_ADDRESS": f"{address}:{ports['edge']}",
            "MESH_ADDRESS": f"{address}:{ports['mesh']}",
            "EDGE_ENDPOINT": f"{name}:{ports['edge']}",
            "MESH_ENDPOINT": f"{name}:{ports['mesh']}",
            "HEALTH_ADDRESS": "127.0.0.1:0",
            "METRICS_ADDRESS": "127.0.0.1:0",
            "CONTROL_PLANE_ENDPOINT": edge,
            "CONTROL_PLANE_MESH_ENDPOINT": mesh,
            "ENROLLMENT_TOKEN_FILE": str(home.token_file),
        }
        return {**inherited, **{f"WEFT_WORKSPACE_{name}": text for name, text in given.items()}}


class _Home:
    """The directory of one server."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.data = path / "data"
        self.log_file = path / "server.log"
        self.token_file = path / "enrollment-token"
        self.process_file = path / "process.json"
        self._ports_file = path / "ports.json"
        self._lock_file = path / "lock"

    @contextlib.contextmanager
    def held(self) -> Iterator[int]:
        """Holds the lock as a file descriptor; who inherits it goes on holding it."""
        descriptor = os.open(self._lock_file, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _lock(descriptor)
            yield descriptor
        finally:
            os.close(descriptor)

    def is_held(self) -> bool:
        """Whether the server lives, or is being started."""
        try:
            descriptor = os.open(self._lock_file, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            # Shared, so that those who only look do not see each other.
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    async def released(self) -> None:
        """Waits for the end of the server, which no event announces."""
        while self.is_held():  # noqa: ASYNC110
            await asyncio.sleep(_POLL_S)

    def version(self) -> str:
        """The version that runs; empty where it has not said so yet."""
        return str(self._read(self.process_file).get("version", ""))

    def pid(self) -> int:
        """Who holds the lock; 0 where it has not said so yet."""
        return int(self._read(self.process_file).get("pid", 0))

    def send(self, pid: int, number: signal.Signals) -> None:
        """Signals the server, unless it is gone."""
        if self.is_held():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def ports(self, address: str) -> dict[str, int]:
        """The ports of the server: those it had before, where nobody else has them now."""
        kept = self._read(self._ports_file)
        ports: dict[str, int] = {}
        for name in ("edge", "mesh"):
            ports[name] = _free_port(address, int(kept.get(name, 0)), besides=ports.values())
        files.write_private(self._ports_file, json.dumps(ports).encode())
        return ports

    def keep_data_alone(self) -> None:
        """Removes everything but the data, and the means to be that workspace."""
        shutil.rmtree(self.data / "credentials", ignore_errors=True)
        for path in self.path.iterdir():
            if path != self.data:
                path.unlink()

    def shorten_log(self) -> None:
        """Begins a new log where the old one is long; one old one is kept."""
        with contextlib.suppress(FileNotFoundError):
            if self.log_file.stat().st_size > _KEPT_LOG_BYTES:
                self.log_file.replace(self.log_file.with_suffix(".log.1"))

    def last_words(self) -> str:
        """The last line of the log."""
        with contextlib.suppress(FileNotFoundError), self.log_file.open("rb") as file:
            file.seek(max(0, self.log_file.stat().st_size - _LAST_BYTES))
            lines = file.read().decode(errors="replace").split("\n")
            return next((line.strip() for line in reversed(lines) if line.strip()), "")
        return ""

    @staticmethod
    def _read(path: Path) -> dict[str, Any]:
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


async def _named(home: _Home) -> int:
    """The pid behind a held lock; a moment after the start it has said who it is."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_NAMED_S):
            while home.is_held() and not home.pid():  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(_POLL_S)
            return home.pid()
    raise ProvisionError(f"something holds {home.path} that is no server")


def _lock(descriptor: int) -> None:
    """Takes a lock that nobody but those who look may hold, for a moment."""
    for _ in range(_LOOKERS):
        with contextlib.suppress(BlockingIOError):
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        time.sleep(_POLL_S)
    raise BlockingIOError("its server runs already")


def _free_port(address: str, preferred: int, *, besides: Collection[int]) -> int:
    """The port it had before, if nobody has it now, or another.

    Not one that the kernel chooses: what it gave us it also gives to the next connection of
    anybody, before the server has bound it or when it is started again. Of so many others two
    who choose at the same moment hardly choose the same; who did is started again on another.
    """
    others = random.SystemRandom().sample(_QUIET_PORTS, _PORT_TRIES)
    for port in (preferred, *others):
        if port and port not in besides and _is_free(address, port):
            return port
    raise OSError(f"no port is free on {address}")


def _is_free(address: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as probe:
        # Connections of a server that has just ended do not hold its ports.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address.strip("[]"), port))
        except OSError:
            return False
        return True
