"""The control plane killed in the middle of operations: they end in the truth, nothing is left.

The points are states of the world that the operation passes through, seen from outside; a
seeded delay after each lets the kill fall anywhere behind it.
"""

import asyncio
import contextlib
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import grpc
import pytest

from tests.controlplane.client import Bearer, Client
from tests.controlplane.fleet import (
    STATE,
    W1,
    create,
    delete,
    end_of,
    end_servers,
    get,
    operation,
    servers,
    until,
)
from tests.controlplane.harness import ADMIN_EMAIL, PASSWORD, refused
from weft._ports import Ports
from weftapi.controlplane.v1 import auth_pb2

pytestmark = pytest.mark.fault

ROOT = Path(__file__).parents[2]
_LEASE_S = "1"


class Plane:
    """A control plane in a process of its own, killed and started again on the same ports."""

    def __init__(self, directory: Path, database_url: str) -> None:
        self.data = directory / "controlplane"
        self.homes = self.data / "workspaces"
        self._database_url = database_url
        # Its own also while it is dead.
        self._ports = Ports().take({"edge": 0, "mesh": 0})
        self._process: asyncio.subprocess.Process | None = None
        self._channel: grpc.aio.Channel | None = None

    async def start(self) -> None:
        self.data.mkdir(exist_ok=True)
        ready = self.data / "ready.json"
        ready.unlink(missing_ok=True)
        with (self.data / "server.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "controlplane"),
                cwd=ROOT,
                env=self._environment(ready),
                stdout=log,
                stderr=log,
            )

        async def is_ready() -> bool:
            return ready.exists()

        await until(is_ready)

    def _environment(self, ready: Path) -> dict[str, str]:
        settings = {
            "DATA_DIR": str(self.data),
            "DATABASE_URL": self._database_url,
            "READY_FILE": str(ready),
            "EDGE_ADDRESS": f"127.0.0.1:{self._ports['edge']}",
            "MESH_ADDRESS": f"127.0.0.1:{self._ports['mesh']}",
            "HEALTH_ADDRESS": "127.0.0.1:0",
            "METRICS_ADDRESS": "127.0.0.1:0",
            "PROVISIONER": "processes",
            "FLEET_LEASE_S": _LEASE_S,
            "DRAIN_S": "1",
        }
        given = {f"WEFT_CONTROLPLANE_{name}": text for name, text in settings.items()}
        return {"PYTHONPATH": f"{ROOT}:{ROOT / 'generated'}", **given}

    async def kill(self) -> None:
        assert self._process
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()
        if self._channel:
            await self._channel.close()

    async def admin(self) -> Client:
        """The administrator, made by the first call, over a channel of its own."""
        trust = grpc.ssl_channel_credentials((self.data / "ca.pem").read_bytes())
        target = f"localhost:{self._ports['edge']}"
        options = [("grpc.use_local_subchannel_pool", 1)]
        async with grpc.aio.secure_channel(target, trust, options) as channel:
            tokens = await self._sign_in(Client(channel))
        bearer = [Bearer(tokens.access_token)]
        self._channel = grpc.aio.secure_channel(target, trust, options, interceptors=bearer)
        return Client(self._channel)

    async def _sign_in(self, anyone: Client) -> auth_pb2.TokenSet:
        token = self.data / "setup-token"
        if not token.exists():
            request = auth_pb2.SignInRequest(email=ADMIN_EMAIL, password=PASSWORD)
            return await anyone.auth.SignIn(request)
        return await anyone.auth.CreateFirstAdministrator(
            auth_pb2.CreateFirstAdministratorRequest(
                setup_token=token.read_text(), email=ADMIN_EMAIL, password=PASSWORD
            )
        )


@pytest.fixture
async def plane(tmp_path: Path, database_url: str) -> AsyncIterator[Plane]:
    plane = Plane(tmp_path, database_url)
    try:
        await plane.start()
        yield plane
    finally:
        await plane.kill()
        end_servers(plane.homes)


Point = Callable[[Path], bool]
CREATING: dict[str, Point] = {
    "begun": lambda _: True,
    "token-written": lambda homes: any(homes.glob("*/enrollment-token")),
    "server-started": lambda homes: any(homes.glob("*/process.json")),
    "joined": lambda homes: any(homes.glob("*/data/credentials/chain.pem")),
}
DELETING: dict[str, Point] = {
    "begun": lambda _: True,
    "server-gone": lambda homes: not servers(homes),
    "credentials-gone": lambda homes: not any(homes.glob("*/data/credentials")),
}


async def killed_after(plane: Plane, is_there: Point, seed: int) -> Client:
    """Kills the control plane a little after a point, and starts it again."""

    async def has_come() -> bool:
        return is_there(plane.homes)

    await until(has_come)
    await asyncio.sleep(random.Random(seed).uniform(0, 0.3))
    await plane.kill()
    await plane.start()
    return await plane.admin()


@pytest.mark.parametrize(("seed", "point"), list(enumerate(CREATING)))
async def test_a_creation_goes_on(plane: Plane, seed: int, point: str) -> None:
    admin = await plane.admin()
    begun = await create(admin)
    admin = await killed_after(plane, CREATING[point], seed)
    answer = await end_of(admin, begun.name)
    assert not answer.HasField("error"), answer.error
    made: Any = await get(admin)
    assert made.state == STATE.WORKSPACE_STATE_ACTIVE
    assert set(servers(plane.homes)) == {made.uid}
    await end_of(admin, (await delete(admin)).name)
    assert not servers(plane.homes)


@pytest.mark.parametrize(("seed", "point"), list(enumerate(DELETING)))
async def test_a_deletion_goes_on(plane: Plane, seed: int, point: str) -> None:
    admin = await plane.admin()
    await end_of(admin, (await create(admin)).name)
    begun = await delete(admin)
    admin = await killed_after(plane, DELETING[point], seed)
    answer = await end_of(admin, begun.name)
    assert not answer.HasField("error"), answer.error
    assert not servers(plane.homes)
    assert await refused(get(admin, W1)) == ("NOT_FOUND", "RESOURCE_NOT_FOUND")
    assert (await operation(admin, begun.name)).done
