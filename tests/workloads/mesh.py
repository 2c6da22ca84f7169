"""A real workload manager in a process of its own, and workspaces that call it over mTLS."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, Process
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from meshkit import certificates
from meshkit.channels import Channels
from meshkit.credentials import Credentials, KeyPair, write_files
from meshkit.spiffe import Role, SpiffeId
from tests import rpc_coverage
from tests.workloads.observed import PATIENCE_S, end_everything
from weftapi.workloads.v1 import workloads_pb2, workloads_pb2_grpc

DOMAIN = "test.mesh"
ROOT = Path(__file__).parents[2]


def identity(role: Role) -> SpiffeId:
    return SpiffeId(DOMAIN, role, uuid4(), uuid4() if role is Role.WORKSPACE else None)


class Site:
    """One CA, one manager that may die and come back, and workspaces."""

    def __init__(self, directory: Path, stack: AsyncExitStack) -> None:
        self.directory = directory
        self.state = directory / "state"
        self._log = directory / "manager.log"
        self._stack = stack
        self._authority = certificates.make_authority("test CA", now=datetime.now(UTC))
        self.manager_id = identity(Role.WORKLOAD_MANAGER)
        self._issue("manager", self.manager_id)
        self.process: Process | None = None
        self.ports: dict[str, int] = {}
        stack.push_async_callback(self._end_all)

    async def _end_all(self) -> None:
        """Leaves nothing behind, however the test went and however far a shim was."""
        await self.kill()
        if self._log.exists():
            rpc_coverage.note_log(self._log)
        end_everything(self.state)

    def _issue(self, name: str, who: SpiffeId) -> Credentials:
        key = certificates.new_key()
        now, day = datetime.now(UTC), timedelta(days=1)
        chain = certificates.sign_leaf(
            self._authority, key.public_key(), who, now=now, lifetime=day, extra_names=[]
        )
        pair = KeyPair(certificates.key_to_pem(key), chain)
        write_files(self.directory / name, pair, self._authority.pem)
        return Credentials(self.directory / name)

    async def start(self, *allowed: SpiffeId, **settings: object) -> None:
        ready = self.directory / "ready.json"
        ready.unlink(missing_ok=True)
        settings = {
            "credentials_dir": self.directory / "manager",
            "state_dir": self.state,
            "ready_file": ready,
            "allowed_workspaces": json.dumps([str(who.uid) for who in allowed]),
            "slots": 4,
            "log_level": "debug",
            **settings,
        }
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "generated"))),
            **{f"WEFT_WORKLOADS_{name.upper()}": str(value) for name, value in settings.items()},
        }
        with self._log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "workloads",
                env=environment,
                stdin=DEVNULL,
                stderr=log,
                cwd=ROOT,
            )
        async with asyncio.timeout(PATIENCE_S):
            while not ready.exists():
                assert self.process.returncode is None
                await asyncio.sleep(0.02)
        self.ports = json.loads(ready.read_text())

    async def kill(self) -> None:
        """As `kill -9` does: no goodbye."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()

    async def workspace(self, who: SpiffeId) -> Channels:
        credentials = self._issue(str(who.uid), who)
        services = workloads_pb2.DESCRIPTOR.services_by_name.values()
        return await self._stack.enter_async_context(Channels(credentials, services=services))

    def stub(self, channels: Channels) -> workloads_pb2_grpc.WorkloadServiceStub:
        return self._channel(channels).stub(workloads_pb2_grpc.WorkloadServiceStub)

    def streams(self, channels: Channels) -> workloads_pb2_grpc.WorkloadServiceStub:
        return self._channel(channels).stream_stub(workloads_pb2_grpc.WorkloadServiceStub)

    def _channel(self, channels: Channels):
        return channels.to(self.manager_id, f"127.0.0.1:{self.ports['mesh']}")
