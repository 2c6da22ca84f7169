"""The workspace restarts in an orderly way while people look on: they notice nothing."""

import re
import subprocess
import threading
from pathlib import Path
from typing import IO

import pytest

from tests.system.mesh import Mesh
from tests.system.project import PATIENCE_S, Project

LINES = 200


@pytest.mark.fault
def test_watching_and_following_go_on_over_a_restart(
    mesh: Mesh, project: Project, gate: Path
) -> None:
    run = project.submit("gated.py", gate=gate, lines=LINES)
    project.until_step(run, "first")
    short = run.rpartition("/")[2]
    watch = Follower(project.popen("runs", "watch", short))
    logs = Follower(project.popen("logs", "-f", short))
    watch.until(r"first\s+running")
    logs.until(rf"before {LINES - 1}$")

    mesh.terminate("workspace")
    gate.touch()

    assert watch.end() == 0
    assert logs.end() == 0
    first = [line.partition("| ")[2] for line in logs.lines if line.startswith("first ")]
    told = [f"{word} {number}" for word in ("before", "after") for number in range(LINES)]
    assert first == told
    assert [line for line in logs.lines if line.startswith("second ")] == [
        f"{'second':<16} | got {LINES}"
    ]
    assert len(watch.lines) == len(set(watch.lines))
    assert "succeeded" in watch.lines[-1]


class Follower:
    """A command of the CLI that runs, and what it has printed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.lines: list[str] = []
        self._changed = threading.Condition()
        assert process.stdout
        assert process.stderr
        self._threads = [
            threading.Thread(target=self._read, args=(process.stdout, self.lines)),
            threading.Thread(target=self._read, args=(process.stderr, [])),
        ]
        for thread in self._threads:
            thread.start()

    def until(self, pattern: str) -> None:
        """Waits until a line was printed."""
        seen = re.compile(pattern)
        with self._changed:
            assert self._changed.wait_for(
                lambda: any(seen.search(line) for line in self.lines), PATIENCE_S
            ), self.lines[-5:]

    def end(self) -> int:
        """Waits until it has ended; answers its exit code."""
        code = self._process.wait(PATIENCE_S)
        for thread in self._threads:
            thread.join()
        return code

    def _read(self, stream: IO[str], lines: list[str]) -> None:
        with stream:
            for line in stream:
                with self._changed:
                    lines.append(line.rstrip("\n"))
                    self._changed.notify_all()
