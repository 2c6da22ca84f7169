"""A workspace server in a process of its own, to be killed: prints where it is and with what."""

import asyncio
import json
import sys
from pathlib import Path

import uvloop

from tests.workspace.harness import workspace


async def serve(directory: Path, database_url: str) -> None:
    async with workspace(directory, database_url) as ws:
        told = {"port": ws.ports.edge, "trust": ws.mesh.authority.pem.decode(), "token": ws.token()}
        sys.stderr.write(json.dumps(told) + "\n")
        sys.stderr.flush()
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve(Path(sys.argv[1]), sys.argv[2]))
