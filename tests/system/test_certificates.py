"""Certificates live a minute here: every service renews while runs stream, and nothing breaks."""

import socket
import ssl
import time
from pathlib import Path

import pytest

from tests.system.mesh import PATIENCE_S, Mesh
from tests.system.project import Project, of_run, places, state_of
from tests.system.watching import Watcher

SERVERS = ("controlplane", "workspace", "workloads", "gateway")


@pytest.mark.fault
def test_certificates_are_renewed_in_the_running_mesh(
    mesh: Mesh, project: Project, gate: Path
) -> None:
    pids = mesh.pids
    start = project.revision()
    watcher = Watcher(project, start)
    run = project.submit("gated.py", gate=gate)
    project.until_step(run, "first")
    before = {name: shown(mesh, name) for name in ("workspace-edge", "gateway-edge")}
    renewals = {name: len(mesh.logged(name, "certificate_renewed")) for name in SERVERS}
    for name in SERVERS:
        mesh.wait_logged(name, "certificate_renewed", after=renewals[name])
    gate.touch()
    ended = project.watch_to_end(run)

    assert state_of(ended) == "SUCCEEDED"
    assert mesh.pids == pids
    # New connections meet the new certificates; the old stream went on as it was.
    for listener, certificate in before.items():
        until_another_is_shown(mesh, listener, certificate)
    watcher.wait_for(ended.revision)
    watcher.close()
    assert watcher.openings == 1
    events = project.list_events(after=start)
    assert places(of_run(watcher.events, run)) == places(of_run(events, run))
    # New work crosses every hop with the new ones.
    again = project.submit("gated.py", gate=gate, lines=1)
    assert state_of(project.watch_to_end(again)) == "SUCCEEDED"


def until_another_is_shown(mesh: Mesh, listener: str, certificate: bytes) -> None:
    """A listener looks for new files once in a second."""
    deadline = time.monotonic() + PATIENCE_S
    while shown(mesh, listener) == certificate:
        assert time.monotonic() < deadline, f"{listener} still shows the old certificate"
        time.sleep(0.1)


def shown(mesh: Mesh, listener: str) -> bytes:
    """The certificate that a new connection is shown, checked against the mesh's CA."""
    context = ssl.create_default_context(cafile=str(mesh.ca_file))
    host, _, port = mesh.address(listener).rpartition(":")
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        certificate = secure.getpeercert(binary_form=True)
    assert certificate
    return certificate
