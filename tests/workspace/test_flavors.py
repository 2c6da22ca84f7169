"""Flavors: those that come with Weft, and those that people make."""

from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator

from tests.workspace.harness import DEMO_EDITOR, VIEWER, Harness, refused
from tests.workspace.stacks import new_component, struct
from weftapi.workspace.v1 import components_pb2
from workspace import schemas_json
from workspace.stacks.flavors import BUILT_IN
from workspace.stacks.types import TYPES

Create = components_pb2.CreateFlavorRequest
Get = components_pb2.GetFlavorRequest
List = components_pb2.ListFlavorsRequest
Delete = components_pb2.DeleteFlavorRequest
SCHEMA = {
    "type": "object",
    "properties": {"uri": {"type": "string"}, "token": {"type": "string", "x-weft-secret": True}},
    "required": ["uri"],
    "additionalProperties": False,
}


async def make(ws: Harness, id_: str, schema: dict[str, Any] | None = None, **fields: Any) -> Any:
    flavor = components_pb2.Flavor(
        type=fields.pop("type", "experiment_tracker"),
        config_schema=struct(SCHEMA if schema is None else schema),
        **fields,
    )
    return await ws.stacks().CreateFlavor(Create(flavor_id=id_, flavor=flavor))


async def test_every_type_has_flavors_that_come_with_weft(ws: Harness) -> None:
    listed = await ws.stacks().ListFlavors(List(page_size=500, filter="built_in = true"))
    assert {flavor.type for flavor in listed.flavors} == set(TYPES)
    names = [flavor.name for flavor in listed.flavors]
    assert names == sorted(names)
    got = await ws.stacks().GetFlavor(Get(name="flavors/s3-artifact-store"))
    assert got in listed.flavors
    assert got.use == components_pb2.FLAVOR_USE_EXECUTED
    assert "bucket" in got.config_schema["properties"]
    async with refused("FAILED_PRECONDITION", "BUILT_IN_FLAVOR"):
        await ws.stacks().DeleteFlavor(Delete(name=got.name))


@pytest.mark.parametrize("id_", BUILT_IN)
def test_a_built_in_schema_is_one_as_people_may_write_them(id_: str) -> None:
    schemas_json.check_schema(BUILT_IN[id_].flavor.config_schema, "schema")
    Draft202012Validator.check_schema(BUILT_IN[id_].flavor.config_schema)


async def test_a_flavor_is_made_listed_used_and_deleted(ws: Harness) -> None:
    made = await make(ws, "mlflow", display_name="MLflow", labels={"team": "a"})
    assert (made.type, made.built_in) == ("experiment_tracker", False)
    assert made.use == components_pb2.FLAVOR_USE_RECORDED
    assert await ws.stacks().GetFlavor(Get(name=made.name)) == made
    own = await ws.stacks().ListFlavors(List(filter="built_in = false"))
    assert list(own.flavors) == [made]
    await new_component(ws, "tracker", "mlflow", {"uri": "https://mlflow.example"})
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await ws.stacks().DeleteFlavor(Delete(name=made.name))
    assert refusal.error
    assert refusal.error.metadata["dependents"] == "components/tracker"
    await ws.stacks().DeleteComponent(
        components_pb2.DeleteComponentRequest(name="components/tracker")
    )
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await ws.stacks().DeleteFlavor(Delete(name=made.name, etag="another-1"))
    await ws.stacks().DeleteFlavor(Delete(name=made.name, etag=made.etag))
    for call, request in (("GetFlavor", Get), ("DeleteFlavor", Delete)):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await getattr(ws.stacks(), call)(request(name=made.name))


async def test_a_taken_id_is_refused_and_a_repeated_request_is_not(ws: Harness) -> None:
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await make(ws, "s3-artifact-store")
    flavor = components_pb2.Flavor(type="annotator", config_schema=struct(SCHEMA))
    request = Create(flavor_id="own", flavor=flavor, request_id=str(uuid4()))
    first = await ws.stacks().CreateFlavor(request)
    assert await ws.stacks().CreateFlavor(request) == first
    request.request_id = str(uuid4())
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await ws.stacks().CreateFlavor(request)


async def test_the_list_goes_on_over_both_kinds(ws: Harness) -> None:
    await make(ws, "aaa")
    await make(ws, "zzz")
    names: list[str] = []
    token = ""
    while True:
        page = await ws.stacks().ListFlavors(List(page_size=7, page_token=token))
        names += [flavor.name for flavor in page.flavors]
        token = page.next_page_token
        if not token:
            break
    assert names == sorted([f"flavors/{id_}" for id_ in (*BUILT_IN, "aaa", "zzz")])
    last = await ws.stacks().ListFlavors(List(page_size=1, order_by="name desc"))
    assert [flavor.name for flavor in last.flavors] == ["flavors/zzz"]
    async with refused("INVALID_ARGUMENT", "INVALID_FILTER"):
        await ws.stacks().ListFlavors(List(filter='creator = "x"'))
    async with refused("INVALID_ARGUMENT", "INVALID_ORDER"):
        await ws.stacks().ListFlavors(List(order_by="type"))


async def test_everybody_in_the_workspace_sees_flavors_and_administrators_make_them(
    ws: Harness,
) -> None:
    for person in (VIEWER, DEMO_EDITOR):
        stub = ws.stacks(ws.token(person))
        assert (await stub.ListFlavors(List())).flavors
        await stub.GetFlavor(Get(name="flavors/s3-artifact-store"))
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await stub.CreateFlavor(Create(flavor_id="x"))


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        ({"type": "array"}, "flavor.config_schema.type"),
        ({"type": "object", "properties": {"a": {"type": "text"}}}, "properties.a.type"),
        ({"type": "object", "properties": {"a": {"$ref": "#"}}}, "properties.a.$ref"),
        (
            {"type": "object", "properties": {"a": {"$ref": "http://10.0.0.1/schema"}}},
            "properties.a.$ref",
        ),
        ({"type": "object", "properties": {"a": {"pattern": "([a-z]+)*"}}}, "properties.a.pattern"),
        ({"type": "object", "patternProperties": {"(a+)+": {}}}, "patternProperties"),
        ({"type": "object", "required": "uri"}, "required"),
        ({"type": "object", "minProperties": -1}, "minProperties"),
    ],
)
def test_what_is_no_schema_is_refused_with_its_position(schema: dict[str, Any], field: str) -> None:
    with pytest.raises(Exception, match="JSON Schema") as refusal:
        schemas_json.check_schema(schema, "flavor.config_schema")
    problems = [violation.field for violation in refusal.value.violations]
    assert any(problem.endswith(field) for problem in problems), problems


async def test_a_schema_too_deep_or_too_large_is_refused(ws: Harness) -> None:
    deep: dict[str, Any] = {}
    for _ in range(30):
        deep = {"properties": {"a": deep}}
    with pytest.raises(Exception, match="nested deeper"):
        schemas_json.check_schema({"type": "object", **deep}, "schema")
    async with refused("INVALID_ARGUMENT", "INVALID_SCHEMA"):
        await make(ws, "wild", {"type": "object", "title": "x" * 70_000})
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await make(ws, "typeless", type="")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await make(ws, "foreign", type="spaceship")
    # A property may well be called as a keyword is.
    made = await make(ws, "named", {"type": "object", "properties": {"$ref": {"type": "string"}}})
    assert made.name == "flavors/named"
