"""A whole workspace server in a process of its own: one of several on one database.

All of them share a data directory, a clock that the test moves and a workload manager, both of
which live in files. One that is told to end (SIGTERM) drains, as a server does.
"""

import asyncio
import os
import signal
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from uuid import uuid4

import grpc
import uvloop

from meshkit.credentials import Credentials
from meshkit.membership import Membership
from meshkit.spiffe import SpiffeId
from tests.workspace.fakes import FakeError, FakeManager
from tests.workspace.harness import FakeClock, policy
from weftapi.common.v1 import types_pb2
from weftapi.workloads.v1 import workloads_pb2
from workspace import upgrade
from workspace.config import WorkspaceSettings
from workspace.server import compose


@dataclass(frozen=True)
class Place:
    """What replicas share."""

    directory: Path
    url: str
    credentials: Path
    control_plane: str
    keys: bytes
    settings: dict[str, Any] = field(default_factory=dict)
    # Those of the version that is started, where they are not those of this code.
    migrations: Path | None = None

    @property
    def clock(self) -> Path:
        """A file that holds by how many seconds the clock is ahead."""
        return self.directory / "clock"

    @property
    def workloads(self) -> Path:
        """A file for each workload that was ever submitted."""
        return self.directory / "workloads"

    def log(self, pid: int | None) -> Path:
        """What a replica said, by its process."""
        return self.directory / f"replica-{pid}.log"


class FileClock(FakeClock):
    """The real time, moved by a file for all replicas at once."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def now(self) -> datetime:
        ahead = self._path.read_text(encoding="utf-8")
        return super().now() + timedelta(seconds=float(ahead or 0))


class FileManager(FakeManager):
    """One workload manager for all replicas: what it was given is in a folder."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder

    async def SubmitWorkload(self, request: Any, **_: float) -> Any:
        workload = workloads_pb2.Workload()
        workload.CopyFrom(request.workload)
        workload.name, workload.uid = f"workloads/{request.workload_id}", str(uuid4())
        workload.state = workloads_pb2.WORKLOAD_STATE_QUEUED
        try:
            with (self._folder / request.workload_id).open("xb") as file:
                file.write(workload.SerializeToString())
        except FileExistsError:
            raise FakeError(grpc.StatusCode.ALREADY_EXISTS, "WORKLOAD_CONFLICT") from None
        return workload

    async def GetWorkload(self, request: Any, **_: float) -> Any:
        try:
            kept = (self._folder / request.name.rpartition("/")[2]).read_bytes()
        except FileNotFoundError:
            raise FakeError(grpc.StatusCode.NOT_FOUND) from None
        return workloads_pb2.Workload.FromString(kept)

    async def WatchWorkloads(self, request: Any) -> Any:
        known = [
            await self.GetWorkload(workloads_pb2.Workload(name=file.name))
            for file in self._folder.iterdir()
        ]
        yield workloads_pb2.WatchWorkloadsResponse(workloads=known, initial_complete=True)
        await asyncio.Event().wait()


def serve(place: Place, told: Connection) -> None:
    """Serves until killed, or told to end; says on which port."""
    # The pipe of standard error may be that of a test that is over.
    with place.log(os.getpid()).open("ab") as log:
        for stream in (1, 2):
            os.dup2(log.fileno(), stream)
    uvloop.run(_serve(place, told))


async def _serve(place: Place, told: Connection) -> None:
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    if place.migrations:
        upgrade.MIGRATIONS = place.migrations
    settings = WorkspaceSettings(
        data_dir=place.directory / "data",
        database_url=place.url,
        edge_address="127.0.0.1:0",
        mesh_address="127.0.0.1:0",
        health_address="127.0.0.1:0",
        metrics_address="127.0.0.1:0",
        **place.settings,
    )
    credentials = Credentials(place.credentials)
    membership = Membership(credentials, SpiffeId.parse(place.control_plane), "127.0.0.1:1")
    clock = FileClock(place.clock)
    manager = FileManager(place.workloads)
    built = await compose(settings, membership, clock=clock, managers=manager)
    built.keys.apply(types_pb2.JsonWebKeySet.FromString(place.keys))
    built.policies.apply(policy(revision=built.policies.revision + 1))
    ports = await built.start()
    told.send((os.getpid(), ports.edge))
    await ending.wait()
    await built.stop()
