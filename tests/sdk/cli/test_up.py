"""`weft up`: a mesh of its own, which comes back, gives way, restarts what dies, and ends."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from queue import Queue

import pytest

from weft._contexts import ContextStore

SERVERS = ("controlplane", "workspace", "workloads", "gateway")


class Up:
    """A `weft up` in a process of its own."""

    def __init__(self, environment: dict[str, str], *arguments: object) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "weft", "up", *map(str, arguments)],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.told: list[str] = []
        self._lines: Queue[str] = Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as told:
            for line in told:
                self._lines.put(line)
        self._lines.put("")

    def until(self, words: str) -> str:
        while line := self._lines.get(timeout=90):
            self.told.append(line)
            if words in line:
                return line
        raise AssertionError("".join(self.told))

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        try:
            return self.process.wait(60)
        finally:
            self.process.kill()


def pids_of(data: Path) -> dict[str, int]:
    """The processes of a mesh's servers, by their own word."""
    return {name: json.loads((data / name / "ready.json").read_text())["pid"] for name in SERVERS}


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.fixture(scope="module")
def own(environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("up")
    return {**environment, "WEFT_CONFIG_DIR": str(folder / "config")}


def weft(own: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "weft", *arguments],
        env=own,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.fault
def test_a_mesh_lives_through_deaths_and_comes_back(own: dict[str, str], tmp_path: Path) -> None:
    # Folders named like our modules, where the user happens to stand, are not imported.
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workspace" / "__init__.py").write_text("raise RuntimeError")
    data = tmp_path / "mesh"
    first = Up(own, "--data", data)
    try:
        first.until("ready in")
        before = pids_of(data)
        refused = Up(own, "--data", data)
        refused.until("a mesh runs on")
        assert refused.process.wait(60) == 1
        os.kill(before["workspace"], signal.SIGKILL)
        first.until("the workspace ended unexpectedly")
        first.until("the workspace is back")
        assert pids_of(data)["workspace"] != before["workspace"]
        assert weft(own, "runs", "list").returncode == 0
        pids = pids_of(data)
    finally:
        code = first.end(signal.SIGINT)
    assert code == 0
    assert not [name for name, pid in pids.items() if is_alive(pid)]

    # The second start: the same services and the same data, on other ports if need be.
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        second = Up(own, "--data", data)
        try:
            second.until("ready in")
            assert weft(own, "whoami").returncode == 0
            assert weft(own, "doctor").returncode == 0
            again = pids_of(data)
            # Killed outright, it can stop nobody: its servers see to that themselves.
            second.process.kill()
            second.process.wait(60)
            ended = threading.Event()
            for _ in range(300):
                if not any(map(is_alive, again.values())):
                    break
                ended.wait(0.1)
            assert not [name for name, pid in again.items() if is_alive(pid)]
        finally:
            second.process.kill()


def test_an_ephemeral_mesh_leaves_nothing(own: dict[str, str]) -> None:
    up = Up(own, "--ephemeral")
    try:
        found = re.search(r"data (\S+)", up.until("weft  data"))
        assert found
        data = Path(found[1])
        up.until("ready in")
        pids = pids_of(data)
    finally:
        code = up.end()
    assert code == 0
    assert not data.exists()
    assert not any(map(is_alive, pids.values()))


def test_a_start_is_cut_short_by_ctrl_c(own: dict[str, str], tmp_path: Path) -> None:
    up = Up(own, "--data", tmp_path / "mesh")
    up.until("control plane")
    assert up.end(signal.SIGINT) == 130
    held = ContextStore(Path(own["WEFT_CONFIG_DIR"]))
    assert held.current_name() == "local"


def test_a_setting_that_no_server_reads_is_refused(environment: dict[str, str]) -> None:
    for setting in ("EGRESS_NETWORKS=10.0.0.0/8", "WEFT_GATEWAY_NOTHING"):
        up = Up(environment, "--set", setting)
        up.until("is no setting of a server")
        assert up.process.wait(60) == 2
