"""A rolling upgrade of the control plane under load: no call of the SDK fails, links go on."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import cast

import pytest

from controlplane.config import Settings
from meshkit.server import MeshServer, Ports
from tests.controlplane.at_work import AtWork, Counted, judge
from tests.controlplane.harness import ManualClock, Plane
from tests.controlplane.linked import linked_workspace, until
from tests.rolling import Program, Rollout
from weft._connection import no_token
from workspace.server import Workspace

pytestmark = pytest.mark.fault


class Behind:
    """Where a control plane of several replicas is reached: its Services."""

    def __init__(self, rollout: Rollout) -> None:
        self.ports = Ports(rollout.ports["edge"], rollout.ports["mesh"], health=0, metrics=0)


@pytest.fixture
async def rollout(tmp_path: Path, postgres_url: str) -> AsyncIterator[Rollout]:
    """Two replicas on one database, which share a volume."""
    numbers = itertools.count()

    async def start() -> Program:
        return await Program.start(
            "controlplane",
            tmp_path / f"replica-{next(numbers)}",
            data_dir=tmp_path / "controlplane",
            database_url=postgres_url,
            rate_per_second=1e6,
            rate_burst=1e6,
            sign_in_per_minute=10_000,
        )

    async with Rollout(start, "edge", "mesh") as rollout:
        await rollout.add()
        await rollout.add()
        yield rollout


@pytest.fixture
async def plane(rollout: Rollout, tmp_path: Path) -> AsyncIterator[Plane]:
    settings = Settings(data_dir=tmp_path / "controlplane")
    async with AsyncExitStack() as stack:
        yield Plane(cast("MeshServer", Behind(rollout)), settings, ManualClock(), stack)


def is_linked(workspace: Workspace) -> bool:
    return workspace.link is not None and workspace.link.is_connected


@pytest.mark.timeout(180)
async def test_replicas_are_replaced_under_load_and_no_call_fails(
    rollout: Rollout, plane: Plane, tmp_path: Path
) -> None:
    admin = await plane.set_up()
    await plane.new_workspace(admin, "w1")
    target, ca_pem = f"localhost:{rollout.ports['edge']}", plane.trust.decode()
    token = admin.tokens.access_token
    at_work = AtWork(lambda: Counted(target, ca_pem=ca_pem, token=lambda *, is_fresh: token))
    ports = rollout.ports
    workspace = await linked_workspace(
        admin, ports["edge"], ports["mesh"], plane.clock, tmp_path / "workspace"
    )
    await workspace.start()
    try:
        at_work.start()
        tokens = (await plane.sign_in()).tokens
        at_work.renew(Counted(target, ca_pem=ca_pem, token=no_token), tokens.refresh_token)
        for number in (0, 1, 0, 1):
            await asyncio.to_thread(at_work.more, 10)
            await until(lambda: is_linked(workspace))
            await rollout.replace(number)
        await asyncio.to_thread(at_work.more, 10)
        await until(lambda: is_linked(workspace))
        await asyncio.to_thread(at_work.end)
        await asyncio.to_thread(judge, at_work)
    finally:
        await asyncio.to_thread(at_work.close)
        await workspace.stop()
    given = [replica.given for replica in rollout.services["edge"].replicas]
    assert len(given) == 6
    assert all(given), given
    # The link was on another replica after each that it was on had to go.
    assert sum(replica.given for replica in rollout.services["mesh"].replicas) >= 3
