"""The mesh gets another CA while it works, by the commands that people type."""

import json
from pathlib import Path

from tests.system.mesh import Mesh


def test_a_mesh_that_works_gets_another_ca(tmp_path: Path) -> None:
    mesh = Mesh(tmp_path)
    mesh.start()
    try:
        before = _fingerprint(mesh)
        assert "trusting" in mesh.cli("ca", "start")
        assert "issuing" in mesh.cli("ca", "advance", "--wait")
        assert "standby" in mesh.cli("ca", "advance", "--wait")
        assert _fingerprint(mesh) != before
        # Everybody talks to everybody: the CLI to the servers, and they to each other.
        assert json.loads(mesh.cli("runs", "list", "-o", "json")) == []
        assert mesh.cli("doctor")
    finally:
        mesh.stop()


def _fingerprint(mesh: Mesh) -> str:
    (root,) = json.loads(mesh.cli("ca", "show", "-o", "json"))["roots"]
    return str(root["fingerprint"])
