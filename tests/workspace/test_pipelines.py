"""PipelineService: what there is, and how it last went."""

from google.protobuf.field_mask_pb2 import FieldMask

from tests.workspace.harness import Harness, refused
from weftapi.workspace.v1 import pipelines_pb2, run_types_pb2, runs_pb2

List = pipelines_pb2.ListPipelinesRequest
Latest = pipelines_pb2.GetLatestRunsRequest
DEMO = "projects/demo"


async def run_of(ws: Harness, pipeline: str) -> str:
    run = run_types_pb2.Run(pipeline=f"{DEMO}/pipelines/{pipeline}")
    made = await ws.runs().CreateRun(runs_pb2.CreateRunRequest(parent=DEMO, run=run))
    return str(made.name)


async def listed(ws: Harness, filter_: str = "", order_by: str = "") -> list[str]:
    request = List(parent=DEMO, filter=filter_, order_by=order_by)
    found = await ws.pipelines().ListPipelines(request)
    return [pipeline.name.rpartition("/")[2] for pipeline in found.pipelines]


async def latest(ws: Harness, *pipelines: str, limit: int = 0) -> list[str]:
    request = Latest(parent=DEMO, pipelines=pipelines, limit=limit)
    found = await ws.pipelines().GetLatestRuns(request)
    assert found.revision > 0
    return [run.name for run in found.runs]


async def test_pipelines_come_with_their_first_run(ws: Harness) -> None:
    stub, name = ws.pipelines(), f"{DEMO}/pipelines/train"
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.GetPipeline(pipelines_pb2.GetPipelineRequest(name=name))
    await ws.create_run()
    await ws.create_run()
    got = await stub.GetPipeline(pipelines_pb2.GetPipelineRequest(name=name))
    found = await stub.ListPipelines(List(parent=DEMO))
    assert list(found.pipelines) == [got]
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.ListPipelines(List(parent="projects/absent"))


async def test_pipelines_are_filtered_and_ordered(ws: Harness) -> None:
    for pipeline in ("train", "etl", "train-large"):
        await run_of(ws, pipeline)
    changed = pipelines_pb2.Pipeline(
        name=f"{DEMO}/pipelines/etl", display_name="Nightly load", labels={"team": "data"}
    )
    mask = FieldMask(paths=["display_name", "labels"])
    await ws.pipelines().UpdatePipeline(
        pipelines_pb2.UpdatePipelineRequest(pipeline=changed, update_mask=mask)
    )
    assert await listed(ws) == ["train-large", "etl", "train"]
    assert await listed(ws, order_by="create_time") == ["train", "etl", "train-large"]
    assert await listed(ws, order_by="name") == ["etl", "train", "train-large"]
    assert await listed(ws, "id:train") == ["train-large", "train"]
    assert await listed(ws, "display_name:Night") == ["etl"]
    assert await listed(ws, "labels.team = data") == ["etl"]
    assert await listed(ws, "-labels:team") == ["train-large", "train"]
    assert await listed(ws, 'create_time > now()-"1h"', "name desc") == [
        "train-large",
        "train",
        "etl",
    ]
    async with refused("INVALID_ARGUMENT", "INVALID_FILTER"):
        await listed(ws, "state = FAILED")
    async with refused("INVALID_ARGUMENT", "INVALID_ORDER"):
        await listed(ws, order_by="uid")


async def test_the_latest_runs_of_each_pipeline_are_answered(ws: Harness) -> None:
    trained = [await run_of(ws, "train") for _ in range(7)]
    loaded = [await run_of(ws, "etl") for _ in range(2)]
    await run_of(ws, "other")
    await ws.create_project("beside")
    await ws.create_run(project="beside")
    newest = trained[::-1]
    assert await latest(ws, "train", "absent", "etl") == loaded[::-1] + newest[:5]
    assert await latest(ws, "train", "train", limit=1) == newest[:1]
    assert await latest(ws, "train", limit=20) == newest
    assert await latest(ws, "absent") == []


async def test_bad_requests_for_latest_runs_are_refused(ws: Harness) -> None:
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.pipelines().GetLatestRuns(Latest(parent="projects/absent", pipelines=["train"]))
    for wrong in (
        Latest(parent=DEMO),
        Latest(parent=DEMO, pipelines=["train"], limit=21),
        Latest(parent=DEMO, pipelines=["train"], limit=-1),
        Latest(parent=DEMO, pipelines=[f"p{n}" for n in range(101)]),
        Latest(parent=DEMO, pipelines=["x" * 65]),
    ):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await ws.pipelines().GetLatestRuns(wrong)
