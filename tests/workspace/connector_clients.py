"""Calls of ServiceConnectorService about the one connector that a test has."""

from typing import Any

from tests.workspace.harness import Harness
from weftapi.workspace.v1 import service_connectors_pb2 as pb

NAME = "serviceConnectors/one"


async def connect(
    ws: Harness, type_: str, method: str, config: dict[str, str], **secrets: str
) -> None:
    connector = pb.ServiceConnector(
        type=f"connectorTypes/{type_}", auth_method=method, secret_config=secrets
    )
    connector.config.update(config)
    request = pb.CreateServiceConnectorRequest(
        service_connector_id="one", service_connector=connector
    )
    await ws.connectors().CreateServiceConnector(request)


async def issue(ws: Harness, type_: str, id_: str = "", **more: Any) -> Any:
    request = pb.IssueCredentialsRequest(name=NAME, resource_type=type_, resource_id=id_, **more)
    return await ws.connectors().IssueCredentials(request)


async def verify(ws: Harness) -> str:
    request = pb.VerifyServiceConnectorRequest(name=NAME)
    return (await ws.connectors().VerifyServiceConnector(request)).identity


async def resources(ws: Harness, type_: str) -> list[str]:
    request = pb.ListConnectorResourcesRequest(parent=NAME, resource_type=type_)
    answer = await ws.connectors().ListConnectorResources(request)
    return [each.resource_id for each in answer.resources]
