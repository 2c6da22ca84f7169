"""A rolling upgrade of the gateway under load: no call over HTTP fails, streams are handed over."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.controlplane.at_work import AtWork, Counted, judge
from tests.controlplane.harness import GATEWAY, ORGANIZATION, Client, Plane, running
from tests.rolling import Program, Rollout
from weftapi.controlplane.v1 import enrollments_pb2

pytestmark = pytest.mark.fault


@pytest.fixture
def database_url(postgres_url: str) -> str:
    """The gateway keeps nothing: what is behind it is on one database."""
    return postgres_url


@pytest.fixture
async def plane(tmp_path: Path, database_url: str) -> AsyncIterator[Plane]:
    async with running(tmp_path, database_url, rate_per_second=1e6, rate_burst=1e6) as plane:
        yield plane


async def joining(admin: Client) -> str:
    enrollment = enrollments_pb2.Enrollment(
        role=GATEWAY, workspaces=[f"{ORGANIZATION}/workspaces/w1"], host_names=["localhost"]
    )
    request = enrollments_pb2.CreateEnrollmentRequest(parent=ORGANIZATION, enrollment=enrollment)
    return (await admin.workspaces.CreateEnrollment(request)).token


@pytest.fixture
async def rollout(plane: Plane, admin: Client, tmp_path: Path) -> AsyncIterator[Rollout]:
    """Two replicas of one identity, which they share in a volume."""
    await plane.new_workspace(admin, "w1")
    token, numbers = tmp_path / "enrollment-token", itertools.count()
    token.write_text(await joining(admin))

    async def start() -> Program:
        return await Program.start(
            "gateway",
            tmp_path / f"replica-{next(numbers)}",
            credentials_dir=tmp_path / "gateway",
            control_plane_endpoint=f"localhost:{plane.server.ports.edge}",
            enrollment_token_file=token,
        )

    async with Rollout(start, "edge") as rollout:
        await rollout.add()
        await rollout.add()
        yield rollout


@pytest.mark.timeout(180)
async def test_replicas_are_replaced_under_load_and_no_call_fails(
    rollout: Rollout, plane: Plane, admin: Client
) -> None:
    target, ca_pem = f"https://localhost:{rollout.ports['edge']}", plane.trust.decode()
    token = admin.tokens.access_token
    at_work = AtWork(lambda: Counted(target, ca_pem=ca_pem, token=lambda *, is_fresh: token))
    try:
        at_work.start()
        for number in (0, 1, 0, 1):
            await asyncio.to_thread(at_work.more, 10)
            await rollout.replace(number)
        await asyncio.to_thread(at_work.more, 10)
        await asyncio.to_thread(at_work.end)
        await asyncio.to_thread(judge, at_work)
    finally:
        await asyncio.to_thread(at_work.close)
    given = [replica.given for replica in rollout.services["edge"].replicas]
    assert len(given) == 6
    assert all(given), given
