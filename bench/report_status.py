"""(b) Reporting a step's state by unary calls, 64 in flight, each of a run of its own."""

from bench.databases import workspaces
from bench.figures import Figure, at_least
from bench.load import DEADLINE_S, Options, Slice, closed_loop, figure, take_turns
from bench.reporting import reporters
from bench.run import main
from bench.site import Server, Site
from weftapi.workspace.v1 import reports_pb2, reports_pb2_grpc

CLIENTS = 64


async def reporting(server: Server) -> Slice:
    """A client's unit of work: one report that changes the state of a step."""
    stub = await server.stub(reports_pb2_grpc.ReportServiceStub)
    everybody = await reporters(server, CLIENTS)

    async def report(client: int) -> int:
        answer = await stub.BatchReport(
            everybody[client].batch(), metadata=server.metadata, timeout=DEADLINE_S
        )
        if answer.results[0].outcome != reports_pb2.REPORT_OUTCOME_APPLIED:
            raise RuntimeError(f"a report was not applied: {answer}")
        return 1

    return closed_loop(server.process, report, clients=CLIENTS)


async def measure(site: Site, options: Options) -> list[Figure]:
    bare = await reporting(await site.bare())
    figures = []
    for name, server in await workspaces(site, options):
        pair = await take_turns(await reporting(server), bare, options)
        title, target = f"report status, {name}", at_least(0.40)
        figures.append(figure("b", title, "calls/s", pair, target))
    return figures


if __name__ == "__main__":
    main(measure)
