"""The chart: what Helm makes of it is valid, safe, whole, and what is committed."""

import copy
import importlib
import json
import pkgutil
from typing import Any

import kubernetes_validate
import pytest
import yaml

from controlplane.config import Settings
from deploy.render import manifests
from gateway.config import GatewaySettings
from meshtest.kubernetes.cluster import documented, documented_rules
from tests.deploy.conftest import BAD, GOOD
from tests.deploy.rendered import CHART, ROOT, SERVICES, Document, Helm, Rendering, read_values
from tests.deploy.validity import validate
from workloads.config import WorkloadsSettings
from workspace.config import WorkspaceSettings

PROTOCOL = "nginx.ingress.kubernetes.io/backend-protocol"
# Their schemas are not Kubernetes' own.
FOREIGN = {"ServiceMonitor", "HTTPRoute", "GRPCRoute", "BackendTLSPolicy"}
KUBERNETES = ("1.30", "1.36")
SETTINGS = {
    "controlplane": Settings,
    "workspace": WorkspaceSettings,
    "workloads": WorkloadsSettings,
    "gateway": GatewaySettings,
}
# By component, the gRPC services that routes tell it by where it shares its host.
SERVED = read_values(CHART / "services.yaml")
VALUES_OF = {service: service for service in SERVICES} | {"controlplane": "controlPlane"}


@pytest.fixture(params=sorted(GOOD))
def rendering(request: pytest.FixtureRequest, helm: Helm) -> Rendering:
    assert request.param in helm.renderings, helm.problems.get(request.param)
    return helm.renderings[request.param]


@pytest.mark.parametrize("version", KUBERNETES)
def test_everything_rendered_is_valid(rendering: Rendering, version: str) -> None:
    checked = 0
    for document in rendering.documents:
        if document["kind"] not in FOREIGN:
            validate(document, version)
            checked += 1
    assert checked > 20


def test_what_kubernetes_does_not_know_is_found(helm: Helm) -> None:
    pod = copy.deepcopy(helm.renderings["committed"].controller("workspace"))
    pod["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        validate(pod, KUBERNETES[0])


def test_no_two_documents_have_one_name(rendering: Rendering) -> None:
    names = [
        (it["kind"], it["metadata"].get("namespace"), it["metadata"]["name"])
        for it in rendering.documents
    ]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", sorted(BAD))
def test_helm_refuses(name: str, helm: Helm) -> None:
    assert BAD[name][1] in helm.problems[name]


def test_the_committed_manifests_are_what_helm_renders(helm: Helm) -> None:
    rendered = manifests(helm.renderings["committed"].text)
    ours = {"values.yaml", "namespace.yaml", "kustomization.yaml"}
    committed = {
        path.name: path.read_text()
        for path in (ROOT / "deploy/kubernetes").glob("*.yaml")
        if path.name not in ours
    }
    assert committed == rendered, "run `make manifests`"
    kustomization = yaml.safe_load((ROOT / "deploy/kubernetes/kustomization.yaml").read_text())
    assert set(kustomization["resources"]) == {"namespace.yaml", *rendered}


def test_the_values_take_what_the_chart_does_not_say_itself(helm: Helm) -> None:
    """`make docs` reads that off the templates; this is what comes out of them."""
    schema = json.loads((CHART / "values.schema.json").read_text())
    for service in SERVICES:
        named = set(schema["$defs"][f"{service}Settings"]["propertyNames"]["enum"])
        known = {field.upper() for field in SETTINGS[service].model_fields}
        [container] = helm.renderings["everything"].pods()[f"weft-{service}"]["containers"]
        prefix = f"WEFT_{service.upper()}_"
        said = {variable["name"].removeprefix(prefix) for variable in container["env"]}
        said -= set(GOOD["everything"][VALUES_OF[service]].get("settings", {}))
        assert named & said == set()
        # A listener that a server does not have is left out all the same.
        assert known - said - named <= {"EDGE_ADDRESS", "MESH_ADDRESS"}


def test_servers_know_every_variable(rendering: Rendering) -> None:
    for service in SERVICES:
        [container] = rendering.controller(service)["spec"]["template"]["spec"]["containers"]
        names = [variable["name"] for variable in container["env"]]
        known = {f"WEFT_{service}_{field}".upper() for field in SETTINGS[service].model_fields}
        assert set(names) <= known
        assert len(names) == len(set(names))


def test_pods_meet_the_restricted_standard(rendering: Rendering) -> None:
    for pod in rendering.pods().values():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert all(
            set(volume) - {"name"} <= {"persistentVolumeClaim", "emptyDir", "secret"}
            for volume in pod["volumes"]
        )
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert "limits" in container["resources"]


def test_only_who_talks_to_the_cluster_has_a_token(helm: Helm) -> None:
    def holders(name: str) -> set[str]:
        pods = helm.renderings[name].pods()
        return {it for it, pod in pods.items() if pod["automountServiceAccountToken"]}

    assert holders("committed") == {"weft-workloads"}
    assert holders("everything") == {"weft-workloads", "weft-controlplane"}


def test_the_manager_has_the_documented_rights_and_no_other(rendering: Rendering) -> None:
    role = rendering.one("Role", "weft-workloads")
    assert role["rules"] == documented_rules()
    assert role["metadata"]["namespace"] == "weft-runs"


def test_of_the_cluster_it_sees_what_is_documented_and_the_pods_only_if_asked(helm: Helm) -> None:
    nodes, pods = documented("ClusterRole")

    def rights(name: str) -> list[Any]:
        rendering = helm.renderings[name]
        bound = {it["roleRef"]["name"]: it for it in rendering.of("ClusterRoleBinding")}
        roles = rendering.of("ClusterRole")
        for role in roles:
            [subject] = bound.pop(role["metadata"]["name"])["subjects"]
            assert (subject["name"], subject["namespace"]) == ("weft-workloads", "weft")
        assert not bound
        return [role["rules"] for role in roles]

    assert rights("committed") == [nodes["rules"]]
    assert rights("everything") == [nodes["rules"], pods["rules"]]


def test_what_has_no_namespace_is_named_after_that_of_the_release(rendering: Rendering) -> None:
    """Releases of one name in two namespaces would share it else, and the later take it over."""
    found = rendering.of("ClusterRole", "ClusterRoleBinding")
    assert found
    assert all(it["metadata"]["name"].startswith("weft:weft-workloads") for it in found)


def test_secrets_are_named_and_never_made(rendering: Rendering) -> None:
    assert not rendering.of("Secret")
    [cordons] = rendering.of("ConfigMap")
    assert (cordons["metadata"]["name"], "data" in cordons) == ("weft-pools", False)


def test_what_refers_to_something_finds_it(rendering: Rendering) -> None:
    claims = {it["metadata"]["name"] for it in rendering.of("PersistentVolumeClaim")}
    claims |= {"mine", "weft-backups"}
    accounts = {it["metadata"]["name"] for it in rendering.of("ServiceAccount")}
    for name, pod in rendering.pods().items():
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        mounts = {mount["name"] for mount in pod["containers"][0]["volumeMounts"]}
        assert mounts == set(volumes)
        used = [
            it["persistentVolumeClaim"]["claimName"]
            for it in volumes.values()
            if len(it) > 1 and "persistentVolumeClaim" in it
        ]
        assert set(used) <= claims
        assert "migrate" in name or pod["serviceAccountName"] in accounts


def test_services_autoscalers_and_routes_lead_somewhere(rendering: Rendering) -> None:
    for service in rendering.of("Service"):
        controller = rendering.controller(service["metadata"]["name"].removeprefix("weft-"))
        template = controller["spec"]["template"]
        assert service["spec"]["selector"] == template["metadata"]["labels"]
        [container] = template["spec"]["containers"]
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        for port in service["spec"]["ports"]:
            assert ports[port["targetPort"]] == port["port"]
    for scaler in rendering.of("HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]
        assert "replicas" not in rendering.one(target["kind"], target["name"])["spec"]
    for ingress in rendering.of("Ingress"):
        [rule] = ingress["spec"]["rules"]
        for path in rule["http"]["paths"]:
            assert _port_of(rendering, path["backend"]["service"]["name"], "edge")
    for route in rendering.of("HTTPRoute", "GRPCRoute"):
        for rule in route["spec"]["rules"]:
            [backend] = rule["backendRefs"]
            assert backend["port"] == _port_of(rendering, backend["name"], "edge")


def test_routes_know_every_service_of_the_contract() -> None:
    for component, names in SERVED.items():
        package = importlib.import_module(f"weftapi.{component}.v1")
        files = [
            importlib.import_module(f"{package.__name__}.{module.name}").DESCRIPTOR
            for module in pkgutil.iter_modules(package.__path__)
            if module.name.endswith("_pb2")
        ]
        services = [it.full_name for file in files for it in file.services_by_name.values()]
        assert names == sorted(services), "run `make manifests`"


def test_on_one_host_services_go_where_they_are_served_and_the_rest_to_the_gateway(
    helm: Helm,
) -> None:
    rendering = helm.renderings["one host"]
    # Of an HTTPRoute and a GRPCRoute for one name a Gateway takes one alone.
    assert not rendering.of("GRPCRoute")
    for component, names in SERVED.items():
        ingress = rendering.one("Ingress", f"weft-{component}")
        assert ingress["metadata"]["annotations"][PROTOCOL] == "GRPCS"
        paths = ingress["spec"]["rules"][0]["http"]["paths"]
        assert [it["path"] for it in paths] == [f"/{name}" for name in names]
        # By whole elements: a service is not taken for another that begins like it.
        assert {it["pathType"] for it in paths} == {"Prefix"}
        rules = rendering.one("HTTPRoute", f"weft-{component}")["spec"]["rules"]
        assert max(len(rule["matches"]) for rule in rules) <= 8
        matches = [match["path"] for rule in rules for match in rule["matches"]]
        assert matches == [{"type": "PathPrefix", "value": f"/{name}"} for name in names]
    rest = rendering.one("Ingress", "weft-gateway")
    assert rest["metadata"]["annotations"][PROTOCOL] == "HTTPS"
    assert [it["path"] for it in rest["spec"]["rules"][0]["http"]["paths"]] == ["/"]
    [rule] = rendering.one("HTTPRoute", "weft-gateway")["spec"]["rules"]
    assert "matches" not in rule


def test_two_servers_on_a_host_without_the_gateway_keep_routes_of_grpc(helm: Helm) -> None:
    rendering = helm.renderings["one host for gRPC"]
    for component, names in SERVED.items():
        rules = rendering.one("GRPCRoute", f"weft-{component}")["spec"]["rules"]
        matches = [match["method"] for rule in rules for match in rule["matches"]]
        assert matches == [{"service": name} for name in names]


def test_a_server_with_a_host_of_its_own_gets_all_that_comes_there(helm: Helm) -> None:
    rendering = helm.renderings["everything"]
    for component in SERVED:
        ingress = rendering.one("Ingress", f"weft-{component}")
        assert [it["path"] for it in ingress["spec"]["rules"][0]["http"]["paths"]] == ["/"]
        [rule] = rendering.one("GRPCRoute", f"weft-{component}")["spec"]["rules"]
        assert "matches" not in rule


def test_an_upgrade_backs_up_before_it_migrates(helm: Helm) -> None:
    rendering = helm.renderings["everything"]

    def hook(job: str) -> tuple[list[str], int]:
        annotations = rendering.one("Job", f"weft-{job}")["metadata"]["annotations"]
        weight = int(annotations.get("helm.sh/hook-weight", "0"))
        return annotations["helm.sh/hook"].split(","), weight

    def reached(job: str) -> tuple[list[str], int]:
        annotations = rendering.one("NetworkPolicy", f"weft-{job}")["metadata"]["annotations"]
        return annotations["helm.sh/hook"].split(","), int(annotations["helm.sh/hook-weight"])

    for service in ("controlplane", "workspace"):
        for job in (f"backup-{service}", f"migrate-{service}"):
            # A policy that came with the release's other objects would come too late.
            assert set(reached(job)[0]) >= set(hook(job)[0])
            assert reached(job)[1] < hook(job)[1]
        before, first = hook(f"backup-{service}")
        assert before == ["pre-upgrade"]
        for migrated in ("controlplane", "workspace"):
            moments, later = hook(f"migrate-{migrated}")
            assert "pre-upgrade" in moments
            assert first < later
    assert not [
        it for it in helm.renderings["nothing said"].pods() if "backup" in it or "migrate" in it
    ]


def test_backups_go_to_a_bucket_or_a_claim(helm: Helm) -> None:
    for service in ("controlplane", "workspace"):
        pod = helm.renderings["everything"].pods()[f"weft-backup-{service}"]
        [container] = pod["containers"]
        assert container["command"][3:] == ["backup", "s3://backups/weft/$(POD_NAME)", "--keep=7"]
        assert container["envFrom"] == [{"secretRef": {"name": "weft-backups"}}]
        assert {"name": "tmp", "emptyDir": {"sizeLimit": "10Gi"}} in pod["volumes"]
        assert "backups" not in {volume["name"] for volume in pod["volumes"]}
        policy = helm.renderings["everything"].one("NetworkPolicy", f"weft-backup-{service}")
        ports = [it["port"] for rule in policy["spec"]["egress"] for it in rule["ports"]]
        assert 443 in ports
        [container] = helm.renderings["served"].pods()[f"weft-backup-{service}"]["containers"]
        assert container["command"][3:] == ["backup", "/var/backups/weft/$(POD_NAME)"]
        assert "envFrom" not in container


def test_budgets_let_nodes_be_drained(rendering: Rendering) -> None:
    budgets = {it["metadata"]["name"]: it["spec"] for it in rendering.of("PodDisruptionBudget")}
    assert set(budgets) == {f"weft-{service}" for service in SERVICES}
    for name, budget in budgets.items():
        labels = rendering.controller(name.removeprefix("weft-"))["spec"]["selector"]
        assert budget["selector"] == labels
        assert budget["maxUnavailable"] == 1


def test_one_replica_of_each_is_made_where_nothing_is_said(helm: Helm) -> None:
    rendering = helm.renderings["nothing said"]
    assert {rendering.replicas(f"weft-{service}") for service in SERVICES} == {1}
    # Its volume is on one node at a time: the next pod waits for the last one's end.
    assert rendering.controller("gateway")["spec"]["strategy"] == {"type": "Recreate"}


@pytest.mark.parametrize("name", ["replicas", "replicas of all"])
def test_of_several_replicas_one_is_replaced_at_a_time(name: str, helm: Helm) -> None:
    rendering = helm.renderings[name]
    several = [it for it in SERVICES if rendering.replicas(f"weft-{it}") > 1]
    assert "gateway" in several
    for service in several:
        maker = rendering.controller(service)
        if maker["kind"] == "Deployment":
            update = maker["spec"]["strategy"]
            assert update["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
        else:
            # Of a StatefulSet, where nothing is said: one pod, and the next once it is ready.
            assert "updateStrategy" not in maker["spec"]
        pod = maker["spec"]["template"]["spec"]
        spread = pod["topologySpreadConstraints"]
        assert {it["topologyKey"].rpartition("/")[2] for it in spread} == {"zone", "hostname"}
        assert all(it["labelSelector"] == maker["spec"]["selector"] for it in spread)


def test_replicas_share_a_volume_that_all_nodes_mount_and_a_database(helm: Helm) -> None:
    rendering = helm.renderings["replicas of all"]
    for service in SERVICES:
        claim = rendering.one("PersistentVolumeClaim", f"weft-{service}")
        assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    for service in ("controlplane", "workspace"):
        [container] = rendering.pods()[f"weft-{service}"]["containers"]
        [url] = [it for it in container["env"] if it["name"].endswith("_DATABASE_URL")]
        assert url["valueFrom"]["secretKeyRef"]["name"] == f"weft-{service}-database"


def _port_of(rendering: Rendering, service: str, name: str) -> int:
    ports: list[Document] = rendering.one("Service", service)["spec"]["ports"]
    return int(next(port["port"] for port in ports if port["name"] == name))
