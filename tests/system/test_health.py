"""What operators look at: health on a plain port of its own, and reflection on the edge."""

import subprocess
import threading
from pathlib import Path
from signal import SIGTERM

import grpc
import pytest
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from tests.system.mesh import Mesh
from tests.system.project import PATIENCE_S, Project
from weftapi.workspace.v1 import events_pb2

SERVED = {
    "controlplane": "weftapi.controlplane.v1.AuthService",
    "workspace": "weftapi.workspace.v1.RunService",
    "workloads": "weftapi.workloads.v1.WorkloadService",
}
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
BUF = Path(__file__).parents[2] / "protos" / "node_modules" / ".bin" / "buf"


@pytest.mark.parametrize("server", sorted(SERVED))
def test_every_server_tells_its_health_without_tls(mesh: Mesh, server: str) -> None:
    with grpc.insecure_channel(mesh.address(f"{server}-health")) as channel:
        stub = health_pb2_grpc.HealthStub(channel)
        for name in ("", SERVED[server]):
            answer = stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
            assert answer.status == SERVING
        with pytest.raises(grpc.RpcError) as unknown:
            stub.Check(health_pb2.HealthCheckRequest(service="no.such.Service"), timeout=10)
        assert unknown.value.code() is grpc.StatusCode.NOT_FOUND


def test_a_draining_server_says_so_before_it_goes(mesh: Mesh, project: Project) -> None:
    statuses: list[int] = []
    has_begun = threading.Event()

    def listen() -> None:
        with grpc.insecure_channel(mesh.address("workspace-health")) as channel:
            stub = health_pb2_grpc.HealthStub(channel)
            try:
                for answer in stub.Watch(health_pb2.HealthCheckRequest()):
                    statuses.append(answer.status)
                    has_begun.set()
            except grpc.RpcError:
                return

    listener = threading.Thread(target=listen)
    listener.start()
    assert has_begun.wait(PATIENCE_S)
    # A stream that is open when the server is told to stop.
    watch = project.events.WatchEvents(
        events_pb2.WatchEventsRequest(parent=project.name),
        metadata=project.endpoint._metadata(is_fresh=False),
    )
    assert next(watch).HasField("bookmark")
    mesh.signal_only("workspace", SIGTERM)
    # It is asked to come back, in an orderly end: not cut.
    said = list(watch)
    assert said[-1].notice.reconnect
    assert said[-1].notice.reason == "draining"
    mesh.wait_restarted("workspace")
    listener.join(PATIENCE_S)
    assert statuses == [SERVING, NOT_SERVING]
    project.until_connected()


@pytest.mark.parametrize("server", ["controlplane", "workspace"])
def test_reflection_shows_every_service_on_the_edge(mesh: Mesh, server: str) -> None:
    roots = grpc.ssl_channel_credentials(mesh.ca_file.read_bytes())
    with grpc.secure_channel(mesh.address(f"{server}-edge"), roots) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        services = set(database.get_services())
        assert SERVED[server] in services
        pool = descriptor_pool.DescriptorPool(database)
        for name in services - {"grpc.reflection.v1.ServerReflection"}:
            assert pool.FindServiceByName(name).methods


@pytest.mark.skipif(not BUF.exists(), reason="buf comes with `make lint-protos`")
def test_buf_curl_lists_what_the_workspace_serves(mesh: Mesh) -> None:
    done = subprocess.run(
        [
            *(
                str(BUF),
                "curl",
                "--protocol",
                "grpc",
                "--cacert",
                str(mesh.ca_file),
                "--list-services",
            ),
            f"https://{mesh.address('workspace-edge')}",
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert SERVED["workspace"] in done.stdout.splitlines()
