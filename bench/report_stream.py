"""(b') Reporting step states over bidirectional streams: one report a message, durable acks."""

from bench.databases import workspaces
from bench.figures import Figure, at_least
from bench.load import Options, Sample, Slice, figure, take_turns
from bench.reporting import Reporter, reporters
from bench.run import main
from bench.site import Server, Site
from bench.windowed import Conversation, pump
from weftapi.workspace.v1 import reports_pb2, reports_pb2_grpc

STREAMS = 8
WINDOW = 256


def _converse(reporter: Reporter) -> Conversation:
    opening = reports_pb2.OpenReports(run=reporter.run, reporter=reporter.id)
    first = reporter.sequence

    def say() -> reports_pb2.StreamReportsRequest:
        batch = reports_pb2.ReportBatch(reports=[reporter.next()])
        return reports_pb2.StreamReportsRequest(batch=batch)

    def acked(answer: reports_pb2.StreamReportsResponse) -> int | None:
        if answer.results:
            raise RuntimeError(f"a report was not applied: {answer}")
        return max(answer.acked_sequence - first, 0)

    return Conversation(reports_pb2.StreamReportsRequest(open=opening), say, acked)


async def streaming(server: Server) -> Slice:
    """Each stream keeps WINDOW reports in flight; what counts is acknowledged."""
    stub = await server.stub(reports_pb2_grpc.ReportServiceStub)
    everybody = await reporters(server, STREAMS)

    async def run(seconds: float) -> Sample:
        return await pump(
            server,
            stub.StreamReports,
            [_converse(reporter) for reporter in everybody],
            window=WINDOW,
            seconds=seconds,
        )

    return run


async def measure(site: Site, options: Options) -> list[Figure]:
    bare = await streaming(await site.bare())
    figures = []
    for name, server in await workspaces(site, options):
        pair = await take_turns(await streaming(server), bare, options)
        title, target = f"report stream, {name}", at_least(0.20)
        figures.append(figure("b'", title, "reports/s", pair, target))
    return figures


if __name__ == "__main__":
    main(measure)
