"""Components: what flavors let them hold, and who uses them."""

from typing import Any
from uuid import uuid4

from google.protobuf.field_mask_pb2 import FieldMask

from tests.cases import on_one_server
from tests.workspace.harness import DEMO_EDITOR, EDITOR, Harness, refused
from tests.workspace.stacks import new_component, new_stack, new_store, struct
from weftapi.workspace.v1 import components_pb2, events_pb2

Create = components_pb2.CreateComponentRequest
Get = components_pb2.GetComponentRequest
List = components_pb2.ListComponentsRequest
Update = components_pb2.UpdateComponentRequest
Delete = components_pb2.DeleteComponentRequest
REFERENCE = "{{secrets.aws.secret-key}}"


async def test_a_component_is_made_read_changed_and_deleted(ws: Harness) -> None:
    config = {"bucket": "acme-ml", "access_key_id": "AKIA", "secret_access_key": REFERENCE}
    made = await new_component(
        ws, "store", "s3-artifact-store", config, display_name="S3", labels={"team": "a"}
    )
    assert (made.name, made.type) == ("components/store", "artifact_store")
    assert await ws.stacks().GetComponent(Get(name=made.name)) == made
    changed = components_pb2.Component(
        name=made.name, display_name="The store", config=struct({"bucket": "other"}), etag=made.etag
    )
    after = await ws.stacks().UpdateComponent(Update(component=changed))
    assert (after.display_name, dict(after.config)) == ("The store", {"bucket": "other"})
    assert after.labels == made.labels
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await ws.stacks().UpdateComponent(Update(component=changed))
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await ws.stacks().DeleteComponent(Delete(name=made.name, etag=made.etag))
    await ws.stacks().DeleteComponent(Delete(name=made.name, etag=after.etag))
    for call, request in (("GetComponent", Get), ("DeleteComponent", Delete)):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await getattr(ws.stacks(), call)(request(name=made.name))


async def test_creating_twice(ws: Harness) -> None:
    component = components_pb2.Component(flavor="flavors/local-orchestrator")
    request = Create(component_id="local", component=component, request_id=str(uuid4()))
    first = await ws.stacks().CreateComponent(request)
    assert await ws.stacks().CreateComponent(request) == first
    request.component.display_name = "other"
    async with refused("INVALID_ARGUMENT", "REQUEST_ID_REUSED"):
        await ws.stacks().CreateComponent(request)
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await new_component(ws, "local", "local-orchestrator")


@on_one_server(
    ("flavor", "config", "field", "says"),
    [
        ("s3-artifact-store", {}, "component.config.bucket", "is required"),
        ("s3-artifact-store", {"bucket": 7}, "component.config.bucket", "type string"),
        ("s3-artifact-store", {"bucket": "NO"}, "component.config.bucket", "must match"),
        ("s3-artifact-store", {"bucket": "abc", "x": 1}, "component.config.x", "not known"),
        (
            "s3-artifact-store",
            {"bucket": "abc", "secret_access_key": "hunter2"},
            "component.config.secret_access_key",
            "weft secrets create",
        ),
        (
            "s3-artifact-store",
            {"bucket": "abc", "secret_access_key": f"hunter2{REFERENCE}"},
            "component.config.secret_access_key",
            "weft secrets create",
        ),
        (
            "local-orchestrator",
            {"environment": {"WEFT_RUN_TOKEN_FILE": "/x"}},
            "component.config.environment",
            "a name that it may not have",
        ),
        ("local-orchestrator", {"cpu_millis": 0}, "component.config.cpu_millis", "at least 10"),
        (
            "kubernetes-orchestrator",
            {"pod": {"hostNetwork": True}},
            "component.config.pod.hostNetwork",
            "not known",
        ),
        ("local-orchestrator", {"pod": {}}, "component.config.pod", "not known"),
        (
            "kubernetes-orchestrator",
            {"pod": {"volumes": [{"mount_path": "/a", "claim": "x", "config_map": "y"}]}},
            "component.config.pod.volumes[0]",
            "",
        ),
        ("slack-alerter", {"webhook_url": "https://hunter2"}, "component.config.webhook_url", ""),
    ],
)
async def test_what_does_not_fit_the_flavor_is_refused_with_its_position(
    ws: Harness, flavor: str, config: dict[str, Any], field: str, says: str
) -> None:
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS") as refusal:
        await new_component(ws, "bad", flavor, config)
    assert refusal.error
    (violation,) = refusal.error.violations
    assert violation.field == field
    assert says in violation.description
    # What is refused as a secret in the wrong place stands nowhere in the answer.
    assert "hunter2" not in str(refusal.error)
    assert "hunter2" not in violation.description


async def test_an_update_is_held_against_the_flavor_too(ws: Harness) -> None:
    name = await new_store(ws)
    wrong = components_pb2.Component(name=name, config=struct({"bucket": 7}))
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.stacks().UpdateComponent(Update(component=wrong))
    for path in ("flavor", "type", "uid", "nonsense"):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await ws.stacks().UpdateComponent(
                Update(
                    component=components_pb2.Component(name=name),
                    update_mask=FieldMask(paths=[path]),
                )
            )
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.stacks().UpdateComponent(
            Update(component=components_pb2.Component(name="components/absent", display_name="x"))
        )


async def test_a_component_needs_a_flavor_that_exists(ws: Harness) -> None:
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await new_component(ws, "odd", "absent")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.stacks().CreateComponent(
            Create(component_id="odd", component=components_pb2.Component(display_name="x"))
        )
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await new_component(ws, "odd", "local-orchestrator", connector_resource="s3://x")
    large = {"uri": "https://x", "settings": {"a": "x" * 70_000}}
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await new_component(ws, "odd", "external-annotator", large)


@on_one_server("id_", ["../etc", "a/b", "A", "a\0b", "x" * 64, "-"])
async def test_hostile_ids_are_refused(ws: Harness, id_: str) -> None:
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await new_component(ws, id_, "local-orchestrator")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.stacks().GetComponent(Get(name=f"components/{id_}"))


async def test_components_are_listed_by_what_they_are(ws: Harness) -> None:
    await new_store(ws, "b")
    await new_store(ws, "a")
    await new_component(ws, "c", "local-orchestrator", display_name="Local")
    names = [c.name for c in (await ws.stacks().ListComponents(List())).components]
    assert names == ["components/a", "components/b", "components/c"]
    for text, expected in (
        ('type = "artifact_store"', ["components/a", "components/b"]),
        ('flavor = "local-orchestrator"', ["components/c"]),
        ('display_name = "Local"', ["components/c"]),
    ):
        found = await ws.stacks().ListComponents(List(filter=text))
        assert [c.name for c in found.components] == expected
    page = await ws.stacks().ListComponents(List(page_size=1, order_by="create_time desc"))
    assert [c.name for c in page.components] == ["components/c"]
    rest = await ws.stacks().ListComponents(
        List(order_by="create_time desc", page_token=page.next_page_token)
    )
    assert [c.name for c in rest.components] == ["components/a", "components/b"]
    async with refused("INVALID_ARGUMENT", "INVALID_FILTER"):
        await ws.stacks().ListComponents(List(filter='bucket = "x"'))


async def test_a_component_in_use_is_not_deleted(ws: Harness) -> None:
    name = await new_store(ws)
    for stack in ("b", "a"):
        await new_stack(ws, stack, name)
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await ws.stacks().DeleteComponent(Delete(name=name))
    assert refusal.error
    assert refusal.error.metadata["dependents"] == "stacks/a,stacks/b"


async def test_editors_see_components_and_do_not_change_them(ws: Harness) -> None:
    name = await new_store(ws)
    for person in (EDITOR, DEMO_EDITOR):
        stub = ws.stacks(ws.token(person))
        assert (await stub.GetComponent(Get(name=name))).name == name
        assert len((await stub.ListComponents(List())).components) == 1
        for call, request in (
            ("CreateComponent", Create(component_id="x")),
            ("UpdateComponent", Update(component=components_pb2.Component(name=name))),
            ("DeleteComponent", Delete(name=name)),
        ):
            async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
                await getattr(stub, call)(request)


async def test_changes_are_told_in_the_feed(ws: Harness) -> None:
    name = await new_store(ws)
    await ws.stacks().DeleteComponent(Delete(name=name))
    listed = await ws.events().ListEvents(
        events_pb2.ListEventsRequest(parent="projects/-", resource_types=["weft.dev/Component"])
    )
    made, gone = listed.events
    assert (made.name, made.project, made.component.flavor) == (
        name,
        "",
        "flavors/s3-artifact-store",
    )
    assert gone.type == events_pb2.EVENT_TYPE_DELETED
    own = await ws.events(ws.token(DEMO_EDITOR)).ListEvents(
        events_pb2.ListEventsRequest(parent="projects/-", resource_types=["weft.dev/Component"])
    )
    assert not own.events
