"""Workspaces that the control plane provisions: the chart's objects, and the rights it needs."""

import copy
from pathlib import Path
from uuid import UUID

import pytest

from controlplane.provisioners import Placement, Presence
from controlplane.provisioners.kubernetes import KubernetesProvisioner, KubernetesSettings
from controlplane.provisioners.manifests import CONTROL_PLANE, Cluster, WorkspaceObjects, name_of
from deploy.render import WORKSPACE, workspace_objects
from tests.controlplane.fake_kubernetes import fake_cluster
from tests.deploy.rendered import Document, Helm
from tests.deploy.test_chart import KUBERNETES
from tests.deploy.validity import validate

UID = UUID(int=7)
NAME = name_of(UID)
HOST = f"{NAME}.weft-workspaces.svc"
CLUSTER = Cluster(
    namespace="weft-workspaces",
    control_plane=UUID(int=1),
    images={"0.1.0": "registry.example.com/weft:0.1.0"},
    storage="20Gi",
    storage_class="fast",
    public_url="https://people.example.com",
)
PLACEMENT = Placement(UID, "research", "0.1.0", token="weft_enroll_x")
ENDPOINTS = ("weft-controlplane.weft.svc:7780", "weft-controlplane.weft.svc:7781")
OBJECTS = WorkspaceObjects(CLUSTER, PLACEMENT, endpoints=ENDPOINTS, token_digest="d1")
APPLIED = (
    OBJECTS.service_account(),
    OBJECTS.claim(),
    OBJECTS.secret(),
    OBJECTS.service(),
    OBJECTS.disruption_budget(),
    OBJECTS.stateful_set(),
)


def test_it_makes_what_the_chart_renders(helm: Helm) -> None:
    rendered = workspace_objects(helm.renderings["nothing said"].text)
    assert WORKSPACE.read_text() == rendered, "run `make manifests`"


@pytest.mark.parametrize("version", KUBERNETES)
@pytest.mark.parametrize("document", APPLIED, ids=lambda it: it["kind"])
def test_every_object_is_valid(document: Document, version: str) -> None:
    validate(document, version)
    assert document["metadata"]["name"] == NAME
    assert document["metadata"]["namespace"] == CLUSTER.namespace
    assert document["metadata"]["labels"][CONTROL_PLANE] == str(CLUSTER.control_plane)


def test_the_pod_differs_from_the_charts_in_its_names_alone(helm: Helm) -> None:
    chart = helm.renderings["nothing said"]
    [theirs] = copy.deepcopy(chart.pods()["weft-workspace"]["containers"])
    pod = OBJECTS.stateful_set()["spec"]["template"]["spec"]
    [ours] = pod["containers"]
    assert ours.pop("image") == CLUSTER.images["0.1.0"]
    theirs.pop("image")
    told, known = (
        {it["name"].removeprefix("WEFT_WORKSPACE_"): it["value"] for it in each.pop("env")}
        for each in (ours, theirs)
    )
    assert ours == theirs
    assert {name: told[name] for name in told if told[name] != known[name]} == {
        "EDGE_ENDPOINT": f"{HOST}:7790",
        "RUNNER_ENDPOINT": f"{HOST}:7790",
        "MESH_ENDPOINT": f"{HOST}:7791",
        "BROWSER_URL": CLUSTER.public_url,
    }
    assert told.keys() == known.keys()
    data, _, enrollment = pod["volumes"]
    assert data["persistentVolumeClaim"]["claimName"] == NAME
    assert enrollment["secret"]["secretName"] == NAME
    assert enrollment["secret"]["optional"] is True


def test_nothing_of_the_charts_own_workspace_is_touched() -> None:
    """Neither are its pods selected, nor is any of its names used."""
    selector = {"weft.dev/workspace": str(UID)}
    assert OBJECTS.service()["spec"]["selector"] == selector
    assert OBJECTS.disruption_budget()["spec"]["selector"]["matchLabels"] == selector
    spec = OBJECTS.stateful_set()["spec"]
    assert spec["selector"]["matchLabels"] == selector
    assert selector.items() <= spec["template"]["metadata"]["labels"].items()
    assert all(
        it["labelSelector"]["matchLabels"] == selector
        for it in spec["template"]["spec"]["topologySpreadConstraints"]
    )
    assert OBJECTS.claim()["spec"]["storageClassName"] == CLUSTER.storage_class
    assert OBJECTS.claim()["spec"]["resources"]["requests"]["storage"] == CLUSTER.storage
    # The rendering is shared by all workspaces: who changes an object changes a copy.
    assert OBJECTS.stateful_set() == OBJECTS.stateful_set()


async def test_the_control_plane_has_the_rights_that_it_uses(helm: Helm, tmp_path: Path) -> None:
    used = await _used_rights(tmp_path)
    role = helm.renderings["everything"].one("Role", "weft-controlplane")
    assert role["metadata"]["namespace"] == CLUSTER.namespace
    granted = {
        (resource, verb)
        for rule in role["rules"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    assert used == granted


async def _used_rights(directory: Path) -> set[tuple[str, str]]:
    """What a workspace's life takes; an apply creates, too, what is not there."""
    async with fake_cluster(directory / "cluster") as cluster:
        # No server has to run for it.
        cluster.broken_images.add(CLUSTER.images["0.1.0"])
        provisioner = KubernetesProvisioner(
            KubernetesSettings(
                CLUSTER, lambda: ENDPOINTS, kubeconfig=str(cluster.kubeconfig()), poll_s=0.01
            )
        )
        # Every step twice: whatever was killed in between is done again.
        for _ in range(2):
            await provisioner.place(PLACEMENT)
        for document in APPLIED:
            kind = f"{document['kind'].lower()}s"
            assert cluster.names(kind) == [NAME]
        assert (await provisioner.observe(UID)).trouble == "ImagePullBackOff: no such image"
        assert await provisioner.placed() == {UID}
        for _ in range(2):
            await provisioner.forget_token(UID)
            await provisioner.stop(UID)
        assert (await provisioner.observe(UID)).presence is Presence.STOPPED
        for _ in range(2):
            await provisioner.remove(UID, remove_data=True)
        assert not cluster.objects
        await provisioner.close()
        return {right for request in cluster.requests for right in _rights(request)}


def _rights(request: str) -> set[tuple[str, str]]:
    method, resource, name = request.split(" ")
    verbs = {
        "GET": {"get" if name else "list"},
        "POST": {"create"},
        "PATCH": {"patch", "create"},
        "DELETE": {"delete"},
    }[method]
    return {(resource, verb) for verb in verbs}
