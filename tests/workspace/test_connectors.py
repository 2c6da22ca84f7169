"""ServiceConnectorService: what is kept, what is shown, what is refused."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.struct_pb2 import Struct

from tests.cases import on_one_server
from tests.workspace.harness import EDITOR, STRANGER, VIEWER, Harness, refused
from weftapi.workspace.v1 import events_pb2
from weftapi.workspace.v1 import service_connectors_pb2 as pb
from workspace.connectors import types
from workspace.store.schema import MESH_TABLES

NAME = "serviceConnectors/aws"
KEY_ID, KEY = "AKIAIOSFODNN7EXAMPLE", "the-key-that-nobody-may-see"
CONFIG = {"access_key_id": KEY_ID, "region": "eu-central-1"}
Update = pb.UpdateServiceConnectorRequest
List = pb.ListServiceConnectorsRequest


def connector(config: dict[str, Any] | None = None, **fields: Any) -> pb.ServiceConnector:
    """One that signs in to AWS with an access key, unless told otherwise."""
    found = pb.ServiceConnector(
        **{
            "type": "connectorTypes/aws",
            "auth_method": "access-key",
            "secret_config": {"secret_access_key": KEY},
            **fields,
        }
    )
    found.config.update(CONFIG if config is None else config)
    return found


def creation(id_: str = "aws", **fields: Any) -> pb.CreateServiceConnectorRequest:
    return pb.CreateServiceConnectorRequest(
        service_connector_id=id_, service_connector=connector(**fields)
    )


async def create(ws: Harness, id_: str = "aws", **fields: Any) -> pb.ServiceConnector:
    return await ws.connectors().CreateServiceConnector(creation(id_, **fields))


async def update(
    ws: Harness, *paths: str, config: dict[str, Any] | None = None, **fields: Any
) -> pb.ServiceConnector:
    changed = pb.ServiceConnector(name=NAME, **fields)
    if config is not None:
        changed.config.update(config)
    request = Update(service_connector=changed, update_mask=FieldMask(paths=paths))
    return await ws.connectors().UpdateServiceConnector(request)


async def violations(ws: Harness, **fields: Any) -> dict[str, str]:
    """The fields that a creation is refused for."""
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS") as refusal:
        await create(ws, **fields)
    assert refusal.error
    return {
        each.field.removeprefix("service_connector."): each.description
        for each in refusal.error.violations
    }


async def test_a_connector_from_its_first_day_to_its_last(ws: Harness) -> None:
    made = await create(ws, display_name="Training", labels={"team": "a"}, annotations={"x": "y"})
    assert (made.name, made.secret_fields) == (NAME, ["secret_access_key"])
    assert dict(made.config) == CONFIG
    got = await ws.connectors().GetServiceConnector(pb.GetServiceConnectorRequest(name=NAME))
    assert got == made
    listed = await ws.connectors().ListServiceConnectors(List())
    assert (list(listed.service_connectors), listed.revision >= made.revision) == ([made], True)
    changed = await update(ws, "display_name", display_name="Lab", description="kept out")
    assert (changed.display_name, changed.description) == ("Lab", "")
    assert changed.etag != made.etag
    await ws.connectors().DeleteServiceConnector(
        pb.DeleteServiceConnectorRequest(name=NAME, etag=changed.etag)
    )
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.connectors().GetServiceConnector(pb.GetServiceConnectorRequest(name=NAME))


async def test_secrets_stand_in_no_answer_event_audit_row_or_table(ws: Harness) -> None:
    said = [str(await create(ws)), str(await update(ws, "display_name", display_name="x"))]
    said.append(str(await ws.connectors().ListServiceConnectors(List())))
    secret = {"secret_access_key": KEY + "2"}
    said.append(str(await update(ws, "secret_config", secret_config=secret)))
    feed = await ws.events().ListEvents(events_pb2.ListEventsRequest(parent="projects/-"))
    kinds = [e.resource_type for e in feed.events if e.HasField("service_connector")]
    assert kinds == ["weft.dev/ServiceConnector"] * 3
    said.append(str(feed))

    def everything(session: Any) -> str:
        metadata = MESH_TABLES.audit_events.metadata
        rows = [session.execute(sa.select(table)).all() for table in metadata.sorted_tables]
        return str(rows)

    stored = await ws.workspace.database.read(everything)
    assert KEY_ID in stored
    assert not [text for text in (*said, stored) if KEY in text]


async def test_one_request_id_makes_one_connector(ws: Harness) -> None:
    request = creation()
    request.request_id = str(uuid4())
    first = await ws.connectors().CreateServiceConnector(request)
    assert await ws.connectors().CreateServiceConnector(request) == first
    request.service_connector.secret_config["secret_access_key"] = "another"
    async with refused("INVALID_ARGUMENT", "REQUEST_ID_REUSED"):
        await ws.connectors().CreateServiceConnector(request)
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await create(ws)


async def test_what_does_not_fit_is_named_without_its_value(ws: Harness) -> None:
    wrong = await violations(
        ws,
        config={"region": "nowhere", "secret_access_key": KEY, "colour": KEY, "endpoint_url": 5},
        secret_config={"access_key_id": KEY},
    )
    assert set(wrong) == {
        "config.region",
        "config.secret_access_key",
        "config.colour",
        "config.endpoint_url",
        "config.access_key_id",
        "secret_config.access_key_id",
        "secret_config.secret_access_key",
    }
    assert "put it into secret_config" in wrong["config.secret_access_key"]
    assert KEY not in str(wrong)
    assert set(await violations(ws, type="connectorTypes/absent")) == {"type"}
    assert set(await violations(ws, auth_method="absent")) == {"auth_method"}
    assert set(await violations(ws, resource_types=["s3-bucket", "no"])) == {"resource_types"}
    assert set(await violations(ws, resource_types=["s3-bucket"] * 2)) == {"resource_types"}
    assert set(await violations(ws, resource_id="models")) == {"resource_id"}
    one = await violations(ws, resource_id="*", resource_types=["s3-bucket"])
    assert set(one) == {"resource_id"}


@on_one_server(
    "fields",
    [
        {"display_name": "x" * 129},
        {"resource_id": "x" * 1025},
        {"secret_config": {"secret_access_key": "x" * 65_537}},
        {"secret_config": {"secret_access_key": "x" * 257}},
        {"config": {**CONFIG, "endpoint_url": "https://" + "x" * 3000}},
    ],
)
async def test_what_is_too_large_is_refused(ws: Harness, fields: dict[str, Any]) -> None:
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await create(ws, **fields)


@on_one_server("id_", ["", "A", "a/b", "../x", "a" * 64, "x\ny"])
async def test_hostile_ids_are_refused(ws: Harness, id_: str) -> None:
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await create(ws, id_)


async def test_an_update_says_what_is_wrong_with_it(ws: Harness) -> None:
    made = await create(ws)
    await update(ws, "display_name", display_name="x")
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await update(ws, "display_name", display_name="y", etag=made.etag)
    for path in ("uid", "type", "secret_fields", "nothing"):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await update(ws, path)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await update(ws, "secret_config", secret_config={"secret_access_key": ""})
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.connectors().UpdateServiceConnector(
            Update(service_connector=pb.ServiceConnector(name="serviceConnectors/absent"))
        )


async def test_an_update_without_effect_is_none(ws: Harness) -> None:
    made = await create(ws)
    same = await update(ws, "secret_config", secret_config={"secret_access_key": KEY})
    assert same == made


async def test_who_sends_secrets_elsewhere_must_know_them(ws: Harness) -> None:
    await create(ws)
    elsewhere = {**CONFIG, "endpoint_url": "https://collector.example"}
    async with refused("FAILED_PRECONDITION", "CONNECTOR_SECRETS_NEEDED") as refusal:
        await update(ws, "config", config=elsewhere)
    assert refusal.error
    assert refusal.error.metadata["fields"] == "secret_access_key"
    await update(ws, "config", config={**CONFIG, "region": "us-east-1"})
    moved = await update(
        ws,
        "config",
        "secret_config",
        config=elsewhere,
        secret_config={"secret_access_key": "another"},
    )
    assert moved.config["endpoint_url"] == "https://collector.example"
    # Back again is elsewhere too.
    async with refused("FAILED_PRECONDITION", "CONNECTOR_SECRETS_NEEDED"):
        await update(ws, "config", config=CONFIG)


async def test_another_way_to_sign_in_takes_its_own_secrets(ws: Harness) -> None:
    await create(ws)
    config = {"region": "eu-central-1", "role_arn": "arn:aws:iam::123456789012:role/x"}
    changed = await update(ws, "auth_method", "config", auth_method="web-identity", config=config)
    assert (changed.auth_method, list(changed.secret_fields)) == ("web-identity", [])


async def test_a_list_is_paged_ordered_and_filtered(ws: Harness) -> None:
    for id_ in ("c", "a", "b"):
        await create(ws, id_, display_name=f"The {id_}")
    stub = ws.connectors()
    first = await stub.ListServiceConnectors(List(page_size=2))
    second = await stub.ListServiceConnectors(List(page_size=2, page_token=first.next_page_token))
    found = [each.name for page in (first, second) for each in page.service_connectors]
    assert found == [f"serviceConnectors/{id_}" for id_ in "abc"]
    newest = await stub.ListServiceConnectors(List(order_by="create_time desc", page_size=1))
    assert newest.service_connectors[0].name == "serviceConnectors/b"
    named = await stub.ListServiceConnectors(List(filter='display_name = "The a"'))
    assert len(named.service_connectors) == 1
    typed = await stub.ListServiceConnectors(List(filter='type = "gcp"'))
    assert not typed.service_connectors
    async with refused("INVALID_ARGUMENT", "INVALID_FILTER"):
        await stub.ListServiceConnectors(List(filter='config = "x"'))
    async with refused("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN"):
        await stub.ListServiceConnectors(List(page_token="x"))


async def test_types_say_what_they_ask_for(ws: Harness) -> None:
    listed = await ws.connectors().ListConnectorTypes(pb.ListConnectorTypesRequest())
    assert [each.name for each in listed.connector_types] == [
        f"connectorTypes/{each.id}" for each in types.every()
    ]
    aws = await ws.connectors().GetConnectorType(
        pb.GetConnectorTypeRequest(name="connectorTypes/aws")
    )
    method = next(each for each in aws.auth_methods if each.id == "access-key")
    properties = method.config_schema["properties"]
    assert isinstance(properties, Struct)
    secret = [name for name in properties if "writeOnly" in properties[name]]
    assert secret == list(method.secret_fields) == ["secret_access_key"]
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.connectors().GetConnectorType(
            pb.GetConnectorTypeRequest(name="connectorTypes/absent")
        )
    first = await ws.connectors().ListConnectorTypes(pb.ListConnectorTypesRequest(page_size=1))
    assert first.connector_types[0] == listed.connector_types[0]


async def test_who_may_do_what(ws: Harness) -> None:
    await create(ws)
    viewer, editor = ws.connectors(ws.token(VIEWER)), ws.connectors(ws.token(EDITOR))
    await viewer.GetServiceConnector(pb.GetServiceConnectorRequest(name=NAME))
    for stub, call, request in (
        (viewer, "IssueCredentials", pb.IssueCredentialsRequest(name=NAME, resource_type="x")),
        (viewer, "VerifyServiceConnector", pb.VerifyServiceConnectorRequest(name=NAME)),
        (editor, "CreateServiceConnector", creation("other")),
        (editor, "UpdateServiceConnector", Update(service_connector=connector(name=NAME))),
        (editor, "DeleteServiceConnector", pb.DeleteServiceConnectorRequest(name=NAME)),
        (
            ws.connectors(ws.token(STRANGER)),
            "GetServiceConnector",
            pb.GetServiceConnectorRequest(name=NAME),
        ),
    ):
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await getattr(stub, call)(request)


async def test_a_run_gets_no_credentials_that_its_stack_does_not_name(ws: Harness) -> None:
    await create(ws)
    run = await ws.create_run()
    token = await ws.run_token(run.name)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.connectors(token).IssueCredentials(
            pb.IssueCredentialsRequest(name=NAME, resource_type="s3-bucket", resource_id="models")
        )


async def test_a_connector_may_offer_one_resource_alone(ws: Harness) -> None:
    await create(ws, resource_types=["s3-bucket"], resource_id="models/team")
    for type_, id_ in (
        ("s3-bucket", "models"),
        ("s3-bucket", "models/team2"),
        ("s3-bucket", "models/team/../x"),
        ("aws-generic", ""),
        ("absent", ""),
    ):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await ws.connectors().IssueCredentials(
                pb.IssueCredentialsRequest(name=NAME, resource_type=type_, resource_id=id_)
            )


async def test_nothing_is_issued_after_the_credentials_end(ws: Harness) -> None:
    end = datetime.now(UTC) - timedelta(minutes=1)
    made = connector()
    made.expire_time.FromDatetime(end)
    await ws.connectors().CreateServiceConnector(
        pb.CreateServiceConnectorRequest(service_connector_id="aws", service_connector=made)
    )
    async with refused("FAILED_PRECONDITION", "CONNECTOR_EXPIRED"):
        await ws.connectors().IssueCredentials(
            pb.IssueCredentialsRequest(name=NAME, resource_type="s3-bucket", resource_id="models")
        )


@pytest.mark.parametrize(
    "endpoint", ["https://169.254.169.254", "http://127.0.0.1:1", "https://10.0.0.1"]
)
async def test_no_connector_leads_into_our_own_network(ws: Harness, endpoint: str) -> None:
    await create(ws, config={**CONFIG, "endpoint_url": endpoint})
    async with refused("UNAVAILABLE", "CONNECTOR_UNAVAILABLE") as refusal:
        await ws.connectors().VerifyServiceConnector(pb.VerifyServiceConnectorRequest(name=NAME))
    assert refusal.error
    assert "not a public address" in refusal.error.message or "https" in refusal.error.message
    async with refused("UNAVAILABLE", "CONNECTOR_UNAVAILABLE"):
        await ws.connectors().ListConnectorResources(
            pb.ListConnectorResourcesRequest(parent=NAME, resource_type="s3-bucket")
        )
