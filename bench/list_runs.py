"""(e) Listing the 20 newest runs that match a filter: many runs stored beside a thousand.

The limit is our own figure at 1,000 runs: what a page costs must not depend on what is stored.
Runs are made by the workspace's own store, through the write door; one in a hundred has FAILED,
and those are asked for.
"""

from datetime import timedelta

from bench.databases import new_database
from bench.figures import Figure, at_most
from bench.load import DEADLINE_S, Options, Pair, Slice, closed_loop, take_turns
from bench.run import main
from bench.site import PROJECT, USER, Server, Site
from meshkit.database import Database, Session
from meshkit.ids import new_uid
from meshkit.migrations import migrate
from weftapi.workspace.v1 import runs_pb2, runs_pb2_grpc
from workspace.lifecycle import RunState
from workspace.server import MIGRATIONS
from workspace.store.base import insert, metadata
from workspace.store.schema import Project, Run

FEW = 1_000
_CHUNK = 5_000
_FAILURE = {"kind": "USER", "code": "STEP_FAILED", "message": "step train failed", "step": "train"}


async def measure(site: Site, options: Options) -> list[Figure]:
    many = 2_000 if options.quick else 100_000
    sizes = [many, 1_000_000] if options.million else [many]
    figures = []
    kinds = ["sqlite", "postgresql"] if options.postgres else ["sqlite"]
    for kind in kinds:
        few = await _server(site, kind, FEW)
        if few is None:
            continue
        limit = await _listing(few)
        for size in sizes:
            server = await _server(site, kind, size)
            assert server
            pair = await take_turns(await _listing(server), limit, options)
            figures += _figures(f"list 20 of {size:,} runs, {kind}", pair)
    return figures


def _figures(name: str, pair: Pair) -> list[Figure]:
    return [
        Figure(
            "e",
            f"{name}, {label}",
            "ms",
            pair.ours.percentile_ms(share),
            pair.bare.percentile_ms(share),
            at_most(2) if share > 0.9 else None,
            pair.cpu_us,
            f"bare: {FEW:,} runs stored",
        )
        for label, share in (("p50", 0.5), ("p99", 0.99))
    ]


async def _listing(server: Server) -> Slice:
    stub = await server.stub(runs_pb2_grpc.RunServiceStub)
    request = runs_pb2.ListRunsRequest(parent=PROJECT, page_size=20, filter="state = FAILED")

    async def page(_client: int) -> int:
        answer = await stub.ListRuns(request, metadata=server.metadata, timeout=DEADLINE_S)
        if not answer.runs:
            raise RuntimeError("the list is empty")
        return 1

    return closed_loop(server.process, page, clients=1)


async def _server(site: Site, kind: str, runs: int) -> Server | None:
    """A workspace server on a database that holds so many runs already."""
    if kind == "sqlite":
        url: str | None = f"sqlite:///{site.new_directory('runs') / 'workspace.db'}"
    else:
        url = await new_database(site)
    if url is None:
        return None
    await _fill(url, runs)
    return await site.workspace(url)


async def _fill(url: str, runs: int) -> None:
    await migrate(url, MIGRATIONS, metadata)
    database = await Database.open(url, metadata=metadata, encode_event=lambda *_: b"")
    async with database:
        await database.write(_add_project)
        for start in range(0, runs, _CHUNK):
            await database.write(_add_runs, range(start, min(start + _CHUNK, runs)))


def _add_project(session: Session) -> None:
    now = session.now
    id_ = PROJECT.partition("/")[2]
    insert(session, [Project(new_uid(), id_, "", "", {}, USER, now, now)])


def _add_runs(session: Session, numbers: range) -> None:
    insert(session, [_run(session, number) for number in numbers])


def _run(session: Session, number: int) -> Run:
    # Older by a second each, so that neighbours in time are neighbours in the index.
    time = session.now - timedelta(days=30) + timedelta(seconds=number)
    has_failed = number % 100 == 0
    state = RunState.FAILED if has_failed else RunState.SUCCEEDED
    return Run(
        uid=new_uid(),
        project=PROJECT.partition("/")[2],
        id=f"train-{number}",
        pipeline="train",
        snapshot="",
        creator=USER,
        trigger="SDK",
        create_time=time,
        update_time=time,
        start_time=time,
        end_time=time,
        state=state.value,
        failure=_FAILURE if has_failed else None,
        step_counts={"SUCCEEDED": 5},
    )


if __name__ == "__main__":
    main(measure)
