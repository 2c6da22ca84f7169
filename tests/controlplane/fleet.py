"""A control plane that runs workspaces as processes of this machine, and what tests do with it."""

import asyncio
import json
import os
import signal
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from controlplane.version import server_version
from tests.controlplane.harness import ORGANIZATION, Client, Plane, running
from weftapi.controlplane.v1 import operations_pb2, workspace_types_pb2, workspaces_pb2

W1, W2 = (f"{ORGANIZATION}/workspaces/{id_}" for id_ in ("w1", "w2"))
STATE = workspace_types_pb2.WorkspaceState
PATIENCE_S = 60
# Leases that are soon taken over, and tokens that outlive the moves of the clock.
SETTINGS = {"fleet_lease_s": 1.0, "access_token_s": 3600}


@asynccontextmanager
async def fleet(directory: Path, database_url: str = "", **settings: Any) -> AsyncIterator[Plane]:
    """A control plane with the process provisioner; its servers end with the block."""
    provisioning = {"provisioner": "processes", **SETTINGS, **settings}
    try:
        async with running(directory, database_url, **provisioning) as plane:
            yield plane
    finally:
        end_servers(directory / "controlplane" / "workspaces")


def end_servers(directory: Path) -> None:
    """Kills whatever a test left running."""
    for file in directory.glob("*/process.json"):
        try:
            os.kill(json.loads(file.read_text())["pid"], signal.SIGKILL)
        except ProcessLookupError:
            continue


def servers(directory: Path) -> dict[str, int]:
    """The pids of all living servers below a data directory, by the UUID of their workspace.

    Looked for in the whole process table: what nobody remembers is found all the same.
    """
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - names are all it takes
        try:
            environment = Path("/proc", pid, "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        for entry in environment:
            if entry.startswith(b"WEFT_WORKSPACE_DATA_DIR=" + os.fsencode(directory)):
                found[Path(os.fsdecode(entry)).parts[-2]] = int(pid)
    return found


def another_version(directory: Path, version: str, *, script: str = "") -> str:
    """An interpreter whose `weft-server` says that it is of this version; or a broken one."""
    metadata = directory / version / f"weft_server-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text(f"Metadata-Version: 2.1\nName: weft-server\nVersion: {version}\n")
    interpreter = directory / version / "python"
    command = script or f'exec {sys.executable} "$@"'
    path = f"{metadata.parents[1]}:$PYTHONPATH"
    interpreter.write_text(f"#!/bin/sh\nexport PYTHONPATH={path}\n{command}\n")
    interpreter.chmod(interpreter.stat().st_mode | stat.S_IXUSR)
    return str(interpreter)


def versions(**interpreters: str) -> dict[str, str]:
    """This version, and others after it."""
    return {server_version(): sys.executable, **interpreters}


def create(client: Client, id_: str = "w1", **fields: Any) -> Any:
    request = workspaces_pb2.CreateWorkspaceRequest(
        parent=ORGANIZATION, workspace_id=id_, request_id=str(uuid4()), **fields
    )
    return client.workspaces.CreateWorkspace(request)


def get(client: Client, name: str = W1) -> Any:
    return client.workspaces.GetWorkspace(workspaces_pb2.GetWorkspaceRequest(name=name))


def suspend(client: Client, name: str = W1, **fields: Any) -> Any:
    request = workspaces_pb2.SuspendWorkspaceRequest(name=name, **fields)
    return client.workspaces.SuspendWorkspace(request)


def resume(client: Client, name: str = W1, **fields: Any) -> Any:
    request = workspaces_pb2.ResumeWorkspaceRequest(name=name, **fields)
    return client.workspaces.ResumeWorkspace(request)


def upgrade(client: Client, version: str, name: str = W1, **fields: Any) -> Any:
    request = workspaces_pb2.UpgradeWorkspaceRequest(name=name, target_version=version, **fields)
    return client.workspaces.UpgradeWorkspace(request)


def delete(client: Client, name: str = W1, **fields: Any) -> Any:
    request = workspaces_pb2.DeleteWorkspaceRequest(name=name, **fields)
    return client.workspaces.DeleteWorkspace(request)


def operation(client: Client, name: str) -> Any:
    return client.operations.GetOperation(operations_pb2.GetOperationRequest(name=name))


def cancel(client: Client, name: str) -> Any:
    return client.operations.CancelOperation(operations_pb2.CancelOperationRequest(name=name))


def metadata(answer: Any) -> operations_pb2.WorkspaceOperation:
    """What an operation says of itself."""
    said = operations_pb2.WorkspaceOperation()
    assert answer.metadata.Unpack(said)
    return said


async def ended(client: Client, begun: Awaitable[Any]) -> Any:
    """Waits for the end of an operation that a call begins."""
    return await end_of(client, (await begun).name)


async def end_of(client: Client, name: str) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            request = operations_pb2.WaitOperationRequest(name=name)
            answer = await client.operations.WaitOperation(request)
            if answer.done:
                return answer


async def done(client: Client, begun: Awaitable[Any]) -> workspace_types_pb2.Workspace:
    """The workspace that an operation answers; fails where the operation did."""
    answer = await ended(client, begun)
    assert not answer.HasField("error"), answer.error
    workspace = workspace_types_pb2.Workspace()
    assert answer.response.Unpack(workspace)
    return workspace


async def in_vain(plane: Plane, client: Client, begun: Awaitable[Any], trouble: str) -> Any:
    """An operation that runs into trouble until its time is over; answers how it ended."""
    name = (await begun).name

    async def is_in_trouble() -> bool:
        return trouble in metadata(await operation(client, name)).progress

    await until(is_in_trouble)
    plane.clock.advance(seconds=plane.settings.workspace_ready_s + 1)
    return await end_of(client, name)


async def until(check: Callable[[], Awaitable[bool]]) -> None:
    """Waits for what happens in other processes, which nothing here announces."""
    async with asyncio.timeout(PATIENCE_S):
        while not await check():  # noqa: ASYNC110 - another process would poll too
            await asyncio.sleep(0.05)
