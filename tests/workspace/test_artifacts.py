"""ArtifactService, lineage and the cache of steps."""

from typing import Any
from uuid import uuid4

from tests.workspace.harness import Harness, outcomes, refused, run_report, step_report
from weftapi.workspace.v1 import artifact_types_pb2, artifacts_pb2, run_types_pb2, steps_pb2

Create = artifacts_pb2.BatchCreateArtifactVersionsRequest
New = artifacts_pb2.NewArtifactVersion
UPSTREAM = artifacts_pb2.LINEAGE_DIRECTION_UPSTREAM
DOWNSTREAM = artifacts_pb2.LINEAGE_DIRECTION_DOWNSTREAM
Lookup = steps_pb2.LookupStepCacheRequest


def new(artifact: str, *, uid: str = "", step: str = "", output: str = "", **fields: Any) -> New:
    version = artifact_types_pb2.ArtifactVersion(
        uid=uid or str(uuid4()),
        uri=f"file:///{artifact}",
        data_type="numpy.ndarray",
        materializer="numpy",
        content_hash="b" * 64,
        producer_step=step,
        producer_output=output,
        **fields,
    )
    return New(artifact_id=artifact, artifact_version=version)


async def make(ws: Harness, *versions: New, project: str = "demo", token: str | None = None):
    request = Create(parent=f"projects/{project}", requests=versions)
    made = await ws.artifacts(token).BatchCreateArtifactVersions(request)
    return list(made.artifact_versions)


async def running(ws: Harness, *steps: str) -> tuple[str, str]:
    run, me = (await ws.create_run()).name, str(uuid4())
    await ws.add_steps(run, *steps)
    await ws.report(run, me, run_report(1, "RUNNING"))
    return run, me


async def test_versions_are_numbered_and_got_and_listed(ws: Harness) -> None:
    run, _ = await running(ws, "load")
    model = artifact_types_pb2.ARTIFACT_TYPE_MODEL
    first, second, other = await make(
        ws,
        new("data", step=f"{run}/steps/load", output="data", schema={"rows": 3}),
        new("data"),
        new("model", type=model),
    )
    assert [first.version, second.version, other.version] == [1, 2, 1]
    stub = ws.artifacts()
    got = await stub.GetArtifactVersion(artifacts_pb2.GetArtifactVersionRequest(name=first.name))
    assert got == first
    assert got.schema["rows"] == 3
    artifact = await stub.GetArtifact(
        artifacts_pb2.GetArtifactRequest(name="projects/demo/artifacts/data")
    )
    assert (artifact.latest_version, artifact.revision) == (2, second.revision)
    listed = await stub.ListArtifacts(artifacts_pb2.ListArtifactsRequest(parent="projects/demo"))
    assert [a.name.rpartition("/")[2] for a in listed.artifacts] == ["data", "model"]
    request = artifacts_pb2.ListArtifactVersionsRequest(parent="projects/demo/artifacts/-")
    versions = await stub.ListArtifactVersions(request)
    assert len(versions.artifact_versions) == 3
    request.filter = f"producer_run = {run.rpartition('/')[2]}"
    assert [v.name for v in (await stub.ListArtifactVersions(request)).artifact_versions] == [
        first.name
    ]
    request.filter = "type = MODEL"
    assert [v.name for v in (await stub.ListArtifactVersions(request)).artifact_versions] == [
        other.name
    ]


async def test_making_a_version_again_makes_nothing(ws: Harness) -> None:
    uid = str(uuid4())
    (first,) = await make(ws, new("data", uid=uid))
    assert await make(ws, new("data", uid=uid)) == [first]
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await make(ws, new("data"), new("other", uid=uid))
    # All or none: nothing of the refused call is there.
    listed = await ws.artifacts().ListArtifactVersions(
        artifacts_pb2.ListArtifactVersionsRequest(parent="projects/demo/artifacts/-")
    )
    assert list(listed.artifact_versions) == [first]


async def test_what_is_not_there_is_not_found(ws: Harness) -> None:
    stub = ws.artifacts()
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await make(ws, new("data", step="projects/demo/runs/absent/steps/a"))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await make(ws, new("data"), project="absent")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.GetArtifact(
            artifacts_pb2.GetArtifactRequest(name="projects/demo/artifacts/absent")
        )
    absent = "projects/demo/artifacts/absent/versions/1"
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.GetArtifactVersion(artifacts_pb2.GetArtifactVersionRequest(name=absent))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.GetLineage(artifacts_pb2.GetLineageRequest(name=absent))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.ListArtifacts(artifacts_pb2.ListArtifactsRequest(parent="projects/absent"))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.ListArtifactVersions(
            artifacts_pb2.ListArtifactVersionsRequest(parent="projects/absent/artifacts/-")
        )


async def test_another_projects_things_cannot_be_reached(ws: Harness) -> None:
    await ws.create_project("other")
    uid = str(uuid4())
    (theirs,) = await make(ws, new("data", uid=uid), project="other")
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await make(ws, new("data", uid=uid))
    run, me = await running(ws, "fit")
    said = await ws.report(run, me, step_report(2, "fit", "RUNNING", inputs={"data": theirs.name}))
    assert outcomes(said) == ["REJECTED"]
    other_run = await ws.create_run(project="other", run_id="theirs")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await make(ws, new("data", step=f"{other_run.name}/steps/a"))


async def chain(ws: Harness, length: int) -> list[str]:
    """Versions v0 -> v1 -> ..., each made by a step that took the one before."""
    run, me = await running(ws, *(f"s{number}" for number in range(length)))
    names: list[str] = []
    for number in range(length):
        step = f"{run}/steps/s{number}"
        (version,) = await make(ws, new(f"a{number}", step=step, output="out"))
        inputs = {"before": names[-1]} if names else {}
        said = await ws.report(
            run,
            me,
            step_report(3 * number + 2, f"s{number}", "RUNNING", inputs=inputs),
            step_report(3 * number + 3, f"s{number}", "SUCCEEDED", outputs={"out": version.name}),
        )
        assert outcomes(said) == ["APPLIED"] * 2
        names.append(version.name)
    return names


async def test_lineage_goes_as_deep_as_asked_and_no_deeper(ws: Harness) -> None:
    names = await chain(ws, 5)
    stub = ws.artifacts()
    up = await stub.GetLineage(artifacts_pb2.GetLineageRequest(name=names[4], depth=2))
    assert [version.name for version in up.artifact_versions] == [names[4], names[3], names[2]]
    down = await stub.GetLineage(
        artifacts_pb2.GetLineageRequest(name=names[0], direction=DOWNSTREAM)
    )
    assert [version.name for version in down.artifact_versions] == names
    taken = {edge.artifact_version for edge in down.edges if edge.input == "before"}
    assert taken == set(names[:-1])
    made = {edge.artifact_version for edge in down.edges if edge.output == "out"}
    assert made == set(names[1:])
    assert not down.truncated


async def test_lineage_goes_both_ways_at_once(ws: Harness) -> None:
    names = await chain(ws, 5)
    both = await ws.artifacts().GetLineage(
        artifacts_pb2.GetLineageRequest(
            name=names[2], direction=artifacts_pb2.LINEAGE_DIRECTION_BOTH, depth=1
        )
    )
    found = [version.name for version in both.artifact_versions]
    assert found == [names[2], names[1], names[3]]
    assert len({edge.step for edge in both.edges}) == 2


async def test_all_pages_together_are_the_lineage(ws: Harness) -> None:
    names = await chain(ws, 6)
    stub = ws.artifacts()
    both = artifacts_pb2.LINEAGE_DIRECTION_BOTH
    request = artifacts_pb2.GetLineageRequest(name=names[2], direction=both)
    whole = await stub.GetLineage(request)
    assert {version.name for version in whole.artifact_versions} == set(names)
    for size in (1, 2, 4, 5, 6, 500):
        request.page_size, request.page_token = size, ""
        pages = [await stub.GetLineage(request)]
        while pages[-1].next_page_token:
            request.page_token = pages[-1].next_page_token
            pages.append(await stub.GetLineage(request))
        assert {len(page.artifact_versions) for page in pages[:-1]} <= {size}
        assert [v for page in pages for v in page.artifact_versions] == list(
            whole.artifact_versions
        )
        edges = [str(edge) for page in pages for edge in page.edges]
        assert sorted(edges) == sorted(map(str, whole.edges))
    request.page_size, request.page_token = 2, ""
    request.page_token = (await stub.GetLineage(request)).next_page_token
    for changed in (
        artifacts_pb2.GetLineageRequest(name=names[1], direction=both),
        artifacts_pb2.GetLineageRequest(name=names[2], direction=DOWNSTREAM),
        artifacts_pb2.GetLineageRequest(name=names[2], direction=both, depth=3),
    ):
        changed.page_token = request.page_token
        async with refused("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN"):
            await stub.GetLineage(changed)


async def test_a_cached_step_made_nothing_itself(ws: Harness) -> None:
    (before, after) = await chain(ws, 2)
    run, me = await running(ws, "s1")
    await ws.report(run, me, step_report(2, "s1", "CACHED", attempt=0, outputs={"out": after}))
    step = await ws.steps().GetStep(steps_pb2.GetStepRequest(name=f"{run}/steps/s1"))
    assert dict(step.outputs) == {"out": after}
    up = await ws.artifacts().GetLineage(artifacts_pb2.GetLineageRequest(name=after))
    assert [version.name for version in up.artifact_versions] == [after, before]
    assert {edge.step for edge in up.edges if edge.output} == {
        edge.step for edge in up.edges if edge.output and run not in edge.step
    }


async def test_the_cache_answers_hits_and_explains_misses(ws: Harness) -> None:
    run, me = await running(ws, "fit")
    (version,) = await make(ws, new("model", step=f"{run}/steps/fit", output="model"))
    key, parts = "c" * 64, {"code": "1", "input:data": "2"}
    await ws.report(
        run,
        me,
        step_report(2, "fit", "RUNNING", cache_key=key, cache_key_parts=parts),
        step_report(3, "fit", "SUCCEEDED", outputs={"model": version.name}),
    )
    stub, parent = ws.steps(), "projects/demo"
    hit = await stub.LookupStepCache(Lookup(parent=parent, cache_key=key))
    assert hit.step.name == f"{run}/steps/fit"
    assert hit.step.state == run_types_pb2.STEP_STATE_SUCCEEDED
    other = Lookup(parent=parent, cache_key="d" * 64, step_id="fit")
    other.pipeline = "projects/demo/pipelines/train"
    miss = await stub.LookupStepCache(other)
    assert not miss.HasField("step")
    assert miss.nearest.name == hit.step.name
    assert dict(miss.nearest_key_parts) == parts
    ws.clock.move(hours=2)
    too_old = Lookup(parent=parent, cache_key=key)
    too_old.max_age.seconds = 3600
    assert not (await stub.LookupStepCache(too_old)).HasField("step")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await stub.LookupStepCache(Lookup(parent=parent, cache_key="short"))


async def test_a_step_keeps_why_it_was_not_cached(ws: Harness) -> None:
    run, me = await running(ws, "fit")
    why = "differs from another run in code"
    await ws.report(
        run,
        me,
        step_report(2, "fit", "RUNNING", cache_reason=why),
        step_report(3, "fit", "SUCCEEDED"),
    )
    step = await ws.steps().GetStep(steps_pb2.GetStepRequest(name=f"{run}/steps/fit"))
    assert step.cache_reason == why


async def test_the_cache_is_per_project(ws: Harness) -> None:
    run, me = await running(ws, "fit")
    key = "c" * 64
    await ws.report(
        run,
        me,
        step_report(2, "fit", "RUNNING", cache_key=key),
        step_report(3, "fit", "SUCCEEDED"),
    )
    await ws.create_project("other")
    found = await ws.steps().LookupStepCache(Lookup(parent="projects/other", cache_key=key))
    assert not found.HasField("step")
