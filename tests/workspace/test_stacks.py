"""Stacks: what they are made of, which one a run is given, and who uses them."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from google.protobuf.field_mask_pb2 import FieldMask

from tests.workspace.cloud_fakes import FakeOAuth, serving
from tests.workspace.connector_cases import connect, oauth_case
from tests.workspace.fakes import FakeManager
from tests.workspace.harness import (
    DEMO_EDITOR,
    EDITOR,
    Harness,
    refused,
    run_report,
    workspace,
)
from tests.workspace.stacks import new_component, new_stack, new_store
from weftapi.workspace.v1 import (
    projects_pb2,
    reports_pb2,
    run_types_pb2,
    runs_pb2,
    snapshots_pb2,
    stacks_pb2,
)

Create = stacks_pb2.CreateStackRequest
Get = stacks_pb2.GetStackRequest
List = stacks_pb2.ListStacksRequest
Update = stacks_pb2.UpdateStackRequest
Delete = stacks_pb2.DeleteStackRequest
Stack = stacks_pb2.Stack


async def update(ws: Harness, *paths: str, **fields: Any) -> Stack:
    mask = FieldMask(paths=paths) if paths else None
    return await ws.stacks().UpdateStack(Update(stack=Stack(**fields), update_mask=mask))


async def claim(ws: Harness, run: str) -> reports_pb2.RunInstructions:
    return await ws.reports().ClaimRun(reports_pb2.ClaimRunRequest(name=run, reporter=str(uuid4())))


async def test_a_stack_is_made_read_changed_and_deleted(ws: Harness) -> None:
    store = await new_store(ws)
    local = (await new_component(ws, "local", "local-orchestrator")).name
    made = await new_stack(ws, "prod", store, local, display_name="Production")
    assert dict(made.components) == {"artifact_store": store, "orchestrator": local}
    assert await ws.stacks().GetStack(Get(name=made.name)) == made
    after = await update(ws, name=made.name, components={"artifact_store": store}, etag=made.etag)
    assert dict(after.components) == {"artifact_store": store}
    assert after.display_name == "Production"
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await update(ws, name=made.name, display_name="x", etag=made.etag)
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await ws.stacks().DeleteStack(Delete(name=made.name, etag=made.etag))
    await ws.stacks().DeleteStack(Delete(name=made.name, etag=after.etag))
    for call, request in (("GetStack", Get), ("DeleteStack", Delete)):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await getattr(ws.stacks(), call)(request(name=made.name))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await update(ws, name=made.name, display_name="x")


async def test_creating_twice_and_unknown_paths(ws: Harness) -> None:
    request = Create(stack_id="once", stack=Stack(display_name="a"), request_id=str(uuid4()))
    first = await ws.stacks().CreateStack(request)
    assert await ws.stacks().CreateStack(request) == first
    request.stack.display_name = "b"
    async with refused("INVALID_ARGUMENT", "REQUEST_ID_REUSED"):
        await ws.stacks().CreateStack(request)
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await new_stack(ws, "once", display_name="c")
    for path in ("uid", "nonsense"):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await update(ws, path, name=first.name)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await new_stack(ws, "large", description="x" * 5000)


async def test_components_fit_their_places(ws: Harness) -> None:
    store = await new_store(ws)
    tracker = await new_component(ws, "t1", "external-experiment-tracker", {"uri": "https://a"})
    second = await new_component(ws, "t2", "external-experiment-tracker", {"uri": "https://b"})
    for components, more, field in (
        ({"spaceship": store}, [], 'stack.components["spaceship"]'),
        ({"orchestrator": store}, [], 'stack.components["orchestrator"]'),
        ({"artifact_store": store}, [store], "stack.additional_components[0]"),
        ({}, [tracker.name], "stack.additional_components[0]"),
        (
            {"experiment_tracker": tracker.name},
            [second.name, second.name],
            "stack.additional_components[0]",
        ),
    ):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS") as refusal:
            await ws.stacks().CreateStack(
                Create(
                    stack_id="bad", stack=Stack(components=components, additional_components=more)
                )
            )
        assert refusal.error
        assert [violation.field for violation in refusal.error.violations] == [field]
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.stacks().CreateStack(
            Create(stack_id="bad", stack=Stack(components={"artifact_store": "components/absent"}))
        )
    made = await ws.stacks().CreateStack(
        Create(
            stack_id="good",
            stack=Stack(
                components={"experiment_tracker": tracker.name},
                additional_components=[second.name],
            ),
        )
    )
    assert list(made.additional_components) == [second.name]


async def test_one_stack_at_most_is_the_workspaces_default(ws: Harness) -> None:
    first = await new_stack(ws, "first", workspace_default=True, display_name="1")
    second = await new_stack(ws, "second", display_name="2")
    await update(ws, name=second.name, workspace_default=True)
    listed = await ws.stacks().ListStacks(List(filter="workspace_default = true"))
    assert [stack.name for stack in listed.stacks] == [second.name]
    assert not (await ws.stacks().GetStack(Get(name=first.name))).workspace_default
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE"):
        await ws.stacks().DeleteStack(Delete(name=second.name))
    await update(ws, "workspace_default", name=second.name)
    await ws.stacks().DeleteStack(Delete(name=second.name))


async def test_stacks_are_listed_by_name_and_by_filter(ws: Harness) -> None:
    for id_ in ("c", "a", "b"):
        await new_stack(ws, id_, display_name=id_.upper())
    names = [stack.name for stack in (await ws.stacks().ListStacks(List())).stacks]
    assert names == ["stacks/a", "stacks/b", "stacks/c"]
    newest = await ws.stacks().ListStacks(List(order_by="create_time desc", page_size=1))
    assert [stack.name for stack in newest.stacks] == ["stacks/b"]
    found = await ws.stacks().ListStacks(List(filter='display_name = "C"'))
    assert [stack.name for stack in found.stacks] == ["stacks/c"]
    async with refused("INVALID_ARGUMENT", "INVALID_FILTER"):
        await ws.stacks().ListStacks(List(filter='creator = "x"'))


async def test_a_run_is_given_the_nearest_stack(tmp_path: Path, database_url: str) -> None:
    """Its own, else its snapshot's, else its project's, else the workspace's, else none."""
    async with workspace(tmp_path, database_url, managers=FakeManager()) as ws:
        await ws.create_project()
        plain = (await ws.create_snapshot()).name
        assert not (await start(ws, plain)).stack
        for id_ in ("own", "snapshots", "projects", "workspaces"):
            await new_stack(ws, id_, display_name=id_, workspace_default=id_ == "workspaces")
        assert (await start(ws, plain)).stack == "stacks/workspaces"
        project = projects_pb2.Project(name="projects/demo", default_stack="stacks/projects")
        request = projects_pb2.UpdateProjectRequest(project=project)
        assert (await ws.projects().UpdateProject(request)).default_stack == "stacks/projects"
        assert (await start(ws, plain)).stack == "stacks/projects"
        snapshot = await ws.create_snapshot(stack="stacks/snapshots")
        assert snapshot.stack == "stacks/snapshots"
        assert (await start(ws, snapshot.name)).stack == "stacks/snapshots"
        assert (await start(ws, snapshot.name, stack="stacks/own")).stack == "stacks/own"
        # Those who execute a run themselves keep what it makes where they please.
        assert not (await ws.create_run()).stack
        assert (await ws.create_run(stack="stacks/own")).stack == "stacks/own"
        assert (await ws.create_run(snapshot=snapshot.name)).stack == "stacks/snapshots"


async def start(ws: Harness, snapshot: str, **fields: Any) -> run_types_pb2.Run:
    """A run that the workload manager executes."""
    return await ws.snapshots().RunSnapshot(
        snapshots_pb2.RunSnapshotRequest(name=snapshot, **fields)
    )


async def test_a_stack_that_does_not_exist_is_refused_wherever_it_is_named(ws: Harness) -> None:
    absent = "stacks/absent"
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.create_run(stack=absent)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.create_snapshot(stack=absent)
    project = projects_pb2.Project(name="projects/demo", default_stack=absent)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.projects().UpdateProject(projects_pb2.UpdateProjectRequest(project=project))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.projects().CreateProject(
            projects_pb2.CreateProjectRequest(
                project_id="other", project=projects_pb2.Project(default_stack=absent)
            )
        )


async def test_a_runner_is_told_what_its_stack_is_made_of(ws: Harness) -> None:
    store = await new_store(ws)
    async with serving(FakeOAuth()) as fake:
        await connect(ws, oauth_case(fake), "aws")
    await new_component(
        ws,
        "tracker",
        "external-experiment-tracker",
        {"uri": "https://mlflow.example", "token": "{{secrets.mlflow.token}}"},
        connector="serviceConnectors/aws",
        connector_resource="s3://acme-ml",
    )
    stack = await new_stack(ws, "prod", store, "components/tracker")
    told = await claim(ws, (await ws.create_run(stack=stack.name)).name)
    assert told.artifact_store_uri == "s3://acme-ml/weft"
    assert told.stack.stack == stack.name
    parts = {part.type: part for part in told.stack.components}
    assert parts["artifact_store"].type_default
    tracker = parts["experiment_tracker"]
    assert tracker.config["token"] == "{{secrets.mlflow.token}}"
    assert (tracker.connector, tracker.connector_resource) == (
        "serviceConnectors/aws",
        "s3://acme-ml",
    )
    plain = await claim(ws, (await ws.create_run()).name)
    assert not plain.stack.stack
    assert plain.artifact_store_uri.startswith("file://")


async def test_a_stack_in_use_is_not_deleted(ws: Harness) -> None:
    stack = await new_stack(ws, "prod", display_name="x")

    async def users() -> str:
        async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
            await ws.stacks().DeleteStack(Delete(name=stack.name))
        assert refusal.error
        return refusal.error.metadata["dependents"]

    run = await ws.create_run(stack=stack.name)
    assert await users() == run.name
    reporter = str(uuid4())
    await ws.report(run.name, reporter, run_report(1, "RUNNING"), run_report(2, "SUCCEEDED"))
    project = projects_pb2.Project(name="projects/demo", default_stack=stack.name)
    await ws.projects().UpdateProject(projects_pb2.UpdateProjectRequest(project=project))
    assert await users() == "projects/demo"
    await ws.projects().UpdateProject(
        projects_pb2.UpdateProjectRequest(
            project=projects_pb2.Project(name="projects/demo"),
            update_mask=FieldMask(paths=["default_stack"]),
        )
    )
    # A run that has ended keeps the name of what executed it, and nothing more.
    await ws.stacks().DeleteStack(Delete(name=stack.name))
    ended = await ws.runs().GetRun(runs_pb2.GetRunRequest(name=run.name))
    assert ended.stack == stack.name
    assert ended.state == run_types_pb2.RUN_STATE_SUCCEEDED
    again = await new_stack(ws, "prod", display_name="y")
    snapshot = await ws.create_snapshot(stack=again.name)
    assert await users() == snapshot.name


async def test_people_of_a_project_see_stacks_and_do_not_change_them(ws: Harness) -> None:
    stack = await new_stack(ws, "prod", display_name="x")
    for person in (EDITOR, DEMO_EDITOR):
        stub = ws.stacks(ws.token(person))
        assert (await stub.GetStack(Get(name=stack.name))).name == stack.name
        assert len((await stub.ListStacks(List())).stacks) == 1
        for call, request in (
            ("CreateStack", Create(stack_id="x")),
            ("UpdateStack", Update(stack=Stack(name=stack.name))),
            ("DeleteStack", Delete(name=stack.name)),
        ):
            async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
                await getattr(stub, call)(request)


async def test_running_a_snapshot_on_another_stack(ws: Harness) -> None:
    await new_stack(ws, "prod", display_name="x")
    snapshot = await ws.create_snapshot()
    request = snapshots_pb2.RunSnapshotRequest(name=snapshot.name, stack="stacks/prod")
    async with refused("FAILED_PRECONDITION", "NO_WORKLOAD_MANAGER"):
        await ws.snapshots().RunSnapshot(request)
