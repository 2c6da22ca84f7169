"""The whole mesh as a user has it, with servers that tests kill, stop and hold down.

    run = project.submit("gated.py", gate=gate)
    mesh.kill("workspace")          # returns when its successor serves
    assert project.watch_to_end(run).state == SUCCEEDED

Everything goes through public interfaces: the CLI as a subprocess, gRPC, HTTP.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals
from typing import Any

from tests.system.project import Project
from weft._connection import Connection
from weft._contexts import ContextStore
from weft._embedded import Addresses, EmbeddedMesh

PATIENCE_S = 40.0
_CLI = (sys.executable, "-c", "from weft.cli import main; main()")
Settings = Mapping[str, Mapping[str, str]]


class _Embedded(EmbeddedMesh):
    """An embedded mesh on ports of its own, with settings of the test."""

    def __init__(
        self, directory: Path, store: ContextStore, settings: Settings, runners_host: str
    ) -> None:
        variables = {
            f"WEFT_{server.upper()}_{name}": value
            for server, given in settings.items()
            for name, value in given.items()
        }
        hosts = (runners_host,) if runners_host else ()
        super().__init__(directory, store, settings=variables, hosts=hosts)
        # Never the well-known ones: a second start of the same data serves elsewhere.
        self._ports.release()
        self.addresses = Addresses(self._ports.take(dict.fromkeys(self.addresses.ports, 0)))
        if runners_host:
            self._settings = {**variables, **self._open_to_runners(runners_host)}

    def _open_to_runners(self, host: str) -> dict[str, str]:
        """Settings with which runners elsewhere reach the workspace, and people as ever."""
        here = self.addresses["workspace-edge"]
        port = here.rpartition(":")[2]
        return {
            "WEFT_WORKSPACE_EDGE_ADDRESS": f"0.0.0.0:{port}",
            "WEFT_WORKSPACE_EDGE_ENDPOINT": here,
            "WEFT_WORKSPACE_RUNNER_ENDPOINT": f"{host}:{port}",
        }


class Mesh:
    """A mesh in `directory`, its servers started again when they die, as `weft up` does it.

    Runners that are on other machines reach it by the name or address `runners_host`.
    """

    def __init__(
        self, directory: Path, settings: Settings | None = None, *, runners_host: str = ""
    ) -> None:
        self.directory = directory
        self.data = directory / "mesh"
        self.config = directory / "config"
        self.store = ContextStore(self.config)
        self._embedded = _Embedded(self.data, self.store, settings or {}, runners_host)
        self._supervisor = self._embedded._supervisor
        self._changed = threading.Condition()
        self._held: set[str] = set()
        self._down: dict[str, Any] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._supervise, name="supervisor")
        self._projects: list[Project] = []

    def start(self) -> None:
        self.context = self._embedded.start(_quiet)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        if self._thread.ident:
            self._thread.join()
        for project in self._projects:
            project.close()
        self._embedded.stop()

    @property
    def pids(self) -> dict[str, int]:
        return self._embedded.pids

    @property
    def ca_file(self) -> Path:
        return self._embedded.ca_file

    @property
    def gateway(self) -> str:
        return self._embedded.addresses.gateway

    @property
    def dashboard(self) -> str:
        return self._embedded.addresses.dashboard

    def address(self, listener: str) -> str:
        """Such as "workspace-edge": "127.0.0.1:..."."""
        return self._embedded.addresses[listener]

    def log(self, server: str) -> list[dict[str, Any]]:
        """What a server logged."""
        lines = (self.data / server / "server.log").read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def logged(self, server: str, event: str) -> list[dict[str, Any]]:
        """What a server logged of one kind."""
        return [line for line in self.log(server) if line["event"] == event]

    def wait_logged(self, server: str, event: str, *, after: int) -> None:
        """Waits until a server has logged something more often than `after` times."""
        deadline = time.monotonic() + PATIENCE_S
        while len(self.logged(server, event)) <= after:
            assert time.monotonic() < deadline, f"the {server} never logged {event}"
            # A file of another process: there is nothing to wait on.
            time.sleep(0.1)

    def project(self, project_id: str, *, is_new: bool = True) -> Project:
        """A project of this name, with the administrator's connection to it."""
        project = Project(self, project_id, self.connect(project_id))
        if is_new:
            project.create()
        self._projects.append(project)
        return project

    def connect(self, project_id: str) -> Connection:
        return Connection(replace(self.context, project=project_id), self.store)

    def signal(self, server: str, number: Signals) -> None:
        """Sends a signal, and returns when the server's successor serves."""
        self.signal_only(server, number)
        self.wait_restarted(server)

    def kill(self, server: str) -> None:
        self.signal(server, SIGKILL)

    def terminate(self, server: str) -> None:
        self.signal(server, SIGTERM)

    def signal_only(self, server: str, number: Signals) -> None:
        """Sends a signal; `wait_restarted` waits for the successor."""
        self._before = self.pids[server]
        os.kill(self._before, number)

    def wait_restarted(self, server: str) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.pids[server] != self._before, PATIENCE_S)
        self._supervisor.wait_ready(server)

    @contextlib.contextmanager
    def without(self, server: str) -> Iterator[None]:
        """Stops a server, and starts it again when the block ends."""
        self._held.add(server)
        os.kill(self.pids[server], SIGTERM)
        try:
            with self._changed:
                assert self._changed.wait_for(lambda: server in self._down, PATIENCE_S)
            yield
        finally:
            self._held.discard(server)
            self._supervisor.start(self._down.pop(server).spec)
            self._supervisor.wait_ready(server)

    def environment(self, **more: str) -> dict[str, str]:
        """The environment of somebody who works with this mesh."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
        return {**inherited, "WEFT_CONFIG_DIR": str(self.config), **more}

    def popen(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        """Starts the CLI."""
        return subprocess.Popen(
            [*_CLI, *arguments],
            env=self.environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def cli(self, *arguments: str, code: int | None = 0, **more: str) -> str:
        """Runs the CLI; answers its output after checking its exit code."""
        process = self.popen(*arguments, **more)
        out, err = process.communicate(timeout=60)
        assert code is None or process.returncode == code, (process.returncode, out, err)
        return out + err if code else out

    def _supervise(self) -> None:
        while not self._stopping.is_set():
            server = self._supervisor.next_death(0.1)
            if server is None:
                continue
            if server.spec.name in self._held:
                self._down[server.spec.name] = server
            else:
                self._supervisor.restart(server)
            with self._changed:
                self._changed.notify_all()


def _quiet(_line: str) -> None:
    """Nobody watches the start."""
