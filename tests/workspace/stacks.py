"""What tests of stacks make first."""

from typing import Any

from google.protobuf.json_format import ParseDict
from google.protobuf.struct_pb2 import Struct

from tests.workspace.harness import Harness
from weftapi.workspace.v1 import components_pb2, stacks_pb2


def struct(values: dict[str, Any]) -> Struct:
    return ParseDict(values, Struct())


async def new_component(
    ws: Harness, id_: str, flavor: str, config: dict[str, Any] | None = None, **fields: Any
) -> components_pb2.Component:
    component = components_pb2.Component(
        flavor=f"flavors/{flavor}", config=struct(config or {}), **fields
    )
    return await ws.stacks().CreateComponent(
        components_pb2.CreateComponentRequest(component_id=id_, component=component)
    )


async def new_store(ws: Harness, id_: str = "store", bucket: str = "acme-ml") -> str:
    """An S3 store's name."""
    made = await new_component(ws, id_, "s3-artifact-store", {"bucket": bucket, "prefix": "weft"})
    return made.name


async def new_stack(ws: Harness, id_: str, *components: str, **fields: Any) -> stacks_pb2.Stack:
    """A stack of components, by name, each in the place of its type."""
    places = {}
    for name in components:
        found = await ws.stacks().GetComponent(components_pb2.GetComponentRequest(name=name))
        places[found.type] = name
    stack = stacks_pb2.Stack(components=places, **fields)
    return await ws.stacks().CreateStack(stacks_pb2.CreateStackRequest(stack_id=id_, stack=stack))
