"""One contract over all types of connectors: whatever is behind them, they behave alike."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from structlog.testing import capture_logs

from meshkit.errors import Unavailable
from tests.workspace.aws_cloud import AwsCloud, aws_cloud
from tests.workspace.connector_cases import TYPES, Case, connect, standing
from tests.workspace.harness import Harness, refused, workspace
from weftapi.workspace.v1 import events_pb2
from weftapi.workspace.v1 import service_connectors_pb2 as pb
from workspace.connectors import types
from workspace.connectors.wire import Answer
from workspace.store.schema import MESH_TABLES

NAME = "serviceConnectors/one"


@pytest.fixture(scope="module")
def aws() -> Iterator[AwsCloud]:
    with aws_cloud() as cloud:
        yield cloud


@pytest.fixture(params=TYPES)
async def case(request: pytest.FixtureRequest) -> AsyncIterator[Case]:
    async with standing(request.param, lambda: request.getfixturevalue("aws")) as found:
        yield found


@pytest.fixture
async def ws(tmp_path: Path, sqlite_url: str) -> AsyncIterator[Harness]:
    """One database is enough: what is tested here asks another service, not the database."""
    settings = {"egress_networks": "127.0.0.0/8", "connector_timeout_s": 5.0}
    async with workspace(tmp_path, sqlite_url, **settings) as harness:
        yield harness


async def verify(ws: Harness, resource_type: str = "", resource_id: str = "") -> str:
    request = pb.VerifyServiceConnectorRequest(
        name=NAME, resource_type=resource_type, resource_id=resource_id
    )
    return (await ws.connectors().VerifyServiceConnector(request)).identity


async def resources(ws: Harness, case: Case, **page: Any) -> pb.ListConnectorResourcesResponse:
    request = pb.ListConnectorResourcesRequest(
        parent=NAME, resource_type=case.resource_type, **page
    )
    return await ws.connectors().ListConnectorResources(request)


async def issue(ws: Harness, case: Case, **more: Any) -> pb.IssueCredentialsResponse:
    request = pb.IssueCredentialsRequest(
        name=NAME, resource_type=case.resource_type, resource_id=case.resource_id, **more
    )
    return await ws.connectors().IssueCredentials(request)


def test_every_type_has_a_case() -> None:
    assert sorted(TYPES) == [each.id for each in types.every()]


async def test_right_credentials_are_verified(ws: Harness, case: Case) -> None:
    await connect(ws, case)
    assert await verify(ws) == case.identity
    assert await verify(ws, case.resource_type, case.resource_id) == case.identity


async def test_wrong_credentials_are_said_to_be_wrong(ws: Harness, case: Case) -> None:
    await connect(ws, case, secret_config=case.wrong)
    for call in (lambda: verify(ws), lambda: issue(ws, case)):
        async with refused("FAILED_PRECONDITION", "CONNECTOR_REJECTED") as refusal:
            await call()
        assert refusal.error
        assert "weft connectors update" in refusal.error.message
        assert not [s for s in case.wrong.values() if s in str(refusal.error.__dict__)]
    changed = pb.ServiceConnector(name=NAME, secret_config=case.secrets)
    request = pb.UpdateServiceConnectorRequest(service_connector=changed)
    await ws.connectors().UpdateServiceConnector(request)
    assert await verify(ws) == case.identity


async def test_what_there_is_is_listed_by_pages(ws: Harness, case: Case) -> None:
    await connect(ws, case)
    if case.listed is None:
        async with refused("FAILED_PRECONDITION", "CONNECTOR_UNSUPPORTED"):
            await resources(ws, case)
        return
    found = [each.resource_id for each in (await resources(ws, case)).resources]
    assert found == case.listed
    paged, token = [], ""
    while True:
        page = await resources(ws, case, page_size=1, page_token=token)
        paged += [each.resource_id for each in page.resources]
        token = page.next_page_token
        if not token:
            break
    assert paged == case.listed


async def test_issued_credentials_are_new_short_lived_and_kept(ws: Harness, case: Case) -> None:
    await connect(ws, case)
    first = await issue(ws, case)
    assert first.WhichOneof("credentials") == case.kind
    assert first.resource_id.startswith(case.resource_id)
    left = first.expire_time.ToDatetime(UTC) - ws.clock.now()
    assert timedelta(0) < left <= timedelta(hours=1, minutes=1)
    assert not [secret for secret in case.secrets.values() if secret in str(first)]
    asked = len(case.service.asked)
    assert await issue(ws, case) == first
    assert len(case.service.asked) == asked
    # Other rights are other credentials.
    other = await issue(ws, case, access=pb.CREDENTIAL_ACCESS_WRITE)
    assert getattr(other, case.kind) != getattr(first, case.kind)


async def test_credentials_are_renewed_before_they_end(ws: Harness, case: Case) -> None:
    await connect(ws, case)
    first = await issue(ws, case)
    life = first.expire_time.ToDatetime(UTC) - ws.clock.now()
    ws.clock.move(seconds=life.total_seconds() * 0.5)
    assert await issue(ws, case) == first
    ws.clock.move(seconds=life.total_seconds() * 0.3)
    assert getattr(await issue(ws, case), case.kind) != getattr(first, case.kind)


async def test_many_who_want_the_same_ask_once(ws: Harness, case: Case) -> None:
    await connect(ws, case)
    case.service.hangs = True
    waiting = [asyncio.create_task(issue(ws, case)) for _ in range(20)]
    await case.service.heard.wait()
    waiting.pop().cancel()
    case.service.wake()
    found = await asyncio.gather(*waiting)
    assert all(each == found[0] for each in found)
    once = len(case.service.asked)
    await issue(ws, case, access=pb.CREDENTIAL_ACCESS_WRITE)
    assert len(case.service.asked) <= 2 * once


async def test_a_service_that_is_down_fails_that_call_alone(ws: Harness, case: Case) -> None:
    await connect(ws, case)
    first = await issue(ws, case)
    case.service.is_down = True
    async with refused("UNAVAILABLE", "CONNECTOR_UNAVAILABLE") as refusal:
        await verify(ws)
    assert refusal.error
    assert "503" in refusal.error.message
    # What was issued before is still good.
    assert await issue(ws, case) == first
    case.service.is_down = False
    assert await verify(ws) == case.identity


async def test_a_slow_service_is_given_up(tmp_path: Path, sqlite_url: str, case: Case) -> None:
    settings = {"egress_networks": "127.0.0.0/8", "connector_timeout_s": 0.3}
    async with workspace(tmp_path, sqlite_url, **settings) as ws:
        await connect(ws, case)
        case.service.hangs = True
        for call in (lambda: verify(ws), lambda: issue(ws, case)):
            async with refused("UNAVAILABLE", "CONNECTOR_UNAVAILABLE") as refusal:
                await call()
            assert refusal.error
            assert "in time" in refusal.error.message or "too long" in refusal.error.message


async def test_nothing_answers_at_a_dead_address(ws: Harness, case: Case) -> None:
    case.config = {n: v.replace(case.url, "http://127.0.0.1:1") for n, v in case.config.items()}
    secrets = {n: v.replace(case.url, "http://127.0.0.1:1") for n, v in case.secrets.items()}
    await connect(ws, case, secret_config=secrets)
    async with refused("UNAVAILABLE", "CONNECTOR_UNAVAILABLE") as refusal:
        await verify(ws)
    assert refusal.error
    assert "cannot be reached" in refusal.error.message


async def test_every_issue_is_written_down(ws: Harness, case: Case) -> None:
    await connect(ws, case)
    for _ in range(3):
        await issue(ws, case)

    def issues(session: Any) -> list[Any]:
        events = MESH_TABLES.audit_events
        query = sa.select(events.c.resource, events.c.fields).where(
            events.c.method.endswith("/IssueCredentials")
        )
        return list(session.execute(query))

    rows = await ws.workspace.database.read(issues)
    assert [(row.resource, row.fields) for row in rows] == [(NAME, [case.resource_type])] * 3


async def test_secrets_come_up_nowhere(
    ws: Harness, case: Case, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with capture_logs() as lines, caplog.at_level(logging.DEBUG):
        said = [str(await connect(ws, case)), await verify(ws)]
        issued = await issue(ws, case)
        said.append(
            str(await ws.connectors().ListServiceConnectors(pb.ListServiceConnectorsRequest()))
        )
        feed = await ws.events().ListEvents(events_pb2.ListEventsRequest(parent="projects/-"))
        said.append(str(feed))
    texts = [*said, str(lines), caplog.text]
    credentials = getattr(issued, case.kind)
    hidden = [
        value
        for field, value in credentials.ListFields()
        if field.name in {"secret_access_key", "session_token", "access_token", "sas_token"}
        or field.name in {"token", "password", "bearer_token"}
    ]
    assert hidden
    files = _contents(tmp_path)
    for secret in (*case.secrets.values(), *hidden):
        assert not [text for text in texts if secret in text]
        assert not [content for content in files if secret.encode() in content]


def _contents(directory: Path) -> list[bytes]:
    return [path.read_bytes() for path in directory.rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a>",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'.encode("utf-16"),
        b"\xff\xfe",
    ],
)
def test_xml_that_is_none_or_dangerous_is_not_read(body: bytes) -> None:
    answer = Answer("A service", 200, {}, body)
    with pytest.raises(Unavailable):
        answer.xml()


@pytest.mark.parametrize("body", [b"", b"[1]", b"{", b"[" * 100_000, b"\xff"])
def test_json_that_is_no_object_is_not_read(body: bytes) -> None:
    answer = Answer("A service", 400, {}, body)
    assert answer.said() == {}
    with pytest.raises(Unavailable):
        answer.json()
