"""Validation of components and stacks: it really tries, and says what to do."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from meshkit.egress import Egress, EgressPolicy
from tests.workspace.aws_cloud import REGION, AwsCloud, AwsFront, aws_cloud, aws_front
from tests.workspace.fake_registry import FakeRegistry, fake_registry
from tests.workspace.fakes import FakeManager
from tests.workspace.harness import DEMO_EDITOR, EDITOR, VIEWER, Harness, refused, workspace
from tests.workspace.stacks import new_component, new_stack, struct
from tests.workspace.test_connectors_aws import connect
from weftapi.workspace.v1 import components_pb2 as pb
from weftapi.workspace.v1 import secrets_pb2, service_connectors_pb2, stacks_pb2
from workspace.connectors.wire import Wire
from workspace.launching.ports import WorkloadManagers
from workspace.stacks.checks import FailedCheckError
from workspace.stacks.trying_registries import Registry, try_push


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsCloud]:
    with aws_cloud() as cloud:
        yield cloud


@pytest.fixture
async def front(aws: AwsCloud) -> AsyncIterator[AwsFront]:
    async with aws_front(aws) as front:
        yield front


@pytest.fixture
async def registry() -> AsyncIterator[FakeRegistry]:
    async with fake_registry() as registry:
        yield registry


@pytest.fixture
def manager() -> FakeManager:
    return FakeManager()


@pytest.fixture
async def ws(
    tmp_path: Path, database_url: str, manager: WorkloadManagers
) -> AsyncIterator[Harness]:
    settings = {"egress_networks": "127.0.0.0/8", "connector_timeout_s": 5.0}
    async with workspace(tmp_path, database_url, managers=manager, **settings) as harness:
        yield harness


async def validate(ws: Harness, component: str) -> pb.ValidationReport:
    request = pb.ValidateComponentRequest(name=f"components/{component}")
    return await ws.stacks().ValidateComponent(request)


def found(report: pb.ValidationReport) -> list[tuple[str, bool]]:
    return [(check.check, check.ok) for check in report.checks]


def said(report: pb.ValidationReport) -> pb.ValidationCheck:
    """The one check that failed, last."""
    assert not report.ok
    assert [check.ok for check in report.checks[:-1]] == [True] * (len(report.checks) - 1)
    assert report.checks[-1].remedy
    return report.checks[-1]


async def local(ws: Harness, id_: str, path: Path) -> pb.Component:
    return await new_component(ws, id_, "local-artifact-store", {"path": str(path)})


async def bucket(ws: Harness, front: AwsFront, name: str, **more: Any) -> pb.Component:
    config = {"bucket": name, "prefix": "weft", "region": REGION, "endpoint_url": front.url}
    fields = {"connector": "serviceConnectors/aws"} | more
    return await new_component(ws, "bucket", "s3-artifact-store", config, **fields)


async def test_a_directory_is_written_and_left_as_it_was(ws: Harness, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "stores"
    folder.mkdir()
    await local(ws, "local", folder)
    report = await validate(ws, "local")
    assert report.ok
    expected = ["config", "open", "write", "read", "delete"]
    assert found(report) == [(check, True) for check in expected]
    assert not list(folder.iterdir())
    assert all(check.HasField("duration") for check in report.checks)


async def test_directories_of_others_are_not_touched(ws: Harness, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "data" / "link").symlink_to(outside)
    await local(ws, "outside", outside)
    await local(ws, "link", tmp_path / "data" / "link")
    await local(ws, "dots", Path(f"{tmp_path}/data/../outside"))
    for id_ in ("outside", "link", "dots"):
        check = said(await validate(ws, id_))
        assert check.check == "open"
        assert "WEFT_WORKSPACE_STORE_DIRECTORIES" in check.remedy
    assert not list(outside.iterdir())
    await local(ws, "missing", tmp_path / "data" / "missing")
    assert "no directory" in said(await validate(ws, "missing")).reason


async def test_a_bucket_is_tried_with_credentials_of_its_connector(
    ws: Harness, front: AwsFront
) -> None:
    await connect(ws, front)
    await bucket(ws, front, "models")
    report = await validate(ws, "bucket")
    assert report.ok, report
    assert [check for check, _ in found(report)] == ["config", "open", "write", "read", "delete"]
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await ws.connectors().DeleteServiceConnector(
            service_connectors_pb2.DeleteServiceConnectorRequest(name="serviceConnectors/aws")
        )
    assert refusal.error
    assert refusal.error.metadata["dependents"] == "components/bucket"


async def test_a_bucket_that_does_not_exist(ws: Harness, front: AwsFront) -> None:
    await connect(ws, front)
    await bucket(ws, front, "absent")
    check = said(await validate(ws, "bucket"))
    assert check.check == "write"
    assert "bucket" in check.remedy


async def test_a_cloud_that_is_down_fails_its_own_check_alone(ws: Harness, front: AwsFront) -> None:
    await connect(ws, front)
    await bucket(ws, front, "models")
    await new_component(ws, "runs", "local-orchestrator")
    await new_stack(ws, "prod", "components/bucket", "components/runs")
    front.is_down = True
    request = stacks_pb2.ValidateStackRequest(name="stacks/prod")
    report = await ws.stacks().ValidateStack(request)
    assert not report.ok
    wrong = [(check.component, check.check) for check in report.checks if not check.ok]
    assert wrong == [("components/bucket", "write")]
    front.is_down = False
    assert (await ws.stacks().ValidateStack(request)).ok


@pytest.mark.parametrize(
    "endpoint", ["http://169.254.169.254", "https://10.1.2.3:9000", "http://10.1.2.3"]
)
async def test_an_address_inside_somebody_elses_network_is_not_reached(
    ws: Harness, endpoint: str
) -> None:
    config = {"bucket": "models", "endpoint_url": endpoint}
    await new_component(ws, "inside", "s3-artifact-store", config)
    assert said(await validate(ws, "inside")).check == "open"
    await new_component(ws, "hook", "webhook-alerter", {"url": f"{endpoint}/hook"})
    check = said(await validate(ws, "hook"))
    assert check.check == "reach"


async def push(ws: Harness, registry: FakeRegistry, **config: str) -> pb.ValidationReport:
    whole = {"registry": registry.host, "repository": "team/train", **config}
    await new_component(ws, "images", "generic-container-registry", whole)
    return await validate(ws, "images")


@pytest.mark.parametrize("scheme", ["bearer", "basic"])
async def test_nobody_may_push_without_a_login(
    ws: Harness, registry: FakeRegistry, scheme: str
) -> None:
    registry.scheme = scheme
    check = said(await push(ws, registry))
    assert check.check == "push"
    assert "without a login" in check.reason
    assert "login" in check.remedy


@pytest.mark.parametrize("scheme", ["bearer", "basic"])
async def test_a_push_is_begun_and_cancelled(registry: FakeRegistry, scheme: str) -> None:
    registry.scheme = scheme
    egress = Egress(EgressPolicy((ip_network("127.0.0.0/8"),)))
    wire = Wire(egress, timeout_s=5)
    login = Registry(registry.host, "team/train", "robot", "hunter2")
    assert "takes images" in await try_push(wire, login)
    assert registry.begun == 1
    assert not registry.uploads
    for wrong in (replace(login, password="wrong"), replace(login, repository="team/other")):
        with pytest.raises(FailedCheckError, match="be pushed to robot"):
            await try_push(wire, wrong)
    assert registry.begun == 1
    egress.close()


async def test_a_token_is_asked_for_where_the_egress_may_go_only(
    ws: Harness, registry: FakeRegistry
) -> None:
    registry.realm = "http://169.254.169.254/token"
    check = said(await push(ws, registry))
    assert "cannot be asked" in check.reason


async def test_an_orchestrator_is_what_the_workload_manager_is(
    ws: Harness, manager: FakeManager
) -> None:
    config = {"cpu_millis": 500, "timeout_seconds": 60, "environment": {"A": "b"}}
    await new_component(ws, "runs", "local-orchestrator", config)
    report = await validate(ws, "runs")
    assert report.ok
    assert found(report) == [("config", True), ("submit", True)]
    (asked,) = manager.validations
    assert asked.workload.resources.cpu_millis == 500
    assert asked.workload.timeout.seconds == 60
    assert dict(asked.workload.env) == {"A": "b"}
    manager.problems = ["It asks for 9 cores, and this machine has 2."]
    assert said(await validate(ws, "runs")).reason == manager.problems[0]
    manager.problems = []
    await new_component(ws, "pods", "kubernetes-orchestrator")
    assert "by process, not by kubernetes" in said(await validate(ws, "pods")).reason
    manager.is_down = True
    assert "workload manager" in said(await validate(ws, "runs")).reason


async def test_what_pods_look_like_reaches_the_workload_manager(
    ws: Harness, manager: FakeManager
) -> None:
    manager.engine = "kubernetes"
    config = {
        "image": "registry.example/trainer:1",
        "gpu_count": 2,
        "ephemeral_storage_bytes": 1 << 40,
        "pod": {
            "node_selector": {"gpu": "a100"},
            "tolerations": [{"key": "gpu", "effect": "NoSchedule"}],
            "volumes": [
                {"mount_path": "/data", "claim": "datasets", "read_only": True},
                {"mount_path": "/fast", "empty": {"size_bytes": 1 << 30, "in_memory": True}},
            ],
        },
    }
    await new_component(ws, "pods", "kubernetes-orchestrator", config)
    assert (await validate(ws, "pods")).ok
    workload = manager.validations[-1].workload
    assert workload.image == "registry.example/trainer:1"
    assert workload.resources.gpu_count == 2
    assert workload.resources.ephemeral_storage_bytes == 1 << 40
    assert workload.pod.tolerations[0].effect == "NoSchedule"
    assert [volume.mount_path for volume in workload.pod.volumes] == ["/data", "/fast"]
    assert workload.pod.volumes[1].empty.size_bytes == 1 << 30


async def test_secrets_are_put_where_a_configuration_names_them(
    ws: Harness, registry: FakeRegistry
) -> None:
    secret = secrets_pb2.Secret(values={"password": "hunter2"})
    await ws.secrets().CreateSecret(
        secrets_pb2.CreateSecretRequest(secret_id="registry", secret=secret)
    )
    report = await push(ws, registry, username="robot", password="{{secrets.registry.password}}")
    assert report.ok, report
    assert registry.begun == 1
    assert "hunter2" not in str(report)
    for reference in ("{{secrets.registry.other}}", "{{secrets.absent.password}}"):
        config = {"registry": registry.host, "repository": "team/train", "password": reference}
        changed = pb.Component(name="components/images", config=struct(config))
        await ws.stacks().UpdateComponent(pb.UpdateComponentRequest(component=changed))
        check = said(await validate(ws, "images"))
        assert check.check == "push"
        assert reference.split(".")[1] in check.reason


async def test_what_goes_together_is_looked_at(ws: Harness, manager: FakeManager) -> None:
    manager.engine = "kubernetes"
    folder = Path(ws.workspace.settings.data_dir) / "stores"
    folder.mkdir()
    await local(ws, "local", folder)
    await new_component(ws, "pods", "kubernetes-orchestrator")
    await new_component(ws, "builder", "local-image-builder")
    names = [f"components/{id_}" for id_ in ("local", "pods", "builder")]
    await new_stack(ws, "odd", *names)
    request = stacks_pb2.ValidateStackRequest(name="stacks/odd")
    report = await ws.stacks().ValidateStack(request)
    wrong = [check.reason for check in report.checks if not check.ok]
    assert len(wrong) == 2
    assert "no container registry" in wrong[0]
    assert "Pods do not see" in wrong[1]


async def test_a_flavor_of_ones_own_is_held_against_its_schema_alone(ws: Harness) -> None:
    flavor = pb.Flavor(type="annotator")
    await ws.stacks().CreateFlavor(pb.CreateFlavorRequest(flavor_id="own", flavor=flavor))
    await new_component(ws, "mine", "own", {"url": "http://169.254.169.254"})
    report = await validate(ws, "mine")
    assert found(report) == [("config", True)]


async def test_who_may_validate(ws: Harness) -> None:
    await new_component(ws, "runs", "local-orchestrator")
    await new_stack(ws, "prod", "components/runs")
    component = pb.ValidateComponentRequest(name="components/runs")
    stack = stacks_pb2.ValidateStackRequest(name="stacks/prod")
    assert (await ws.stacks(ws.token(EDITOR)).ValidateComponent(component)).ok
    assert (await ws.stacks(ws.token(EDITOR)).ValidateStack(stack)).ok
    for person in (VIEWER, DEMO_EDITOR):
        for call, request in (("ValidateComponent", component), ("ValidateStack", stack)):
            async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
                await getattr(ws.stacks(ws.token(person)), call)(request)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await validate(ws, "absent")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.stacks().ValidateStack(stacks_pb2.ValidateStackRequest(name="stacks/absent"))
