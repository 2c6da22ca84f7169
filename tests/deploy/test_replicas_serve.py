"""Several replicas of every server as their manifests have them: on one volume, one identity."""

from collections.abc import Iterator

import pytest

from meshkit.credentials import Credentials
from tests.deploy.node import Node
from tests.deploy.rendered import SERVICES, Helm
from tests.deploy.test_manifests_serve import ORGANIZATION, connect, install, made_before
from tests.postgres import Server
from tests.system.faulty_cluster import FaultyCluster
from weftapi.controlplane.v1 import workspaces_pb2, workspaces_pb2_grpc
from weftapi.workspace.v1 import projects_pb2, projects_pb2_grpc

# The first start of eight servers on a machine that does other things too.
pytestmark = pytest.mark.timeout(400)

REPLICAS = range(2)
WORKSPACE = f"{ORGANIZATION}/workspaces/default"


@pytest.fixture(scope="module")
def node(
    helm: Helm, postgres_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Node]:
    cluster = FaultyCluster(tmp_path_factory.mktemp("cluster"))
    cluster.start()
    rendering = helm.renderings["replicas of all"]
    node = Node(rendering, tmp_path_factory.mktemp("node"), made_before(postgres_server))
    try:
        install(node, cluster)
        yield node
    finally:
        node.stop()
        cluster.stop()


@pytest.mark.parametrize("service", SERVICES)
def test_replicas_start_at_once_on_an_empty_volume_and_are_ready(node: Node, service: str) -> None:
    pods = node.replicas(f"weft-{service}")
    assert pods == [f"weft-{service}-{replica}" for replica in REPLICAS]
    assert all(node.running[pod].process.poll() is None for pod in pods)


@pytest.mark.parametrize("service", SERVICES)
def test_they_have_one_identity(node: Node, service: str) -> None:
    """Whoever joins first does so for all: the token works once."""
    [directory] = node.directory.glob(f"claims/weft-{service}/**/credentials")
    assert Credentials(directory).identity.uid
    assert not list(directory.glob("*pending*"))


def test_each_answers_for_the_others(node: Node) -> None:
    """People's tokens, and what one has written, hold at all of them."""
    for replica in REPLICAS:
        connection = connect(node, replica=replica)
        workspaces = connection.control_plane.stub(workspaces_pb2_grpc.WorkspaceServiceStub)
        found = connection.control_plane.call(
            workspaces.GetWorkspace, workspaces_pb2.GetWorkspaceRequest(name=WORKSPACE)
        )
        assert found.name == WORKSPACE
        projects = connection.workspace.stub(projects_pb2_grpc.ProjectServiceStub)
        made = projects_pb2.CreateProjectRequest(project_id=f"by-{replica}")
        connection.workspace.call(projects.CreateProject, made)
        listed = connection.workspace.call(
            projects.ListProjects, projects_pb2.ListProjectsRequest()
        )
        assert {f"projects/by-{each}" for each in range(replica + 1)} <= {
            each.name for each in listed.projects
        }
        connection.close()


def test_one_that_is_told_to_go_leaves_the_other_ready(node: Node) -> None:
    """The last test of the module: afterwards half of it runs."""
    for service in SERVICES:
        name = f"weft-{service}"
        last = node.running[f"{name}-1"]
        assert last.stop(60) == 0, last.words
        [container] = node.rendering.pods()[name]["containers"]
        assert node.probe(f"{name}-0", container, "readiness")
