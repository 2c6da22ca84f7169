"""The image: the whole mesh in containers, as the manifests have it; `make test-image`."""

import json
import os
import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deploy.node import Container, Node
from tests.deploy.rendered import SERVICES, Document, Helm
from tests.deploy.test_manifests_serve import begin, cluster  # noqa: F401 - a fixture
from tests.system.faulty_cluster import FaultyCluster

IMAGE = os.environ.get("WEFT_TEST_IMAGE", "")
USER = 10001
# Where the tests themselves run in a sandbox, podman's own limits are beyond what it may set.
LIMITS = ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096")
PODMAN = ("podman", "--runtime", "runc")
pytestmark = [
    pytest.mark.image,
    pytest.mark.skipif(not IMAGE, reason="WEFT_TEST_IMAGE names no image"),
    pytest.mark.timeout(300),
]


class ContainerNode(Node):
    """Runs containers of the image, with what the manifests allow them and no more."""

    def start(self, name: str, *, replica: int = 0, **more: str) -> Container:
        self._names = [*getattr(self, "_names", []), f"{name}-{uuid.uuid4().hex}"]
        return super().start(name, replica=replica, **more)

    def command(
        self, container: Document, places: dict[str, str], environment: dict[str, str]
    ) -> list[str]:
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"]
        mounts = {place: place for path, place in places.items() if path != "/tmp"}
        for place in mounts:
            _give_to_user(Path(place))
        return [
            *PODMAN, "run", "--rm", "--name", self._names[-1], "--network", "host", "--read-only",
            "--read-only-tmpfs=false", "--tmpfs", "/tmp:mode=1777", "--user", f"{USER}:{USER}",
            "--cap-drop", "all", "--security-opt", "no-new-privileges", *LIMITS,
            *(f"--volume={place}:{place}" for place in mounts),
            *(f"--env={name}={value}" for name, value in environment.items()),
            IMAGE, *container["command"],
        ]  # fmt: skip

    def stop(self) -> None:
        subprocess.run(
            [*PODMAN, "rm", "--force", "--ignore", "--time", "0", *self._names], check=False
        )
        super().stop()


def _give_to_user(place: Path) -> None:
    """What fsGroup does."""
    for path in (place, *place.rglob("*")):
        os.chown(path, -1, USER)
    place.chmod(0o770)


@pytest.fixture(scope="module")
def node(
    helm: Helm,
    cluster: FaultyCluster,  # noqa: F811 - the fixture
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[ContainerNode]:
    node = ContainerNode(helm.renderings["nothing said"], tmp_path_factory.mktemp("node"), {})
    for path in (node.directory, *node.directory.parents[:-2]):
        path.chmod(0o755)
    try:
        _install(node, cluster)
        yield node
    finally:
        node.stop()


def _install(node: ContainerNode, cluster: FaultyCluster) -> None:  # noqa: F811
    begin(node)
    node.start("weft-workspace")
    kubeconfig = node.directory / "claims/weft-workloads/kubeconfig"
    kubeconfig.parent.mkdir(parents=True)
    kubeconfig.write_text(cluster.kubeconfig.read_text())
    node.start("weft-workloads", WEFT_WORKLOADS_KUBERNETES_CONFIG=str(kubeconfig))
    node.start("weft-gateway")


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_healthy_in_its_container(node: ContainerNode, service: str) -> None:
    for kind in ("startup", "readiness", "liveness"):
        node.await_probe(f"weft-{service}", kind)


def test_the_image_is_of_no_root_and_says_what_is_in_it() -> None:
    [told] = json.loads(_podman("image", "inspect", IMAGE))
    assert told["User"] == f"{USER}:{USER}"
    assert {f"org.opencontainers.image.{it}" for it in ("version", "revision", "licenses")} <= set(
        told["Labels"]
    )
    assert told["Size"] < 600 << 20
    bill = json.loads(_run("cat", "/usr/share/weft/sbom.cdx.json"))
    assert bill["bomFormat"] == "CycloneDX"
    found = {component["purl"].split("@")[0] for component in bill["components"]}
    assert {"pkg:pypi/grpcio", "pkg:pypi/weft-server", "pkg:deb/debian/libssl3"} <= found
    names = "import importlib.metadata as m; print(*(d.name.lower() for d in m.distributions()))"
    listed = _run("python", "-c", names).split()
    assert {f"pkg:pypi/{re.sub('[-_.]+', '-', name)}" for name in listed} <= found


def _run(*command: str) -> str:
    return _podman("run", "--rm", "--read-only", "--network", "none", *LIMITS, IMAGE, *command)


def _podman(*arguments: str) -> str:
    done = subprocess.run(
        [*PODMAN, *arguments], capture_output=True, text=True, check=True, timeout=100
    )
    return done.stdout
