"""A workspace server in a process of its own, to be killed: says where it is and with what."""

import asyncio
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop

from tests.workspace.harness import workspace


def serve(directory: Path, database_url: str, told: Connection) -> None:
    uvloop.run(_serve(directory, database_url, told))


async def _serve(directory: Path, database_url: str, told: Connection) -> None:
    async with workspace(directory, database_url) as ws:
        told.send((ws.ports.edge, ws.mesh.authority.pem, ws.token()))
        await asyncio.Event().wait()
