"""(f) GET of a run through the gateway: against a bare Starlette app with the same gRPC hop.

Both stand before the same workspace server, speak TLS to their clients and mutual TLS to the
workspace, and serve 16 connections that each ask for a run again and again.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc

from bench.create_run import request
from bench.figures import Figure, at_least
from bench.load import Options, Slice, closed_loop, figure, take_turns
from bench.processes import Process
from bench.run import main
from bench.site import Server, Site
from meshkit.credentials import Credentials
from meshkit.errors import Unimplemented
from weftapi.controlplane.v1 import enrollment_pb2, enrollment_pb2_grpc
from weftapi.options.v1 import options_pb2
from weftapi.workspace.v1 import runs_pb2_grpc

CONNECTIONS = 16


class Links(enrollment_pb2_grpc.EnrollmentServiceServicer):
    """The control plane's part: tells the gateway where the workspace is."""

    def __init__(self, workspace: Server) -> None:
        self._answer = enrollment_pb2.LinkResponse()
        self._answer.directory.peers.add(
            spiffe_id=str(workspace.identity),
            role=options_pb2.PEER_ROLE_WORKSPACE,
            mesh_endpoint=f"127.0.0.1:{workspace.process.ports['mesh']}",
            workspaces=["organizations/bench/workspaces/bench"],
        )
        self.heard = asyncio.Event()

    # A server of the mesh serves a service whole; nobody joins or renews in this minute.

    async def Enroll(self, _request: Any, _context: Any) -> Any:
        raise Unimplemented("UPSTREAM_UNAVAILABLE", "Nobody joins the mesh of a benchmark.")

    async def RenewCertificate(self, _request: Any, _context: Any) -> Any:
        raise Unimplemented("UPSTREAM_UNAVAILABLE", "Certificates outlive a benchmark.")

    async def Link(self, requests: Any, _context: Any) -> AsyncIterator[Any]:
        yield self._answer
        async for _request in requests:
            self.heard.set()


@asynccontextmanager
async def _control_plane(site: Site, links: Links) -> AsyncIterator[str]:
    server = grpc.aio.server()
    enrollment_pb2_grpc.add_EnrollmentServiceServicer_to_server(links, server)
    credentials = Credentials(site.credentials(site.control_plane))
    port = server.add_secure_port("127.0.0.1:0", credentials.for_server())
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)


@dataclass(slots=True)
class Connection:
    """One HTTP/1.1 connection that is kept open; so little that it does not measure itself."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    head: bytes

    async def get(self) -> int:
        """Sends the request; answers the status."""
        self.writer.write(self.head)
        head = await self.reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(line for line in lines if line.startswith(b"content-length:"))
        await self.reader.readexactly(int(length.partition(b":")[2]))
        return int(lines[0].split()[1])


async def connections(process: Process, path: str, token: str) -> list[Connection]:
    tls = ssl.create_default_context()
    # Whose certificate it is does not matter to a figure.
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    head = (
        f"GET {path} HTTP/1.1\r\nhost: localhost\r\naccept: application/json\r\n"
        f"authorization: Bearer {token}\r\n\r\n"
    ).encode()
    port = process.ports["edge"]
    opened = [await asyncio.open_connection("127.0.0.1", port, ssl=tls) for _ in range(CONNECTIONS)]
    return [Connection(reader, writer, head) for reader, writer in opened]


def getting(process: Process, clients: list[Connection]) -> Slice:
    """A client's unit of work: one GET that is answered 200."""

    async def get(client: int) -> int:
        status = await clients[client].get()
        if status != 200:
            raise RuntimeError(f"the gateway answered {status}")
        return 1

    return closed_loop(process, get, clients=CONNECTIONS)


async def measure(site: Site, options: Options) -> list[Figure]:
    workspace = await site.workspace()
    runs = await workspace.stub(runs_pb2_grpc.RunServiceStub)
    run = await runs.CreateRun(request(), metadata=workspace.metadata)
    path = f"/api/workspace/v1/{run.name}"
    links = Links(workspace)
    async with _control_plane(site, links) as endpoint:
        ours = await _gateway(site, endpoint)
        bare = await _bare(site, workspace)
        await links.heard.wait()
        pools = [await connections(process, path, workspace.token) for process in (ours, bare)]
        pair = await take_turns(getting(ours, pools[0]), getting(bare, pools[1]), options)
        for connection in (*pools[0], *pools[1]):
            connection.writer.close()
    return [figure("f", "gateway GET of a run", "requests/s", pair, at_least(0.40))]


async def _gateway(site: Site, endpoint: str) -> Process:
    credentials = site.credentials(site.gateway, mesh_endpoint=endpoint)
    return await site.python(["-m", "gateway"], "WEFT_GATEWAY_", CREDENTIALS_DIR=str(credentials))


async def _bare(site: Site, workspace: Server) -> Process:
    return await site.python(
        ["-m", "bench.bare_http"],
        "",
        CREDENTIALS_DIR=str(site.credentials(site.gateway)),
        UPSTREAM=f"127.0.0.1:{workspace.process.ports['mesh']}",
        UPSTREAM_NAME=workspace.identity.dns_name,
    )


if __name__ == "__main__":
    main(measure)
