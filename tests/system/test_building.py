"""Images built by pods: a run waits for its own, over a fake cluster and a real registry."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from meshtest.kubernetes.cluster import FakeCluster
from tests.image_building import blob, files_of, image, push_base, wheel
from tests.registry import registry
from tests.system.conftest import SETTINGS
from tests.system.faulty_cluster import FaultyCluster
from tests.system.mesh import Mesh
from tests.system.project import PATIENCE_S, Project
from weftapi.workspace.v1 import run_types_pb2
from workspace.building.registry import Repository

STATE = run_types_pb2.RunState
PIPELINE = """\
from weft import Image, pipeline, step


@step
def one() -> int:
    return 1


@pipeline(image=Image(requirements={requirements!r}))
def boxed() -> int:
    return one()
"""


class Pulled:
    """The images that a node can have: those that are in the registry when it pulls them."""

    def __init__(self, host: str) -> None:
        self._host = host

    def __contains__(self, image: str) -> bool:
        host, _, rest = image.partition("/")
        path, _, digest = rest.partition("@")
        if host != self._host:
            return image == "weft"
        return Repository(host, path.partition(":")[0], {}).digest(digest) == digest


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with registry(tmp_path_factory.mktemp("registry")) as place:
        push_base(place)
        yield place


@pytest.fixture(scope="module")
def cluster(host: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultyCluster]:
    cluster = FaultyCluster(tmp_path_factory.mktemp("cluster"))
    cluster.start()
    cluster.ask(lambda fake: setattr(fake.kubelet, "images", Pulled(host)))
    yield cluster
    cluster.stop()


@pytest.fixture(scope="module")
def mesh(
    host: str, cluster: FaultyCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mesh]:
    engine = {
        "ENGINE": "kubernetes",
        "KUBERNETES_CONFIG": str(cluster.kubeconfig),
        "KUBERNETES_IMAGE": "weft",
        "KUBERNETES_IMAGE_REGISTRIES": json.dumps([host]),
        "KUBERNETES_IMAGE_DIGESTS": "true",
    }
    mesh = Mesh(tmp_path_factory.mktemp("mesh"), {**SETTINGS, "workloads": engine})
    try:
        mesh.start()
        _set_up(mesh, host)
        yield mesh
    finally:
        mesh.stop()


def _set_up(mesh: Mesh, host: str) -> None:
    """A stack whose images pods build."""
    components = {
        "registry": ("generic-container-registry", f"registry={host}", "repository=team/weft"),
        "builder": ("in-cluster-image-builder", f"base_image={host}/base/python:1"),
        "pods": ("kubernetes-orchestrator",),
    }
    for id_, (flavor, *settings) in components.items():
        said = [word for setting in settings for word in ("--set", setting)]
        mesh.cli("components", "create", id_, "--flavor", flavor, *said)
    mesh.cli("stacks", "create", "boxed", *[w for id_ in components for w in ("-c", id_)])


class Index:
    """A package index of one wheel that answers nobody until it is opened."""

    def __init__(self, folder: Path) -> None:
        self.asked, self.is_open = threading.Event(), threading.Event()
        self.folder = folder
        self.url = ""

    def answer(self, path: str) -> bytes:
        self.asked.set()
        self.is_open.wait(PATIENCE_S)
        if path.endswith(".whl"):
            return (self.folder / path.rpartition("/")[2]).read_bytes()
        return "".join(
            f"<a href='/{each.name}'>{each.name}</a>" for each in self.folder.glob("*.whl")
        ).encode()


@contextmanager
def index(folder: Path) -> Iterator[Index]:
    made = Index(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = made.answer(self.path)
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        made.url = f"http://127.0.0.1:{server.server_address[1]}/simple"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield made
        finally:
            made.is_open.set()
            server.shutdown()
            thread.join()


class Shop:
    """A folder with a pipeline, and packages that its image holds."""

    def __init__(self, project: Project, folder: Path) -> None:
        self.project = project
        self.folder = folder
        self.shelf = folder / "shelf"
        self.shelf.mkdir()
        self.file = folder / "code/boxed.py"
        self.file.parent.mkdir()

    def ask_for(self, *requirements: str) -> None:
        self.file.write_text(PIPELINE.format(requirements=list(requirements)))

    def submit(self) -> str:
        out = self.project.cli("run", str(self.file), "--stack", "boxed", "--detach", "-o", "json")
        name: str = json.loads(out)["name"]
        return name

    def ended(self, run: str) -> run_types_pb2.Run:
        return self.project.watch_to_end(run)

    def build_of(self, run: str) -> dict[str, Any]:
        snapshot = json.loads(
            self.project.cli("snapshots", "show", self.project.run(run).snapshot, "-o", "json")
        )
        return dict(json.loads(self.project.cli("builds", "show", snapshot["build"], "-o", "json")))


@pytest.fixture
def shop(project: Project, tmp_path: Path) -> Shop:
    return Shop(project, tmp_path)


def pods_that_built(cluster: FaultyCluster, build: dict[str, Any]) -> list[str]:
    """The pods whose workload is for this build."""

    def find(fake: FakeCluster) -> list[str]:
        id_ = build["name"].rpartition("/")[2]
        return [
            pod["metadata"]["name"]
            for pod in fake.pods()
            if pod["metadata"]["labels"].get("weft.dev/build") == id_
        ]

    return cluster.ask(find)


def test_a_run_waits_for_its_image_which_a_pod_builds_once(
    cluster: FaultyCluster, shop: Shop, host: str
) -> None:
    sha256 = wheel(shop.shelf, "sums", "1.0", "def add(a, b):\n    return a + b\n")
    shop.ask_for("--no-index", f"--find-links {shop.shelf}", f"sums==1.0 --hash=sha256:{sha256}")
    run = shop.submit()
    assert shop.ended(run).state == STATE.RUN_STATE_SUCCEEDED
    build = shop.build_of(run)
    assert build["state"] == "BUILD_STATE_SUCCEEDED"
    digest = build["image"]["digest"]
    layers = image(host, "team/weft", digest)["layers"]
    files = files_of(blob(host, "team/weft", layers[-1]["digest"]))
    assert any(name.endswith("/sums.py") for name in files)
    [pod] = pods_that_built(cluster, build)
    [made] = cluster.ask(lambda fake: [p for p in fake.pods() if p["metadata"]["name"] == pod])
    container = made["spec"]["containers"][0]
    assert container["image"].startswith(f"{host}/base/python:1@sha256:")
    assert container["securityContext"]["readOnlyRootFilesystem"]
    assert made["spec"]["securityContext"]["runAsNonRoot"]
    assert "sums" not in json.dumps(made["spec"])
    logged = shop.project.cli("builds", "logs", build["name"])
    assert "Successfully installed sums-1.0" in logged
    assert logged.splitlines()[-1] == f"weft-image {digest}"
    runner = cluster.ask(
        lambda fake: [
            p["spec"]["containers"][0]["image"]
            for p in fake.pods()
            if p["metadata"]["labels"].get("weft.dev/run") == run.rpartition("/")[2]
        ]
    )
    assert runner == [f"{build['image']['uri']}@{digest}"]
    # Other code, the same image.
    shop.file.write_text(shop.file.read_text().replace("return 1", "return 2"))
    again = shop.submit()
    assert shop.ended(again).state == STATE.RUN_STATE_SUCCEEDED
    assert shop.build_of(again)["name"] == build["name"]


def test_a_run_whose_image_cannot_be_built_fails_in_the_builders_words(shop: Shop) -> None:
    shop.ask_for("--no-index", "impossible==1")
    run = shop.submit()
    ended = shop.ended(run)
    assert (ended.state, ended.failure.code) == (STATE.RUN_STATE_FAILED, "BUILD_FAILED")
    assert "No matching distribution found for impossible==1" in ended.failure.message
    assert "failed" in shop.project.cli("builds", "list")


@pytest.mark.fault
def test_a_build_goes_on_though_its_servers_are_killed(
    mesh: Mesh, cluster: FaultyCluster, shop: Shop
) -> None:
    wheel(shop.shelf, "held", "1.0", "")
    with index(shop.shelf) as packages:
        shop.ask_for(f"--index-url {packages.url}", "held==1.0")
        first, second = shop.submit(), shop.submit()
        assert packages.asked.wait(PATIENCE_S)
        mesh.kill("workspace")
        mesh.kill("workloads")
        packages.is_open.set()
        for run in (first, second):
            assert shop.ended(run).state == STATE.RUN_STATE_SUCCEEDED
    build = shop.build_of(first)
    assert build["name"] == shop.build_of(second)["name"]
    assert len(pods_that_built(cluster, build)) == 1


def test_a_build_that_is_cancelled_ends_its_pod_and_its_runs(
    cluster: FaultyCluster, shop: Shop
) -> None:
    with index(shop.shelf) as packages:
        shop.ask_for(f"--index-url {packages.url}", "never==1.0")
        run = shop.submit()
        assert packages.asked.wait(PATIENCE_S)
        build = shop.build_of(run)
        assert "building image" in shop.project.run(run).state_reason
        [pod] = pods_that_built(cluster, build)
        assert "cancelled" in shop.project.cli("builds", "cancel", build["name"])
        ended = shop.ended(run)
        assert ended.failure.code == "BUILD_FAILED"
        assert "cancelled" in ended.failure.message
        # Its log has an end once its pod has one.
        shop.project.cli("builds", "logs", build["name"])
        assert pod not in cluster.ask(lambda fake: list(fake.kubelet._processes))


@pytest.mark.parametrize(
    ("setting", "code", "says"),
    [
        ("apt=['git']", 1, "apt of the image of the pipeline installs Debian packages"),
        (f"base='registry.invalid/python:1@sha256:{'0' * 64}'", 6, "no registry that is allowed"),
    ],
)
def test_what_pods_cannot_build_is_refused_before_there_is_a_run(
    shop: Shop, setting: str, code: int, says: str
) -> None:
    shop.file.write_text(PIPELINE.replace("requirements={requirements!r}", setting))
    assert says in shop.project.cli("run", str(shop.file), "--stack", "boxed", code=code)
    assert json.loads(shop.project.cli("runs", "list", "-o", "json")) == []
