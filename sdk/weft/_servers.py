"""The servers of a mesh as child processes of this one, supervised."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from weft.errors import MeshStartError

_READY_S = 60.0
_STOP_S = 25.0
_RESTART_DELAY_S = 1.0
_POLL_S = 0.02
_MAX_LOG_BYTES = 8 << 20
_LAST_BYTES = 64 << 10


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """A server to run: its module, and the settings that its environment gives it.

    `settings` are names without the service's prefix, such as {"EDGE_ADDRESS": "..."}.
    """

    name: str
    module: str
    directory: Path
    settings: Mapping[str, str]

    @property
    def log_file(self) -> Path:
        """Where its output goes."""
        return self.directory / "server.log"

    @property
    def ready_file(self) -> Path:
        """What it writes when it serves: JSON with its pid and its ports."""
        return self.directory / "ready.json"

    def environment(self) -> dict[str, str]:
        """The child's environment: ours, with the service's settings in place of any other."""
        prefix = f"WEFT_{self.name.upper()}_"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
        given = {f"{prefix}{name}": value for name, value in self.settings.items()}
        ready = {f"{prefix}READY_FILE": str(self.ready_file)}
        return {**inherited, **_without_proxy(inherited), **given, **ready}


@dataclass(slots=True)
class Server:
    """A server that runs."""

    spec: ServerSpec
    process: subprocess.Popen[bytes]
    started: float = field(default_factory=time.monotonic)


class Supervisor:
    """Starts servers, starts those again that die, and stops all of them."""

    def __init__(self) -> None:
        self._servers: dict[str, Server] = {}
        self._deaths: queue.Queue[Server] = queue.Queue()
        self._stopping = threading.Event()

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each server."""
        return {name: server.process.pid for name, server in self._servers.items()}

    def start(self, spec: ServerSpec) -> None:
        """Starts a server; `wait_ready` tells when it serves."""
        spec.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        spec.ready_file.unlink(missing_ok=True)
        _shorten(spec.log_file)
        with spec.log_file.open("ab") as log:
            process = subprocess.Popen(  # noqa: S603 - our own interpreter and modules
                # -P: a file or folder of the user's that is named like one of our modules, in
                # the folder where `weft up` was typed, is not what is meant.
                [sys.executable, "-P", "-m", "weft._tethered", str(os.getpid()), spec.module],
                env=spec.environment(),
                cwd=spec.directory,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C in the terminal is for this process; it stops the servers in order.
                start_new_session=True,
            )
        server = self._servers[spec.name] = Server(spec, process)
        threading.Thread(target=self._watch, args=(server,), daemon=True).start()

    def wait_ready(self, name: str) -> None:
        """Waits until a server serves; raises MeshStartError with its last words if it dies."""
        server = self._servers[name]
        deadline = time.monotonic() + _READY_S
        while not self._is_ready(server):
            if server.process.poll() is not None:
                raise MeshStartError(f"the {name} did not start:\n{last_words(server.spec)}")
            if time.monotonic() > deadline:
                raise MeshStartError(
                    f"the {name} did not get ready within {_READY_S:.0f} s; its log is "
                    f"{server.spec.log_file}"
                )
            time.sleep(_POLL_S)

    def next_death(self, timeout_s: float) -> Server | None:
        """Waits for a server to die unasked."""
        try:
            return self._deaths.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def restart(self, server: Server) -> None:
        """Starts a server again that died, not faster than once in a second."""
        time.sleep(max(0.0, _RESTART_DELAY_S - (time.monotonic() - server.started)))
        self.start(server.spec)

    def stop(self) -> None:
        """Stops all servers, the last one started first; kills those that take too long."""
        self._stopping.set()
        servers = list(reversed(self._servers.values()))
        for server in servers:
            if server.process.poll() is None:
                server.process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_S
        try:
            for server in servers:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    server.process.wait(max(0.0, deadline - time.monotonic()))
        finally:
            # Also when whoever stops us has no patience.
            for server in servers:
                if server.process.poll() is None:
                    server.process.kill()
                    server.process.wait()

    def _watch(self, server: Server) -> None:
        server.process.wait()
        if not self._stopping.is_set():
            self._deaths.put(server)

    @staticmethod
    def _is_ready(server: Server) -> bool:
        try:
            ready = json.loads(server.spec.ready_file.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return False
        return bool(ready["pid"] == server.process.pid)


class DataLock:
    """One mesh for one directory: two would write to the same databases."""

    def __init__(self, directory: Path) -> None:
        self._file = (directory / ".lock").open("a+")

    def take(self, directory: Path) -> None:
        """Holds the directory until `release`; raises MeshStartError where another mesh does."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.seek(0)
            holder = self._file.read().strip()
            raise MeshStartError(
                f"a mesh runs on {directory} already (`weft up`, process {holder or 'unknown'}): "
                "use that one, or give this one a directory of its own with --data"
            ) from None
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Lets the next mesh have the directory."""
        self._file.close()


def last_words(spec: ServerSpec, lines: int = 15) -> str:
    """The end of a server's log."""
    try:
        with spec.log_file.open("rb") as file:
            file.seek(max(0, spec.log_file.stat().st_size - _LAST_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return ""
    return "\n".join(text.splitlines()[-lines:])


def _without_proxy(environment: Mapping[str, str]) -> dict[str, str]:
    """The servers talk over loopback, where no proxy of the user's can take them."""
    exempt = environment.get("no_proxy") or environment.get("NO_PROXY") or ""
    return {"no_proxy": ",".join(filter(None, [exempt, "127.0.0.1", "localhost"]))}


def _shorten(log: Path) -> None:
    """Begins a new log where the old one is long; one old one is kept."""
    with contextlib.suppress(FileNotFoundError):
        if log.stat().st_size > _MAX_LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
