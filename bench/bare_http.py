"""The bare gateway: Starlette, one gRPC hop without protobuf, and a JSON answer made of nothing.

Configured by the environment: CREDENTIALS_DIR, READY_FILE, UPSTREAM ("host:port") and
UPSTREAM_NAME. TLS, HTTP parser and event loop are those of the real gateway.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import grpc
import uvloop
from google.protobuf.json_format import MessageToDict
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from bench.bare import sample_run
from gateway.listener import HttpListener, tls_context
from meshkit.credentials import CHAIN_FILE, KEY_FILE, Credentials
from meshkit.process import spare_the_collector
from weftapi.workspace.v1 import runs_pb2


def application(channel: grpc.aio.Channel) -> Starlette:
    """One route: asks the workspace for the run, and answers a run."""
    run = MessageToDict(sample_run())
    get_run: Any = channel.unary_unary("/weftapi.workspace.v1.RunService/GetRun")

    async def answer(request: Request) -> JSONResponse:
        name = f"projects/bench/runs/{request.path_params['run']}"
        asked = runs_pb2.GetRunRequest(name=name).SerializeToString()
        metadata = (("authorization", request.headers["authorization"]),)
        await get_run(asked, metadata=metadata)
        return JSONResponse(run)

    return Starlette(routes=[Route("/api/workspace/v1/projects/bench/runs/{run}", answer)])


async def serve(credentials: Path, ready_file: Path, upstream: str, name: str) -> None:
    """Serves until the process is ended."""
    channel = grpc.aio.secure_channel(
        upstream,
        Credentials(credentials).for_channel(),
        options=[("grpc.ssl_target_name_override", name)],
    )
    tls = tls_context(credentials / CHAIN_FILE, credentials / KEY_FILE)
    listener = HttpListener(application(channel), "127.0.0.1:0", tls=tls)
    await listener.start()
    spare_the_collector()
    _write(ready_file, {"pid": os.getpid(), "edge": listener.port})
    await asyncio.Event().wait()


def _write(ready_file: Path, ready: dict[str, int]) -> None:
    temporary = ready_file.with_suffix(".tmp")
    temporary.write_text(json.dumps(ready))
    temporary.replace(ready_file)


if __name__ == "__main__":
    setting = os.environ.__getitem__
    uvloop.run(
        serve(
            Path(setting("CREDENTIALS_DIR")),
            Path(setting("READY_FILE")),
            setting("UPSTREAM"),
            setting("UPSTREAM_NAME"),
        )
    )
