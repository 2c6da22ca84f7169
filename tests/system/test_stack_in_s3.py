"""A run keeps its artifacts in S3, with credentials that a connector issues to it alone."""

import json
from collections.abc import Iterator

import obstore
import pytest
from obstore.store import S3Store

from tests.system.mesh import Mesh
from tests.system.project import Project
from tests.workspace.aws_cloud import REGION, ROLE, AwsCloud, aws_cloud
from weftapi.workspace.v1 import (
    components_pb2,
    run_types_pb2,
    service_connectors_pb2,
    service_connectors_pb2_grpc,
    stacks_pb2,
    stacks_pb2_grpc,
)


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsCloud]:
    with aws_cloud() as cloud:
        yield cloud


def connect(project: Project, aws: AwsCloud, id_: str) -> str:
    """A connector of AWS, whose own keys never leave the server."""
    connector = service_connectors_pb2.ServiceConnector(
        type="connectorTypes/aws",
        auth_method="assume-role",
        secret_config={"secret_access_key": aws.keys.secret_access_key},
    )
    keys = {"access_key_id": aws.keys.access_key_id, "role_arn": ROLE}
    connector.config.update({"region": REGION, "endpoint_url": aws.url, **keys})
    stub = project.endpoint.stub(service_connectors_pb2_grpc.ServiceConnectorServiceStub)
    request = service_connectors_pb2.CreateServiceConnectorRequest(
        service_connector_id=id_, service_connector=connector
    )
    return project.call(stub.CreateServiceConnector, request).name


def make_stack(project: Project, aws: AwsCloud, id_: str) -> str:
    """A stack of that bucket alone; the workspace does the rest."""
    stub = project.endpoint.stub(stacks_pb2_grpc.StackServiceStub)
    component = components_pb2.Component(
        flavor="flavors/s3-artifact-store", connector=connect(project, aws, id_)
    )
    config = {"bucket": "models", "prefix": id_, "region": REGION, "endpoint_url": aws.url}
    component.config.update(config)
    made = project.call(
        stub.CreateComponent,
        components_pb2.CreateComponentRequest(component_id=id_, component=component),
    )
    stack = stacks_pb2.Stack(components={"artifact_store": made.name})
    request = stacks_pb2.CreateStackRequest(stack_id=id_, stack=stack)
    return project.call(stub.CreateStack, request).name


def test_what_steps_make_is_in_the_bucket_of_the_stack(
    mesh: Mesh, project: Project, aws: AwsCloud
) -> None:
    stack = make_stack(project, aws, project.id[-20:].strip("-"))
    prefix = stack.removeprefix("stacks/")
    project.cli("stacks", "validate", prefix)
    name = project.submit("local_script.py", "--stack", prefix, count=4)
    run = list(project.watch(name))[-1].run
    assert run.state == run_types_pb2.RUN_STATE_SUCCEEDED, run.failure
    assert run.stack == stack
    listed = json.loads(project.cli("artifacts", "list", "--run", name, "-o", "json"))
    assert len(listed) == 2
    store = S3Store(
        "models",
        config={
            "endpoint": aws.url,
            "region": REGION,
            "access_key_id": aws.keys.access_key_id,
            "secret_access_key": aws.keys.secret_access_key,
        },
        client_options={"allow_http": True},
    )
    keys = [meta["path"] for page in obstore.list(store, f"{prefix}/") for meta in page]
    own = f"{prefix}/{project.id}/{name.rpartition('/')[2]}/"
    assert {key[len(own) :].partition("/")[0] for key in keys} == {"load", "add"}
    assert all(key.startswith(own) for key in keys)
