"""(m) Exchanging a personal access token for an access token, unary, 16 in flight.

Each exchange is looked up, signed and written to the audit log before it is answered; the bare
server answers a token of the same size that was made before. A script does this once in ten
minutes, a program once in an hour: afterwards its token is verified where it is shown.
"""

from contextlib import AsyncExitStack

from bench.control_plane import ControlPlane
from bench.figures import Figure
from bench.load import DEADLINE_S, Options, Slice, closed_loop, figure, take_turns
from bench.processes import Process
from bench.run import main
from bench.site import Server, Site
from weftapi.controlplane.v1 import auth_pb2, auth_pb2_grpc, users_pb2, users_pb2_grpc

CLIENTS = 16


async def measure(site: Site, options: Options) -> list[Figure]:
    bare_server = await site.bare()
    plane = ControlPlane(site.new_directory("controlplane"))
    async with AsyncExitStack() as stack:
        process = await stack.enter_async_context(plane.serving())
        channel = await stack.enter_async_context(plane.channel())
        made = await users_pb2_grpc.UserServiceStub(channel).CreatePersonalAccessToken(
            users_pb2.CreatePersonalAccessTokenRequest(
                parent="users/me",
                personal_access_token=users_pb2.PersonalAccessToken(display_name="bench"),
            ),
            metadata=plane.metadata,
        )
        request = auth_pb2.ExchangeTokenRequest(personal_access_token=made.secret)
        ours = _exchanging(process, auth_pb2_grpc.AuthServiceStub(channel), request)
        pair = await take_turns(ours, await _bare(bare_server, request), options)
    return [figure("m", "exchange a token", "calls/s", pair, None)]


async def _bare(server: Server, request: auth_pb2.ExchangeTokenRequest) -> Slice:
    stub = await server.stub(auth_pb2_grpc.AuthServiceStub)
    return _exchanging(server.process, stub, request)


def _exchanging(
    process: Process,
    stub: auth_pb2_grpc.AuthServiceStub,
    request: auth_pb2.ExchangeTokenRequest,
) -> Slice:
    """A client's unit of work: one exchange, over the connection that all share."""

    async def exchange(_client: int) -> int:
        await stub.ExchangeToken(request, timeout=DEADLINE_S)
        return 1

    return closed_loop(process, exchange, clients=CLIENTS)


if __name__ == "__main__":
    main(measure)
