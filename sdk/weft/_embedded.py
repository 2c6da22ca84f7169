"""The mesh on this machine: what `weft up` starts.

The same four servers as in production, each a process with a certificate of its own, talking
mTLS over loopback. Everything is done through the public interface, as an administrator of a
large mesh would do it: the one-time link of the first start, a workspace registered, services
enrolled. Data stays in one directory; a second start finds all of it again.
"""

from __future__ import annotations

import getpass
import json
import os
import secrets
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from weft._connection import LOCAL, Connection, Endpoint, no_token
from weft._contexts import Context, ContextStore, SignIn
from weft._ports import Ports
from weft._servers import DataLock, ServerSpec, Supervisor
from weft._sign_in_link import sign_in_link
from weft.errors import (
    ApiError,
    MeshStartError,
    NotPermittedError,
    NotSignedInError,
    UnavailableError,
)

if TYPE_CHECKING:
    from weftapi.controlplane.v1 import auth_pb2

CONTEXT = LOCAL
_ORGANIZATION = "organizations/default"
_WORKSPACE = f"{_ORGANIZATION}/workspaces/default"
_PROJECT = "default"
# Whoever may read this machine's data signs in by starting the mesh: sessions end with that.
_SESSION_S = 365 * 86_400
# Hashing a password takes long where four servers start at once on a busy machine.
_START_CALL_S = 60.0
_POLICY_S = 20.0
_PORTS = {
    "controlplane-edge": 7780,
    "controlplane-mesh": 7781,
    "controlplane-health": 7782,
    "controlplane-metrics": 7783,
    "workspace-edge": 7790,
    "workspace-mesh": 7791,
    "workspace-health": 7792,
    "workspace-metrics": 7793,
    "workloads-mesh": 7801,
    "workloads-health": 7802,
    "workloads-metrics": 7803,
    "gateway-edge": 8780,
    "gateway-browser": 8781,
    "gateway-health": 8782,
    "gateway-metrics": 8783,
}
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the mesh listens."""

    ports: dict[str, int]

    def __getitem__(self, listener: str) -> str:
        return f"127.0.0.1:{self.ports.get(listener, 0)}"

    @property
    def gateway(self) -> str:
        """Base URL of the HTTP gateway."""
        return f"https://localhost:{self.ports['gateway-edge']}"

    @property
    def dashboard(self) -> str:
        """Where a browser of this machine finds the gateway, without a certificate to accept."""
        return f"http://localhost:{self.ports['gateway-browser']}"


class EmbeddedMesh:
    """A mesh in a directory of this machine.

    One that is `ephemeral` ends its workloads when it stops; the workloads of any other go on,
    and report when it is back. `settings` are further variables of the servers, by full name:
    {"WEFT_CONTROLPLANE_EGRESS_NETWORKS": "10.0.0.0/8"}. `hosts` are names and addresses, beside
    those of this machine itself, that certificates of its members are for.
    """

    def __init__(
        self,
        directory: Path,
        store: ContextStore | None = None,
        *,
        settings: Mapping[str, str] | None = None,
        ephemeral: bool = False,
        hosts: Sequence[str] = (),
    ) -> None:
        self._ephemeral = ephemeral
        self._hosts = ("localhost", "127.0.0.1", *hosts)
        self._settings = settings or {}
        self._directory = directory.resolve()
        self._store = store or ContextStore()
        self._supervisor = Supervisor()
        self._lock: DataLock | None = None
        self._ports = Ports()
        self.addresses = Addresses(self._ports.take(_PORTS))

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each server."""
        return self._supervisor.pids

    @property
    def ca_file(self) -> Path:
        """The CA of the mesh: what curl needs as `--cacert`."""
        return self._directory / "controlplane" / "credentials" / "trust.pem"

    def sign_in_link(self, path: str = "") -> str:
        """An address that signs a browser in as the administrator, once and soon."""
        connection = Connection(self._store.get(CONTEXT), self._store)
        try:
            return sign_in_link(connection, path)
        finally:
            connection.close()

    def start(self, progress: Progress) -> Context:
        """Starts everything and signs in; raises MeshStartError, with nothing left running."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = DataLock(self._directory)
        lock.take(self._directory)
        self._lock = lock
        try:
            return self._start(progress)
        except BaseException:
            self.stop()
            raise

    def supervise(self, progress: Progress, timeout_s: float) -> None:
        """Waits for a server to die, and starts it again."""
        server = self._supervisor.next_death(timeout_s)
        if server is not None:
            progress(
                f"the {server.spec.name} ended unexpectedly; starting it again "
                f"(its log is {server.spec.log_file})"
            )
            self._supervisor.restart(server)
            try:
                self._supervisor.wait_ready(server.spec.name)
            except MeshStartError as error:
                # It died again, which is the next death to see to; or it takes its time.
                progress(str(error))
            else:
                progress(f"the {server.spec.name} is back")

    def stop(self) -> None:
        """Stops the servers; data stays."""
        self._supervisor.stop()
        self._ports.release()
        if self._lock is not None:
            self._lock.release()

    def _start(self, progress: Progress) -> Context:
        self._supervisor.start(self._control_plane())
        self._supervisor.wait_ready("controlplane")
        progress(f"control plane     {self.addresses['controlplane-edge']}")
        context = self._context()
        self._sign_in(context)
        connection = Connection(context, self._store)
        tokens = self._enroll(connection)
        for spec in self._members(tokens):
            self._supervisor.start(spec)
        for name, label in (
            ("workspace", "workspace        "),
            ("workloads", "workload manager "),
            ("gateway", "gateway          "),
        ):
            self._supervisor.wait_ready(name)
            where = self.addresses.gateway if name == "gateway" else self._listener(name)
            progress(f"{label} {where}")
        self._make_project(connection)
        connection.close()
        return context

    def _listener(self, name: str) -> str:
        listener = "workloads-mesh" if name == "workloads" else f"{name}-edge"
        return self.addresses[listener]

    def _context(self) -> Context:
        context = Context(
            name=CONTEXT,
            control_plane=self.addresses["controlplane-edge"],
            organization=_ORGANIZATION,
            workspace=_WORKSPACE,
            workspace_endpoint=self.addresses["workspace-edge"],
            project=_PROJECT,
            ca_pem=self.ca_file.read_text(encoding="utf-8"),
            gateway=self.addresses.gateway,
            dashboard=self.addresses.dashboard,
        )
        self._store.put(context)
        return context

    def _sign_in(self, context: Context) -> None:
        """Signs the user of this machine in as the administrator, the first time by the link."""
        setup_token = self._directory / "controlplane" / "setup-token"
        kept = self._directory / "administrator.json"
        if not kept.exists() and not setup_token.exists():
            raise MeshStartError(
                f"{kept} is gone, and with it the sign-in of this mesh; restore it, or start a "
                "new mesh with --data DIR"
            )
        if not kept.exists():
            # Written before it is used: a start that is cut off can go on with it.
            account = {
                "email": f"{getpass.getuser()}@{_host_name()}",
                "password": secrets.token_urlsafe(32),
            }
            write_private(kept, json.dumps(account))
        account = json.loads(kept.read_text(encoding="utf-8"))
        endpoint = Endpoint(context.control_plane, ca_pem=context.ca_pem, token=no_token)
        try:
            if setup_token.exists():
                _create_administrator(endpoint, account, setup_token.read_text().strip())
            answer = _sign_in(endpoint, account)
        finally:
            endpoint.close()
        self._store.sign_in(CONTEXT, SignIn(refresh_token=answer.refresh_token))

    def _enroll(self, connection: Connection) -> dict[str, Path]:
        """Registers the workspace and gets a one-time token for each service without one."""
        from weftapi.controlplane.v1 import enrollments_pb2, workspaces_pb2_grpc
        from weftapi.options.v1 import options_pb2

        roles = {
            "workspace": options_pb2.PEER_ROLE_WORKSPACE,
            "workloads": options_pb2.PEER_ROLE_WORKLOAD_MANAGER,
            "gateway": options_pb2.PEER_ROLE_GATEWAY,
        }
        files = {name: self._directory / name / "enrollment-token" for name in roles}
        missing = [name for name in roles if not self._has_joined(name)]
        call, stub = (
            connection.control_plane.call,
            connection.control_plane.stub(workspaces_pb2_grpc.WorkspaceServiceStub),
        )
        if "workspace" in missing:
            self._register(connection)
        for name in missing:
            request = enrollments_pb2.CreateEnrollmentRequest(parent=_ORGANIZATION)
            request.enrollment.role = roles[name]
            if name == "workspace":
                request.enrollment.workspaces.append(_WORKSPACE)
            else:
                request.enrollment.all_workspaces = True
                request.enrollment.display_name = "This machine"
            request.enrollment.host_names.extend(self._hosts)
            files[name].parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(files[name], call(stub.CreateEnrollment, request).token)
        return files

    def _has_joined(self, name: str) -> bool:
        return (self._directory / name / "credentials" / "chain.pem").exists()

    def _register(self, connection: Connection) -> None:
        from weftapi.controlplane.v1 import workspaces_pb2, workspaces_pb2_grpc

        stub = connection.control_plane.stub(workspaces_pb2_grpc.WorkspaceServiceStub)
        request = workspaces_pb2.RegisterWorkspaceRequest(
            parent=_ORGANIZATION, workspace_id="default", display_name="Default"
        )
        try:
            connection.control_plane.call(stub.RegisterWorkspace, request)
        except ApiError as error:
            # A start that was interrupted may have come this far.
            if error.reason != "RESOURCE_EXISTS":
                raise

    def _make_project(self, connection: Connection) -> None:
        """Makes the first project, as soon as the workspace has heard of keys and of who may."""
        from weftapi.workspace.v1 import projects_pb2, projects_pb2_grpc

        stub = connection.workspace.stub(projects_pb2_grpc.ProjectServiceStub)
        request = projects_pb2.CreateProjectRequest(project_id=_PROJECT)
        deadline = time.monotonic() + _POLICY_S
        while True:
            try:
                connection.workspace.call(stub.CreateProject, request)
            except (NotSignedInError, NotPermittedError, UnavailableError):
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            except ApiError as error:
                if error.reason != "RESOURCE_EXISTS":
                    raise
                return
            else:
                return

    def _control_plane(self) -> ServerSpec:
        settings = {
            **self._addresses("controlplane"),
            "HOST_NAMES": "localhost,127.0.0.1",
            "MESH_ENDPOINT": self.addresses["controlplane-mesh"],
            "PUBLIC_URL": self.addresses.dashboard,
            "SESSION_S": str(_SESSION_S),
            "SESSION_IDLE_S": str(_SESSION_S),
            "PROVISIONER": "processes",
            "END_WORKSPACES_ON_STOP": "true",
        }
        return self._spec("controlplane", settings)

    def _members(self, tokens: dict[str, Path]) -> list[ServerSpec]:
        return [
            self._spec(
                name,
                {
                    **self._addresses(name),
                    "CONTROL_PLANE_ENDPOINT": self.addresses["controlplane-edge"],
                    "CONTROL_PLANE_MESH_ENDPOINT": self.addresses["controlplane-mesh"],
                    "ENROLLMENT_TOKEN_FILE": str(tokens[name]),
                },
            )
            for name in ("workspace", "workloads", "gateway")
        ]

    def _addresses(self, name: str) -> dict[str, str]:
        listeners = [key for key in self.addresses.ports if key.startswith(f"{name}-")]
        return {f"{key.split('-')[1].upper()}_ADDRESS": self.addresses[key] for key in listeners}

    def _spec(self, name: str, settings: dict[str, str]) -> ServerSpec:
        directory = self._directory / name
        common = {
            "STATE_DIR" if name == "workloads" else "DATA_DIR": str(directory),
            "CREDENTIALS_DIR": str(directory / "credentials"),
            "OPEN_REFLECTION": "true",
        }
        if name == "workloads" and self._ephemeral:
            common |= {"END_ON_STOP": "true", "GRACE_S": "2"}
        if name == "workspace":
            # What stands in for a cloud stands on this machine too.
            common |= {"EGRESS_NETWORKS": "127.0.0.0/8"}
        prefix = f"WEFT_{name.upper()}_"
        further = {
            k.removeprefix(prefix): v for k, v in self._settings.items() if k.startswith(prefix)
        }
        return ServerSpec(name, name, directory, {**common, **settings, **further})


def _create_administrator(endpoint: Endpoint, account: dict[str, str], setup_token: str) -> None:
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    request = auth_pb2.CreateFirstAdministratorRequest(
        setup_token=setup_token,
        display_name=getpass.getuser(),
        email=account["email"],
        password=account["password"],
    )
    stub = endpoint.stub(auth_pb2_grpc.AuthServiceStub)
    endpoint.call(stub.CreateFirstAdministrator, request, timeout_s=_START_CALL_S)


def _sign_in(endpoint: Endpoint, account: dict[str, str]) -> auth_pb2.TokenSet:
    from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc

    stub = endpoint.stub(auth_pb2_grpc.AuthServiceStub)
    request = auth_pb2.SignInRequest(email=account["email"], password=account["password"])
    return endpoint.call(stub.SignIn, request, timeout_s=_START_CALL_S)


def write_private(path: Path, text: str) -> None:
    """Writes a file that only its owner can read."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)


def _host_name() -> str:
    # Only the first label, and only what an address may hold.
    label = socket.gethostname().split(".")[0]
    return "".join(c for c in label if c.isalnum() or c == "-") or "localhost"


def data_directory() -> Path:
    """Where `weft up` keeps its data unless told otherwise."""
    if directory := os.environ.get("WEFT_DATA_DIR"):
        return Path(directory)
    import platformdirs

    return platformdirs.user_data_path("weft")
