"""(a) Creating runs, unary, 64 in flight: against the same call to a server without anything."""

import uuid

from bench.databases import workspaces
from bench.figures import Figure, at_least
from bench.load import DEADLINE_S, Options, Slice, closed_loop, figure, take_turns
from bench.run import main
from bench.site import PROJECT, Server, Site
from weftapi.workspace.v1 import run_types_pb2, runs_pb2, runs_pb2_grpc

CLIENTS = 64


def request() -> runs_pb2.CreateRunRequest:
    """What the SDK sends: a run of a pipeline, safe to repeat."""
    run = run_types_pb2.Run(pipeline=f"{PROJECT}/pipelines/train", labels={"team": "vision"})
    return runs_pb2.CreateRunRequest(parent=PROJECT, run=run, request_id=str(uuid.uuid4()))


async def creator(server: Server) -> Slice:
    """A client's unit of work: one run."""
    stub = await server.stub(runs_pb2_grpc.RunServiceStub)

    async def create(_client: int) -> int:
        await stub.CreateRun(request(), metadata=server.metadata, timeout=DEADLINE_S)
        return 1

    return closed_loop(server.process, create, clients=CLIENTS)


async def measure(site: Site, options: Options) -> list[Figure]:
    bare = await creator(await site.bare())
    figures = []
    for name, server in await workspaces(site, options):
        pair = await take_turns(await creator(server), bare, options)
        title, target = f"create run, {name}", at_least(0.30)
        figures.append(figure("a", title, "calls/s", pair, target))
    return figures


if __name__ == "__main__":
    main(measure)
