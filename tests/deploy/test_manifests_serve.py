"""The mesh from its manifests alone: every server starts with what they give it, and serves."""

import asyncio
import socket
import ssl
import urllib.request
import uuid
from collections.abc import Iterator

import asyncpg
import pytest

from tests.deploy.kubectl import Kubectl
from tests.deploy.node import Node, Secrets, key_file, public_certificate
from tests.deploy.rendered import SERVICES, Helm, Rendering
from tests.postgres import Server
from tests.system.faulty_cluster import FaultyCluster
from weft import _embedded
from weft._connection import Connection, Endpoint, no_token
from weft._contexts import Context, ContextStore, SignIn
from weftapi.controlplane.v1 import workspaces_pb2, workspaces_pb2_grpc

# The first start of four servers on a machine that does other things too.
pytestmark = pytest.mark.timeout(300)

ORGANIZATION = "organizations/default"
ACCOUNT = {"email": "ada@example.com", "password": "correct horse battery"}
FOUNDERS = "WEFT_CONTROLPLANE_FOUNDERS"


@pytest.fixture(scope="module")
def rendering(helm: Helm) -> Rendering:
    return helm.renderings["served"]


@pytest.fixture(scope="module")
def secrets(postgres_server: Server) -> Secrets:
    return made_before(postgres_server)


def made_before(postgres_server: Server) -> Secrets:
    """The Secrets that a platform engineer makes before the chart: by name and key."""

    async def create(name: str) -> str:
        connection = await asyncpg.connect(postgres_server.url("postgres"))
        await connection.execute(f"CREATE DATABASE {name}")
        await connection.close()
        return str(postgres_server.url(name))

    databases = {
        f"weft-{module}-database": {"url": asyncio.run(create(f"{module}_{uuid.uuid4().hex}"))}
        for module in ("controlplane", "workspace")
    }
    return {
        **databases,
        "weft-workspace-keys": {"secrets.keys": key_file()},
        "weft-gateway-edge": public_certificate("weft.example.com"),
    }


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyCluster]:
    cluster = FaultyCluster(tmp_path_factory.mktemp("cluster"))
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def node(
    rendering: Rendering,
    secrets: Secrets,
    cluster: FaultyCluster,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Node]:
    """A node on which everything runs, as after an installation that went well."""
    node = Node(rendering, tmp_path_factory.mktemp("node"), secrets)
    try:
        install(node, cluster)
        yield node
    finally:
        node.stop()


def install(node: Node, cluster: FaultyCluster) -> None:
    """What docs/install.md tells, in its order."""
    for module in ("controlplane", "workspace"):
        migration = node.start(f"weft-migrate-{module}")
        assert migration.process.wait(100) == 0, migration.words
    begin(node)
    node.start_all("weft-workspace")
    # Inside a cluster the manager finds the API server by what the kubelet mounts.
    kubeconfig = str(cluster.kubeconfig)
    node.start_all("weft-workloads", WEFT_WORKLOADS_KUBERNETES_CONFIG=kubeconfig)
    node.start_all("weft-gateway")
    for name in SERVICES:
        for kind in ("startup", "readiness", "liveness"):
            node.await_probe(f"weft-{name}", kind)


def begin(node: Node) -> Kubectl:
    """Starts the control plane and types what NOTES.txt says; then its link makes `ACCOUNT`."""
    [container] = node.rendering.pods()["weft-controlplane"]["containers"]
    [told] = [it["value"] for it in container["env"] if it["name"] == FOUNDERS]
    here = ",".join(f"{service}=127.0.0.1" for service in ("workspace", "workloads", "gateway"))
    node.start_all("weft-controlplane", **{FOUNDERS: f"{told},{here}"})
    node.await_probe("weft-controlplane", "startup")
    directory = node.directory.parent / f"{node.directory.name}-operator"
    directory.mkdir()
    kubectl = Kubectl(node, directory)
    printed = kubectl.type(commands_of(node.rendering.notes))
    node.secrets |= kubectl.secrets
    link = printed.splitlines()[-1]
    assert link.startswith("https://weft.example.com/setup#token=weft_setup_")
    ca = node.directory / "claims/weft-controlplane/data/credentials/trust.pem"
    kubectl.type(
        f"weft login {node.address(7780)} --ca {ca} --email {ACCOUNT['email']} --setup '{link}' "
        f"<<< '{ACCOUNT['password']}'"
    )
    return kubectl


def commands_of(notes: str) -> str:
    """The lines that are to be typed: those that are indented."""
    return "\n".join(line for line in notes.splitlines() if line.startswith("  "))


def connect(node: Node, *, replica: int = 0) -> Connection:
    """An administrator's connection, through ports that `kubectl port-forward` would open."""
    data = node.directory / "claims/weft-controlplane/data"
    context = Context(
        name="test",
        control_plane=node.address(7780, f"weft-controlplane-{replica}"),
        organization=ORGANIZATION,
        workspace=f"{ORGANIZATION}/workspaces/default",
        workspace_endpoint=node.address(7790, f"weft-workspace-{replica}"),
        project="default",
        ca_pem=(data / "credentials/trust.pem").read_text(),
    )
    endpoint = Endpoint(context.control_plane, ca_pem=context.ca_pem, token=no_token)
    answer = _embedded._sign_in(endpoint, ACCOUNT)
    endpoint.close()
    store = ContextStore(node.directory / "config")
    store.put(context)
    store.sign_in("test", SignIn(refresh_token=answer.refresh_token))
    return Connection(context, store)


def test_every_port_of_a_container_is_served(node: Node, rendering: Rendering) -> None:
    for service in SERVICES:
        [container] = rendering.controller(service)["spec"]["template"]["spec"]["containers"]
        assert {port["name"] for port in container["ports"]} >= {"health", "metrics"}
        for port in container["ports"]:
            with socket.create_connection(("127.0.0.1", node.ports[port["containerPort"]]), 5):
                pass


def test_prometheus_finds_metrics_where_the_monitor_says(node: Node, rendering: Rendering) -> None:
    [monitor] = rendering.of("ServiceMonitor")
    [endpoint] = monitor["spec"]["endpoints"]
    for service in rendering.of("Service"):
        labels = service["metadata"]["labels"].items()
        assert monitor["spec"]["selector"]["matchLabels"].items() <= labels
        [port] = [it["port"] for it in service["spec"]["ports"] if it["name"] == endpoint["port"]]
        url = f"http://{node.address(port)}{endpoint['path']}"
        with urllib.request.urlopen(url, timeout=10) as answer:
            assert b"# TYPE" in answer.read()


def test_the_gateway_reaches_everything_and_shows_its_public_certificate(node: Node) -> None:
    context = ssl.create_default_context(cadata=node.secrets["weft-gateway-edge"]["tls.crt"])
    host, _, port = node.address(8780).rpartition(":")
    with (
        socket.create_connection((host, int(port)), 10) as plain,
        context.wrap_socket(plain, server_hostname="weft.example.com") as sock,
    ):
        sock.sendall(b"GET /readyz HTTP/1.1\r\nHost: weft.example.com\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: sock.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 200 "), answer


def test_the_servers_know_each_other_by_the_names_of_their_services(node: Node) -> None:
    connection = connect(node)
    stub = connection.control_plane.stub(workspaces_pb2_grpc.WorkspaceServiceStub)
    name = f"{ORGANIZATION}/workspaces/default"
    workspace = connection.control_plane.call(
        stub.GetWorkspace, workspaces_pb2.GetWorkspaceRequest(name=name)
    )
    connection.close()
    assert workspace.endpoint == "workspace.weft.example.com:443"


def test_keys_of_secrets_are_those_of_the_secret(node: Node) -> None:
    assert not list(node.directory.glob("claims/weft-workspace/**/secrets.keys"))


def test_an_upgrade_begins_with_a_backup_of_both_databases(node: Node) -> None:
    """Beside the servers that run; each attempt writes a directory of its own."""
    jobs = [("controlplane", 0), ("workspace", 0), ("workspace", 1)]
    for service, replica in jobs:
        job = node.start(f"weft-backup-{service}", replica=replica)
        assert job.process.wait(100) == 0, job.words
    written = sorted((node.directory / "claims/weft-backups").iterdir())
    assert [it.name for it in written] == [f"weft-backup-{of}-{it}" for of, it in jobs]
    for place in written:
        assert {it.name for it in place.iterdir()} == {"files", "manifest.json", "tables"}
    # The one attempt that writes over another fails, and so does the upgrade.
    again = node.start("weft-backup-workspace")
    assert again.process.wait(100) != 0


def test_the_link_works_once(node: Node) -> None:
    """Afterwards there is none, nor are there new tokens for who would join."""
    directory = node.directory.parent / f"{node.directory.name}-operator"
    kubectl = Kubectl(node, directory)
    said = kubectl.type(
        "kubectl -n weft exec weft-controlplane-0 -- weft admin bootstrap-url 2>&1 || echo $?"
    )
    assert said.splitlines() == [
        "error: there is an administrator already: sign in with `weft login`",
        "6",
    ]


def test_nothing_is_written_but_to_volumes(node: Node) -> None:
    known = {"claims", "config", *node.running} | {f"{name}-0" for name in node.rendering.pods()}
    here = {path.name for path in node.directory.iterdir() if path.suffix != ".log"}
    assert here <= known


def test_servers_end_in_time_when_they_are_told_to(node: Node) -> None:
    """The last test of the module: afterwards nothing runs."""
    for name in (f"weft-{service}" for service in reversed(SERVICES)):
        pod = node.rendering.pods()[name]
        pause_s = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
        container = node.running[f"{name}-0"]
        assert container.stop(pod["terminationGracePeriodSeconds"] - pause_s) == 0, container.words
