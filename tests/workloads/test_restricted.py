"""Pods as users wish for them, judged when all is put together."""

import copy
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import kubernetes_validate
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meshkit.errors import FailedPrecondition
from tests.workloads.observed import key, shell
from workloads.launchers.kubernetes import manifests
from workloads.launchers.kubernetes.images import Images
from workloads.launchers.kubernetes.restricted import Restricted
from workloads.launchers.kubernetes.settings import Allowed, KubernetesSettings
from workloads.model import Secrets, WorkloadSpec
from workloads.pods import Pod, Toleration, Volume

Object = dict[str, Any]
CLUSTER = KubernetesSettings(
    image="weft",
    image_registries=["registry.example"],
    service_account="runs",
    node_selector={"pool": "ml"},
    tolerations=[{"key": "ml", "operator": "Exists"}],
    pull_secrets=["pull"],
    allowed=Allowed(
        priority_classes=["low", "high"],
        queues=["team"],
        runtime_classes=["gvisor"],
        taints=["nvidia.com/gpu"],
        claims=["datasets"],
        config_maps=["settings"],
        marks=["team", "example.com/"],
    ),
)
JUDGE = Restricted(CLUSTER, Images(CLUSTER.image_registries))
# Everything that may be wished for, at once.
WISH = Pod(
    node_selector={"gpu": "a100"},
    tolerations=(Toleration("nvidia.com/gpu", "present", "NoSchedule"),),
    priority_class="high",
    queue="team",
    runtime_class="gvisor",
    labels={"team": "vision"},
    annotations={"example.com/cost": "r d"},
    volumes=(
        Volume("/data", is_read_only=True, claim="datasets"),
        Volume("/opt/settings", config_map="settings"),
        Volume("/mnt/fast", size_bytes=1 << 20, is_in_memory=True),
    ),
    image_pull_policy="IfNotPresent",
)
SECRETS = Secrets({"WEFT_RUN_TOKEN_FILE": "canary"})


def made(spec: WorkloadSpec, cluster: KubernetesSettings = CLUSTER) -> Object:
    return manifests.job(key("w"), spec, SECRETS, cluster)


def problems(job: Object, spec: WorkloadSpec, judge: Restricted = JUDGE) -> list[str]:
    return list(judge.problems(job, manifests.metadata(key("w"), spec, CLUSTER)))


def whole() -> tuple[Object, WorkloadSpec]:
    spec = shell(
        "true",
        pod=WISH,
        image="registry.example/trainer:1",
        kind="STEP",
        run="projects/p/runs/r",
        step="train",
        attempt=1,
        timeout_s=60,
        cpu_millis=500,
        gpu_count=1,
        env={"A": "$(B)"},
    )
    return made(spec), spec


def test_all_that_is_allowed_is_taken_and_stands_in_the_pod():
    job, spec = whole()
    assert problems(job, spec) == []
    pod = job["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"pool": "ml", "gpu": "a100"}
    assert (pod["priorityClassName"], pod["runtimeClassName"]) == ("high", "gvisor")
    assert job["metadata"]["labels"][manifests.KUEUE] == "team"
    assert job["spec"]["suspend"] is True
    assert job["spec"]["template"]["metadata"]["labels"]["team"] == "vision"
    mounts = {m["mountPath"]: m for m in pod["containers"][0]["volumeMounts"]}
    assert mounts["/data"]["readOnly"]
    assert pod["containers"][0]["imagePullPolicy"] == "IfNotPresent"
    assert WorkloadSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize("spec", [shell("true"), whole()[1]], ids=["least", "most"])
def test_pods_are_what_the_schemas_of_kubernetes_say(spec):
    kubernetes_validate.validate(made(spec), "1.36", strict=True)
    owner = made(spec)
    owner["metadata"]["uid"] = "x"
    kubernetes_validate.validate(manifests.secret(owner, SECRETS), "1.36", strict=True)


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"priority_class": "system-node-critical"}, "allowed: high, low"),
        ({"queue": "others"}, "allowed: team"),
        ({"runtime_class": "runc-privileged"}, "allowed: gvisor"),
        ({"node_selector": {"pool": "control-plane"}}, "ml for all workloads"),
        ({"tolerations": (Toleration("node-role.kubernetes.io/control-plane"),)}, "tolerations"),
        ({"labels": {"sidecar.istio.io/inject": "true"}}, "allowed: team, example.com/"),
        ({"labels": {manifests.OWNER: "somebody"}}, "for Weft alone"),
        ({"labels": {"weft.dev/other": "x"}}, "weft.dev/other"),
        ({"labels": {"example.com": "x"}}, "example.com"),
        ({"labels": {manifests.KUEUE: "others"}}, "kueue"),
        ({"annotations": {manifests.SPEC: "[]"}}, "weft.dev/spec"),
        ({"annotations": {"container.apparmor.security.beta.kubernetes.io/x": "u"}}, "apparmor"),
        ({"volumes": (Volume("/data", claim="others"),)}, "allowed: datasets"),
        ({"volumes": (Volume("/data", config_map="kube-root-ca.crt"),)}, "allowed: settings"),
        ({"volumes": (Volume("/data", size_bytes=1 << 50),)}, "sizeLimit"),
        ({"volumes": (Volume("/data"), Volume("/data"))}, "mounted twice"),
        ({"image_pull_policy": "Sometimes"}, "allowed: Always, IfNotPresent, Never"),
        *(
            ({"volumes": (Volume(path),)}, "own, or the system's")
            for path in (
                "/", "/run/weft", "/run", "/run/weft/x", "/tmp", "/home/weft/x", "/proc", "/etc",
                "/data/../run/weft", "/./run", "//run", "data", "/data:/run", "/usr/lib", "",
            )
        ),
    ],
)  # fmt: skip
def test_what_is_not_allowed_is_refused_by_name(wish, words):
    spec = shell("true", pod=Pod(**wish))
    found = problems(made(spec), spec)
    assert any(words in problem for problem in found), found


def test_whoever_does_not_say_when_images_are_pulled_leaves_it_to_the_manager_and_the_cluster():
    def policy(own: str, managers: str) -> str | None:
        spec = shell("true", pod=Pod(image_pull_policy=own))
        job = made(spec, replace(CLUSTER, image_pull_policy=managers))
        [container] = job["spec"]["template"]["spec"]["containers"]
        return container.get("imagePullPolicy")

    assert policy("", "") is None
    assert policy("", "Never") == "Never"
    assert policy("Always", "Never") == "Always"


def test_where_images_are_always_asked_for_nobody_starts_one_that_another_pulled():
    cluster = replace(CLUSTER, image_pull_policy="Always")
    judge = Restricted(cluster, Images(cluster.image_registries))

    def refused(own: str) -> list[str]:
        spec = shell("true", pod=Pod(image_pull_policy=own))
        return problems(made(spec, cluster), spec, judge)

    assert refused("") == refused("Always") == []
    for less in ("IfNotPresent", "Never"):
        [problem] = refused(less)
        assert problem.endswith(f"imagePullPolicy: '{less}' is not allowed here (allowed: Always)")


def test_a_refusal_says_all_that_is_wrong_and_how_much_more():
    spec = shell("true", pod=Pod(labels={f"x{n}": "y" for n in range(8)}))
    with pytest.raises(FailedPrecondition, match=r"\(and 3 more\)") as refused:
        JUDGE.check(made(spec), manifests.metadata(key("w"), spec, CLUSTER))
    assert refused.value.reason == "POD_NOT_ALLOWED"


POD, BOX = ("spec", "template", "spec"), ("spec", "template", "spec", "containers", 0)
EVIL_VOLUMES: list[Object] = [
    {"hostPath": {"path": "/"}},
    {"secret": {"secretName": "somebody-elses", "defaultMode": 0o400}},
    {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}},
    {"downwardAPI": {"items": []}},
    {"csi": {"driver": "secrets-store.csi.k8s.io"}},
    {"nfs": {"server": "10.0.0.1", "path": "/"}},
    {"ephemeral": {"volumeClaimTemplate": {}}},
    {"persistentVolumeClaim": {"claimName": "others", "readOnly": False}},
    {"configMap": {"name": "settings", "items": []}},
    {"emptyDir": {}},
    {"emptyDir": {"sizeLimit": 1}, "hostPath": {"path": "/"}},
    {},
]
HOSTILE: list[tuple[tuple[Any, ...], Any]] = [
    ((*POD, "hostNetwork"), True),
    ((*POD, "hostPID"), True),
    ((*POD, "hostIPC"), True),
    ((*POD, "hostUsers"), True),
    ((*POD, "hostAliases"), [{"ip": "10.0.0.1", "hostnames": ["workspace"]}]),
    ((*POD, "nodeName"), "control-plane-1"),
    ((*POD, "serviceAccountName"), "cluster-admin"),
    ((*POD, "serviceAccount"), "cluster-admin"),
    ((*POD, "automountServiceAccountToken"), True),
    ((*POD, "automountServiceAccountToken"), 0),
    ((*POD, "shareProcessNamespace"), True),
    ((*POD, "schedulerName"), "mine"),
    ((*POD, "priority"), 2_000_000_000),
    ((*POD, "restartPolicy"), "Always"),
    ((*POD, "initContainers"), [{"name": "init", "image": "evil"}]),
    ((*POD, "initContainers"), []),
    ((*POD, "ephemeralContainers"), []),
    ((*POD, "resourceClaims"), []),
    ((*POD, "dnsConfig"), {"nameservers": ["10.0.0.1"]}),
    ((*POD, "affinity"), {}),
    ((*POD, "imagePullSecrets"), [{"name": "others"}]),
    ((*POD, "tolerations"), [{"operator": "Exists"}]),
    ((*POD, "securityContext", "runAsUser"), 0),
    ((*POD, "securityContext", "runAsNonRoot"), False),
    ((*POD, "securityContext", "fsGroup"), 0),
    ((*POD, "securityContext", "supplementalGroups"), [0]),
    ((*POD, "securityContext", "sysctls"), [{"name": "kernel.msgmax", "value": "1"}]),
    ((*POD, "securityContext", "seccompProfile"), {"type": "Unconfined"}),
    ((*POD, "securityContext", "seLinuxOptions"), {"type": "spc_t"}),
    ((*POD, "securityContext", "windowsOptions"), {"hostProcess": True}),
    ((*POD, "securityContext", "appArmorProfile"), {"type": "Unconfined"}),
    ((*POD, "containers"), []),
    ((*POD, "containers"), [whole()[0]["spec"]["template"]["spec"]["containers"][0]] * 2),
    *(((*POD, "volumes", 0), {"name": "home", **evil}) for evil in EVIL_VOLUMES),
    ((*BOX, "image"), "evil.example/miner"),
    ((*BOX, "name"), "other"),
    ((*BOX, "securityContext"), {}),
    ((*BOX, "securityContext", "privileged"), True),
    ((*BOX, "securityContext", "allowPrivilegeEscalation"), True),
    ((*BOX, "securityContext", "procMount"), "Unmasked"),
    ((*BOX, "securityContext", "capabilities"), {"drop": ["ALL"], "add": ["SYS_ADMIN"]}),
    ((*BOX, "securityContext", "capabilities"), {"drop": []}),
    ((*BOX, "securityContext", "readOnlyRootFilesystem"), False),
    ((*BOX, "securityContext", "runAsUser"), 0),
    ((*BOX, "env", 0), {"name": "A", "valueFrom": {"secretKeyRef": {"name": "x", "key": "y"}}}),
    ((*BOX, "envFrom"), [{"secretRef": {"name": "others"}}]),
    ((*BOX, "lifecycle"), {"postStart": {"exec": {"command": ["sh"]}}}),
    ((*BOX, "livenessProbe"), {"httpGet": {"host": "10.0.0.1", "port": 80}}),
    ((*BOX, "ports"), [{"containerPort": 80, "hostPort": 80}]),
    ((*BOX, "volumeDevices"), [{"name": "home", "devicePath": "/dev/sda"}]),
    ((*BOX, "volumeMounts", 0, "subPath"), "../.."),
    ((*BOX, "volumeMounts", 0, "mountPropagation"), "Bidirectional"),
    ((*BOX, "volumeMounts", 0, "mountPath"), "/etc"),
    ((*BOX, "args"), ["--evil"]),
    ((*BOX, "stdin"), True),
    ((*BOX, "resources", "claims"), []),
    ((*BOX, "resources", "limits"), {"evil": "1"}),
    (("metadata", "namespace"), "kube-system"),
    (("metadata", "ownerReferences"), []),
    (("metadata", "finalizers"), ["evil.example/never"]),
    (("metadata", "generateName"), "x"),
    (("metadata", "name"), "other"),
    (("metadata", "labels", manifests.OWNER), "somebody"),
    (("metadata", "labels", manifests.KUEUE), "others"),
    (("metadata", "annotations", manifests.SPEC), "{}"),
    (("spec", "parallelism"), 100),
    (("spec", "backoffLimit"), False),
    (("spec", "ttlSecondsAfterFinished"), 0),
    (("spec", "managedBy"), "evil.example/controller"),
    (("spec", "template", "metadata", "namespace"), "kube-system"),
    (("spec", "template", "metadata", "labels", manifests.WORKLOAD), "another"),
    (("kind",), "CronJob"),
    (("status",), {}),
]


@pytest.mark.parametrize(("path", "value"), HOSTILE, ids=lambda x: str(x)[:60])
def test_nothing_hostile_gets_through_wherever_it_stands(path, value):
    job, spec = whole()
    *way, last = path
    place = job
    for step in way:
        place = place[step]
    place[last] = copy.deepcopy(value)
    assert problems(job, spec)


def _objects(thing: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The paths of all objects whose fields are Kubernetes' own."""
    if isinstance(thing, dict):
        yield path
    inner = thing.items() if isinstance(thing, dict) else ()
    for name, value in enumerate(thing) if isinstance(thing, list) else inner:
        yield from _objects(value, (*path, name))


OPEN = {"nodeSelector", "limits", "requests"}
PLACES = [path for path in _objects(whole()[0]) if not path or path[-1] not in OPEN]


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(PLACES), st.text(min_size=1, max_size=20), st.none() | st.booleans())
def test_a_field_that_nobody_thought_about_is_refused_wherever_it_stands(path, name, value):
    job, spec = whole()
    place = job
    for step in path:
        place = place[step]
    if name in place or name == "team" or name.startswith("example.com/"):
        return
    place[name] = value
    assert problems(job, spec)


NAMES = st.sampled_from(
    ["", "high", "team", "gvisor", "datasets", "settings", "root", "weft.dev/x"]
)
TEXTS = st.dictionaries(
    st.sampled_from(["team", "pool", "example.com/a", manifests.OWNER, "x/y"])
    | st.text(max_size=9),
    st.text(max_size=9),
    max_size=3,
)
VOLUMES = st.builds(
    Volume,
    st.sampled_from(["/data", "/mnt/a", "/run/weft", "/", "/tmp/x"]) | st.text(max_size=9),
    st.booleans(),
    NAMES,
    NAMES,
    st.integers(-1, 1 << 40),
    st.booleans(),
)
TOLERATIONS = st.builds(
    Toleration, st.sampled_from(["nvidia.com/gpu", "x", ""]), NAMES, st.just("") | NAMES
)
PODS = st.builds(
    Pod,
    node_selector=TEXTS,
    tolerations=st.lists(TOLERATIONS, max_size=2).map(tuple),
    priority_class=NAMES,
    queue=NAMES,
    runtime_class=NAMES,
    labels=TEXTS,
    annotations=TEXTS,
    volumes=st.lists(VOLUMES, max_size=3).map(tuple),
)


@settings(max_examples=100, deadline=None)
@given(PODS)
def test_whatever_is_wished_for_what_passes_is_within_the_limits(pod):
    spec = shell("true", pod=pod)
    job = made(spec)
    if problems(job, spec):
        return
    made_of = job["spec"]["template"]["spec"]
    assert made_of["nodeSelector"]["pool"] == "ml"
    assert pod.priority_class in ("", "high")
    assert pod.queue in ("", "team")
    assert {v.claim for v in pod.volumes} <= {"", "datasets"}
    assert not {v.mount_path for v in pod.volumes} & {"/run/weft", "/", "/tmp/x"}
    assert {t.key for t in pod.tolerations} <= {"nvidia.com/gpu"}
    assert not set(pod.labels) & {manifests.OWNER, "x/y"}
