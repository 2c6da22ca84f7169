"""(e) Lists by their named filters: many runs stored beside a thousand.

The limit is our own figure at 1,000 runs: what a page costs must not depend on what is stored.
Each run has five steps and one artifact version (`bench/stored.py`). Every named filter of
runs, steps, artifacts and their versions is asked for the 20 first that match, from one client,
and of each kind the filter that suffered most is shown. `--large` asks it of a million runs
instead, and shows every filter: storing them takes some minutes and 8 GB for each database, one
after the other, in directories that go.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from bench.databases import new_database
from bench.figures import Figure, at_most
from bench.load import DEADLINE_S, Options, Pair, Slice, closed_loop, take_short_turns
from bench.run import main
from bench.site import PROJECT, Server, Site
from bench.stored import fill
from weftapi.workspace.v1 import (
    artifacts_pb2,
    artifacts_pb2_grpc,
    pipelines_pb2,
    pipelines_pb2_grpc,
    runs_pb2,
    runs_pb2_grpc,
    steps_pb2,
    steps_pb2_grpc,
)

FEW = 1_000
_PAGE = 20
_RUNS = (
    "",
    "state = FAILED",
    "trigger = SCHEDULE",
    "pipeline = pipeline-7",
    "snapshot = snapshot-7",
    "creator = users/7",
    'create_time < "2026-01-01T00:10:00Z"',
    'labels.team = "vision"',
    'labels.tier = "gold"',
    "labels:team",
    "metadata.accuracy = 0.5",
    "metadata.accuracy > 0.9",
    "metadata.accuracy > 0.99",
    'labels.team = "vision" state = FAILED',
)
_STEPS = ("", "state = SUCCEEDED", "step_id = step-3", "map_group = step-0")
_ARTIFACTS = (
    "",
    'display_name = "Artifact 7"',
    'create_time < "2026-01-01T00:00:09Z"',
)
_VERSIONS = (
    "",
    "producer_run = run-7",
    "type = MODEL",
    "alias = best",
    'create_time < "2026-01-01T00:10:00Z"',
    'labels.tier = "gold"',
    "metadata.accuracy > 0.9",
)
_VERSIONS_OF_ONE = (
    "",
    "type = DATA",
    "alias = best",
    'create_time < "2026-01-01T00:10:00Z"',
    'labels.tier = "gold"',
    "metadata.accuracy >= 0",
)


@dataclass(frozen=True, slots=True)
class Listing:
    """One list of one parent, by one filter."""

    noun: str
    stub: Any
    method: str
    request: Any
    items: str

    @property
    def title(self) -> str:
        where = getattr(self.request, "filter", "")
        of = "" if self.request.parent == PROJECT else f" of {self.request.parent[len(PROJECT) :]}"
        return f"{self.noun}{of}" + (f" where {where}" if where else "")


def _listings() -> list[Listing]:
    size = {"page_size": _PAGE}
    runs = [runs_pb2.ListRunsRequest(parent=PROJECT, filter=text, **size) for text in _RUNS]
    runs.append(runs_pb2.ListRunsRequest(parent="projects/-", filter="state = FAILED", **size))
    run = f"{PROJECT}/runs/run-77"
    steps = [steps_pb2.ListStepsRequest(parent=run, filter=text, **size) for text in _STEPS]
    artifacts = [
        artifacts_pb2.ListArtifactsRequest(parent=PROJECT, filter=text, **size)
        for text in _ARTIFACTS
    ]
    versions = [
        artifacts_pb2.ListArtifactVersionsRequest(
            parent=f"{PROJECT}/artifacts/{parent}", filter=text, **size
        )
        for parent, texts in (("-", _VERSIONS), ("artifact-7", _VERSIONS_OF_ONE))
        for text in texts
    ]
    pipelines = [pipelines_pb2.ListPipelinesRequest(parent=PROJECT, **size)]
    artifact_stub = artifacts_pb2_grpc.ArtifactServiceStub
    return [
        Listing(*kind, request, items)
        for kind, requests, items in (
            (("runs", runs_pb2_grpc.RunServiceStub, "ListRuns"), runs, "runs"),
            (("steps", steps_pb2_grpc.StepServiceStub, "ListSteps"), steps, "steps"),
            (("artifacts", artifact_stub, "ListArtifacts"), artifacts, "artifacts"),
            (("versions", artifact_stub, "ListArtifactVersions"), versions, "artifact_versions"),
            (
                ("pipelines", pipelines_pb2_grpc.PipelineServiceStub, "ListPipelines"),
                pipelines,
                "pipelines",
            ),
        )
        for request in requests
    ]


async def measure(site: Site, options: Options) -> list[Figure]:
    many = 1_000_000 if options.large else 2_000 if options.quick else 100_000
    figures = []
    kinds = ["sqlite", "postgresql"] if options.postgres else ["sqlite"]
    for kind in kinds:
        few = await _server(site, kind, FEW)
        if few is None:
            continue
        server = await _server(site, kind, many)
        assert server
        found = await compare(server, few, f"{many:,} runs, {kind}", options)
        figures += found if options.large else _slowest(found)
    return figures


async def compare(many: Server, few: Server, title: str, options: Options) -> list[Figure]:
    """Each list, where much is stored and where little is."""
    figures = []
    for listing in _listings():
        pair = await take_short_turns(
            await _asking(many, listing),
            await _asking(few, listing),
            turns=1 if options.quick else 8 if options.large else 4,
            slice_s=0.1 if options.quick else 0.2,
        )
        figures.append(_figure(listing, title, pair))
    return figures


def _slowest(figures: list[Figure]) -> list[Figure]:
    """Of each kind of thing, the list that what is stored slows most."""
    kinds: dict[str, Figure] = {}
    for figure in sorted(figures, key=lambda figure: figure.ratio):
        kinds[figure.name.partition(" ")[0].rstrip(";")] = figure
    return list(kinds.values())


def _figure(listing: Listing, title: str, pair: Pair) -> Figure:
    ours, bare = (sample.percentile_ms(0.99) for sample in (pair.ours, pair.bare))
    p50, p50_bare = (sample.percentile_ms(0.5) for sample in (pair.ours, pair.bare))
    note = f"p99; p50 {p50:.2f}/{p50_bare:.2f} = {p50 / p50_bare:.2f}; bare: {FEW:,} runs"
    name = f"{listing.title}; {title}"
    return Figure("e", name, "ms", ours, bare, at_most(2), pair.cpu_us, note)


async def _asking(server: Server, listing: Listing) -> Slice:
    call: Callable[..., Awaitable[Any]] = getattr(await server.stub(listing.stub), listing.method)

    async def page(_client: int) -> int:
        answer = await call(listing.request, metadata=server.metadata, timeout=DEADLINE_S)
        if not getattr(answer, listing.items):
            raise RuntimeError(f"{listing.title}: the list is empty")
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
    await fill(url, runs)
    return await site.workspace(url)


if __name__ == "__main__":
    main(measure)
