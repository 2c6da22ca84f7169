"""A network that lets only HTTP through, by a proxy: everything goes by way of the gateway."""

import hashlib
import json
import os
import re
import select
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.system.mesh import Mesh
from tests.system.project import PIPELINES, Project, state_of
from tests.system.test_local_runs import check_recorded
from weft._contexts import ContextStore
from weft._ports import Ports
from weft._servers import ServerSpec, Supervisor
from weftapi.controlplane.v1 import enrollments_pb2, workspaces_pb2_grpc
from weftapi.options.v1 import options_pb2

# Nobody's name server knows it: only the proxy leads there.
NAME = "weft.test"
PASSWORD = "cHJveHk6c2VjcmV0"  # proxy:secret


class Proxy:
    """A forward proxy as companies have them: CONNECT to one name, for who signs in."""

    def __init__(self, port: int) -> None:
        self._target = ("127.0.0.1", port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        self.asked: list[str] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with client:
            head = b""
            while b"\r\n\r\n" not in head:
                head += client.recv(4096)
            line, _, fields = head.decode().partition("\r\n")
            self.asked.append(line)
            if f"Proxy-Authorization: Basic {PASSWORD}" not in fields:
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            elif not line.startswith(f"CONNECT {NAME}:{self._target[1]} "):
                client.sendall(b"HTTP/1.1 403 Forbidden\r\n\r\n")
            else:
                with socket.create_connection(self._target) as server:
                    client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                    _pass_on(client, server)


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    ends = {one: other, other: one}
    with suppress(OSError):
        while True:
            ready, _, _ = select.select(list(ends), [], [])
            for end in ready:
                if not (data := end.recv(65536)):
                    return
                ends[end].sendall(data)


@dataclass
class Office:
    """Somebody behind the proxy: the environment of their commands, and what the proxy heard."""

    url: str
    proxy: Proxy
    environment: dict[str, str]

    def popen(self, *arguments: str, **more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, *arguments],
            env={**self.environment, **more},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def cli(self, *arguments: str, code: int = 0, **more: str) -> str:
        process = self.popen("-m", "weft", *arguments, **more)
        out, err = process.communicate(timeout=60)
        assert process.returncode == code, (process.returncode, out, err)
        return out + err if code else out


@pytest.fixture(scope="module")
def office(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """A gateway under a public name, the proxy before it, and a context without working gRPC."""
    directory = tmp_path_factory.mktemp("office")
    supervisor = Supervisor()
    taken = Ports()
    port = _start_gateway(mesh, directory, supervisor, taken)
    proxy = Proxy(port)
    try:
        yield _office(mesh, directory, proxy, port)
    finally:
        proxy.close()
        supervisor.stop()
        taken.release()


def _start_gateway(mesh: Mesh, directory: Path, supervisor: Supervisor, taken: Ports) -> int:
    connection = mesh.connect("default")
    stub = connection.control_plane.stub(workspaces_pb2_grpc.WorkspaceServiceStub)
    request = enrollments_pb2.CreateEnrollmentRequest(parent=mesh.context.organization)
    request.enrollment.role = options_pb2.PEER_ROLE_GATEWAY
    request.enrollment.workspaces.append(mesh.context.workspace)
    request.enrollment.host_names.append(NAME)
    token = directory / "token"
    token.write_text(connection.control_plane.call(stub.CreateEnrollment, request).token)
    connection.close()
    ports = taken.take({"edge": 0, "health": 0, "metrics": 0})
    settings = {f"{name.upper()}_ADDRESS": f"127.0.0.1:{port}" for name, port in ports.items()} | {
        "CREDENTIALS_DIR": str(directory / "credentials"),
        "CONTROL_PLANE_ENDPOINT": mesh.address("controlplane-edge"),
        "CONTROL_PLANE_MESH_ENDPOINT": mesh.address("controlplane-mesh"),
        "ENROLLMENT_TOKEN_FILE": str(token),
    }
    supervisor.start(ServerSpec("gateway", "gateway", directory / "gateway", settings))
    supervisor.wait_ready("gateway")
    return ports["edge"]


def _office(mesh: Mesh, directory: Path, proxy: Proxy, port: int) -> Office:
    url = f"https://{NAME}:{port}"
    store = ContextStore(directory / "config")
    nowhere = "127.0.0.1:1"
    store.put(replace(mesh.context, control_plane=nowhere, workspace_endpoint=nowhere, gateway=url))
    store.sign_in(mesh.context.name, mesh.store.sign_in_of(mesh.context.name))
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("WEFT_")}
    return Office(
        url,
        proxy,
        {
            **inherited,
            "HTTPS_PROXY": f"http://proxy:secret@{proxy.address}",
            "WEFT_TRANSPORT": "http",
            "WEFT_CONFIG_DIR": str(directory / "config"),
        },
    )


def test_a_remote_run_its_watch_and_its_logs(office: Office, project: Project, gate: Path) -> None:
    there = {"WEFT_PROJECT": project.id}
    target = str(PIPELINES / "gated.py")
    made = office.cli("run", target, f"--gate={gate}", "--detach", "-o", "json", **there)
    run = json.loads(made)["name"]
    short = run.rpartition("/")[2]
    watching = office.popen("-m", "weft", "runs", "watch", short, **there)
    following = office.popen("-m", "weft", "logs", short, "-f", **there)
    first = following.stdout.readline()
    assert first
    gate.touch()
    seen, wrong = watching.communicate(timeout=60)
    assert watching.returncode == 0, (seen, wrong)
    assert "SUCCEEDED" in seen.upper()
    rest, wrong = following.communicate(timeout=60)
    assert following.returncode == 0, (first, rest, wrong)
    assert state_of(project.run(run)) == "SUCCEEDED"


def test_a_local_run_is_on_record(office: Office, project: Project, tmp_path: Path) -> None:
    there = {"WEFT_PROJECT": project.id, "WEFT_DATA_DIR": str(tmp_path)}
    process = office.popen(str(PIPELINES / "local_script.py"), "5", **there)
    out, err = process.communicate(timeout=60)
    told = re.search(r"^RUN (\S+) 10$", out, re.MULTILINE)
    assert told, out + err
    check_recorded(project, f"{project.name}/runs/{told[1]}", count=5)
    # Nothing was left for `weft sync` to hand over.
    assert not list(tmp_path.rglob("*.jsonl"))


def test_signing_in_at_a_gateway(
    office: Office, mesh: Mesh, project: Project, tmp_path: Path
) -> None:
    token = json.loads(mesh.cli("tokens", "create", "office", "-o", "json"))["secret"]
    ca = tmp_path / "ca.pem"
    ca.write_text(mesh.context.ca_pem)
    home = {"WEFT_CONFIG_DIR": str(tmp_path / "config"), "WEFT_PROJECT": project.id}
    office.cli("login", office.url, "--ca", str(ca), "--token", token, **home)
    kept = ContextStore(tmp_path / "config").current()
    assert kept.gateway == office.url
    assert kept.workspace == mesh.context.workspace
    assert json.loads(office.cli("runs", "list", "-o", "json", **home)) == []
    told = office.cli("doctor", **home)
    assert f"HTTP by way of {office.url}" in told
    assert f"{office.proxy.address} is asked" in told
    # The CA by its fingerprint, as somebody reads it to you.
    certificate = ssl.PEM_cert_to_DER_cert(mesh.context.ca_pem)
    fingerprint = f"sha256:{hashlib.sha256(certificate).hexdigest()}"
    office.cli("login", office.url, "--fingerprint", fingerprint, "--token", token, **home)


@pytest.mark.parametrize(
    ("changed", "code", "words"),
    [
        ({"HTTPS_PROXY": "http://{proxy}"}, 7, "wants a name and a password in HTTPS_PROXY"),
        ({"HTTPS_PROXY": "http://127.0.0.1:1"}, 7, "the proxy that HTTPS_PROXY names"),
        ({"HTTPS_PROXY": "socks5://127.0.0.1:1"}, 4, "only http://HOST:PORT can be asked"),
        ({"NO_PROXY": NAME}, 7, "its name is not known"),
        ({"WEFT_TRANSPORT": "pigeon"}, 4, "must be grpc or http"),
        ({"WEFT_TRANSPORT": "grpc"}, 7, "127.0.0.1:1 cannot be reached"),
    ],
)
def test_what_is_in_the_way_is_named(
    office: Office, changed: dict[str, str], code: int, words: str
) -> None:
    given = {key: value.format(proxy=office.proxy.address) for key, value in changed.items()}
    told = office.cli("runs", "list", code=code, **given)
    assert words in told
    assert "Traceback" not in told


def test_a_doctor_knows_when_to_go_by_http(office: Office) -> None:
    told = office.cli("doctor", code=1, WEFT_TRANSPORT="grpc")
    assert f"WEFT_TRANSPORT=http, which calls {office.url}" in told
