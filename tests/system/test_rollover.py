"""The mesh gets another CA while it works, by the commands that people type."""

import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.system.mesh import Mesh
from tests.system.project import Project

PATIENCE_S = 60.0


@pytest.mark.fault
def test_a_mesh_that_works_gets_another_ca(tmp_path: Path) -> None:
    mesh = Mesh(tmp_path)
    mesh.start()
    try:
        project, gate = mesh.project("rolling"), tmp_path / "gate"
        run = project.submit("gated.py", gate=gate)
        project.until_step(run, "first")
        before = _fingerprint(mesh)
        assert "trusting" in mesh.cli("ca", "start")
        assert "issuing" in mesh.cli("ca", "advance", "--wait")
        _until_heard(project, run)
        assert "standby" in mesh.cli("ca", "advance", "--wait")
        assert _fingerprint(mesh) != before
        # The run began when there was only the old CA. It heard of the new one, and finds the
        # workspace again, which now has a certificate of that alone.
        mesh.kill("workspace")
        gate.touch()
        assert json.loads(project.cli("runs", "watch", run, "-o", "json"))["state"].endswith(
            "SUCCEEDED"
        )
        # Everybody talks to everybody: the CLI to the servers, and they to each other.
        assert len(json.loads(project.cli("runs", "list", "-o", "json"))) == 1
        assert mesh.cli("doctor")
    finally:
        mesh.stop()


def _fingerprint(mesh: Mesh) -> str:
    (root,) = json.loads(mesh.cli("ca", "show", "-o", "json"))["roots"]
    return str(root["fingerprint"])


def _until_heard(project: Project, run: str) -> None:
    """Waits until the workspace has heard of the run again, and the run of what there is."""
    since, deadline = datetime.now(UTC), time.monotonic() + PATIENCE_S
    while True:
        shown = json.loads(project.cli("runs", "show", run, "-o", "json"))
        heard = shown.get("lastHeartbeatTime")
        if heard and datetime.fromisoformat(heard) > since:
            return
        assert time.monotonic() < deadline, "the run fell silent"
        # What a process says in its own time: there is nothing to wait on.
        time.sleep(0.5)
