"""What people say of artifacts and versions, and how these end."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask

from tests.cases import on_one_server
from tests.workspace.harness import EDITOR, VIEWER, Harness, refused, run_report, step_report
from tests.workspace.modeling import new_model, new_version
from tests.workspace.test_artifacts import make, new, running
from weftapi.workspace.v1 import artifact_types_pb2, events_pb2, models_pb2, runs_pb2
from weftapi.workspace.v1 import artifacts_pb2 as pb

ARTIFACT = "projects/demo/artifacts/data"


def version(**fields: Any) -> artifact_types_pb2.ArtifactVersion:
    return artifact_types_pb2.ArtifactVersion(
        **{
            "uri": "s3://bucket/data",
            "data_type": "pandas.DataFrame",
            "materializer": "parquet",
            "content_hash": "c" * 64,
            **fields,
        }
    )


def create(**fields: Any) -> pb.CreateArtifactVersionRequest:
    return pb.CreateArtifactVersionRequest(parent=ARTIFACT, artifact_version=version(**fields))


async def get(ws: Harness, name: str) -> artifact_types_pb2.ArtifactVersion:
    return await ws.artifacts().GetArtifactVersion(pb.GetArtifactVersionRequest(name=name))


async def update(
    ws: Harness, name: str, *paths: str, **fields: Any
) -> artifact_types_pb2.ArtifactVersion:
    request = pb.UpdateArtifactVersionRequest(
        artifact_version=artifact_types_pb2.ArtifactVersion(name=name, **fields),
        update_mask=FieldMask(paths=paths),
    )
    return await ws.artifacts().UpdateArtifactVersion(request)


async def prune(ws: Harness, token: str | None = None, **fields: Any) -> Any:
    request = pb.PruneArtifactVersionsRequest(
        parent="projects/demo", minimum_age=Duration(), **fields
    )
    return await ws.artifacts(token).PruneArtifactVersions(request)


async def run_job(ws: Harness, name: str) -> None:
    job = next(job for job in ws.workspace.jobs if job.name == name)
    await job.run(None)  # type: ignore[arg-type]


async def taken_version(ws: Harness) -> tuple[artifact_types_pb2.ArtifactVersion, str]:
    """A version that a step took, and the step."""
    run, me = await running(ws, "load", "fit")
    (made,) = await make(ws, new("data", step=f"{run}/steps/load", output="data"))
    await ws.report(
        run,
        me,
        step_report(2, "load", "RUNNING"),
        step_report(3, "load", "SUCCEEDED", outputs={"data": made.name}),
        step_report(4, "fit", "RUNNING", inputs={"x": made.name}),
        step_report(5, "fit", "SUCCEEDED"),
        run_report(6, "SUCCEEDED"),
    )
    return made, f"{run}/steps/fit"


async def test_a_version_made_outside_a_run_has_a_name_and_metadata(ws: Harness) -> None:
    metadata = {"accuracy": 0.5, "classes": ["a", "b"], "note": "x", "good": True, "n": 3}
    request = create(alias="gold", labels={"team": "a"}, description="d")
    for key, value in metadata.items():
        if isinstance(value, list):
            request.artifact_version.metadata[key].list_value.extend(value)
        elif isinstance(value, bool):
            request.artifact_version.metadata[key].bool_value = value
        elif isinstance(value, str):
            request.artifact_version.metadata[key].string_value = value
        else:
            request.artifact_version.metadata[key].number_value = value
    made = await ws.artifacts().CreateArtifactVersion(request)
    assert (made.name, made.alias, made.labels["team"]) == (f"{ARTIFACT}/versions/1", "gold", "a")
    assert made.metadata["accuracy"].number_value == 0.5
    assert list(made.metadata["classes"].list_value) == ["a", "b"]
    assert await get(ws, f"{ARTIFACT}/versions/gold") == made == await get(ws, made.name)
    with_alias = pb.ListArtifactVersionsRequest(parent=ARTIFACT, filter="alias = gold")
    assert list((await ws.artifacts().ListArtifactVersions(with_alias)).artifact_versions) == [made]
    with_label = pb.ListArtifactVersionsRequest(parent=ARTIFACT, filter="labels.team = b")
    assert not (await ws.artifacts().ListArtifactVersions(with_label)).artifact_versions


async def test_creating_is_safe_to_repeat_and_an_alias_is_one_versions(ws: Harness) -> None:
    request = create(alias="gold")
    request.request_id = str(uuid4())
    first = await ws.artifacts().CreateArtifactVersion(request)
    assert await ws.artifacts().CreateArtifactVersion(request) == first
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await ws.artifacts().CreateArtifactVersion(create(alias="gold"))
    twice = [new("other", alias="x"), new("other", alias="x")]
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await make(ws, *twice)
    uid = first.uid
    assert await ws.artifacts().CreateArtifactVersion(create(uid=uid, alias="late")) == first
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await ws.artifacts().CreateArtifactVersion(create(uid=uid, size_bytes=9))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        request = create()
        request.parent = "projects/absent/artifacts/data"
        await ws.artifacts().CreateArtifactVersion(request)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.artifacts().CreateArtifactVersion(
            create(producer_step="projects/other/runs/a/steps/b")
        )


@on_one_server(
    "fields",
    [
        {"alias": "7"},
        {"alias": "-x"},
        {"alias": "../up"},
        {"description": "x" * 4097},
        {"labels": {"k": "v" * 257}},
        {"visualizations": [artifact_types_pb2.Visualization(kind=1, file="../../secret.png")]},
        {"visualizations": [artifact_types_pb2.Visualization(kind=1, file="/etc/passwd")]},
        {"visualizations": [artifact_types_pb2.Visualization(file="plot.png")]},
    ],
)
async def test_what_cannot_be_said_of_a_version_is_refused(ws: Harness, fields: Any) -> None:
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.artifacts().CreateArtifactVersion(create(**fields))


async def test_metadata_that_is_no_json_or_too_much_is_refused(ws: Harness) -> None:
    for value in (float("nan"), float("inf")):
        request = create()
        request.artifact_version.metadata["x"].number_value = value
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await ws.artifacts().CreateArtifactVersion(request)
    request = create()
    for number in range(40):
        request.artifact_version.metadata[f"k{number}"].string_value = "x" * 1000
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await ws.artifacts().CreateArtifactVersion(request)


async def test_an_update_changes_what_is_said_and_nothing_else(ws: Harness) -> None:
    first, second = await make(ws, new("data"), new("data"))
    named = await update(ws, first.name, alias="gold", labels={"a": "b"}, etag=first.etag)
    assert (named.alias, named.labels["a"], named.content_hash) == ("gold", "b", "b" * 64)
    assert named.etag != first.etag
    assert named.revision > first.revision
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await update(ws, first.name, alias="silver", etag=first.etag)
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await update(ws, second.name, alias="gold")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await update(ws, first.name, "uri", uri="file:///elsewhere")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await update(ws, first.name, "nothing")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await update(ws, f"{ARTIFACT}/versions/9", description="x")
    bare = await update(ws, first.name, "alias")
    assert bare.alias == ""
    assert (await update(ws, second.name, alias="gold")).name == second.name


async def test_an_artifact_is_described_found_by_label_and_deleted(ws: Harness) -> None:
    await make(ws, new("data"), new("other"))
    stub = ws.artifacts()
    before = await stub.GetArtifact(pb.GetArtifactRequest(name=ARTIFACT))
    wanted = artifact_types_pb2.Artifact(
        name=ARTIFACT, display_name="Data", labels={"team": "a"}, etag=before.etag
    )
    request = pb.UpdateArtifactRequest(artifact=wanted, request_id=str(uuid4()))
    after = await stub.UpdateArtifact(request)
    assert await stub.UpdateArtifact(request) == after
    assert (after.display_name, after.labels["team"]) == ("Data", "a")
    for filter_ in ("labels.team = a", 'display_name = "Data"', "labels:team"):
        found = await stub.ListArtifacts(
            pb.ListArtifactsRequest(parent="projects/demo", filter=filter_)
        )
        assert list(found.artifacts) == [after]
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await stub.DeleteArtifact(pb.DeleteArtifactRequest(name=ARTIFACT, etag=before.etag))
    await stub.DeleteArtifact(pb.DeleteArtifactRequest(name=ARTIFACT, etag=after.etag))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.DeleteArtifact(pb.DeleteArtifactRequest(name=ARTIFACT))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await get(ws, f"{ARTIFACT}/versions/1")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await stub.UpdateArtifact(pb.UpdateArtifactRequest(artifact=wanted))


async def test_numbers_are_never_given_again(ws: Harness) -> None:
    _, second = await make(ws, new("data"), new("data"))
    delete = pb.DeleteArtifactVersionRequest(name=second.name, etag=second.etag)
    await ws.artifacts().DeleteArtifactVersion(delete)
    artifact = await ws.artifacts().GetArtifact(pb.GetArtifactRequest(name=ARTIFACT))
    assert artifact.latest_version == 1
    (third,) = await make(ws, new("data"))
    assert third.version == 3
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.artifacts().DeleteArtifactVersion(delete)
    events = await ws.events().ListEvents(
        events_pb2.ListEventsRequest(
            parent="projects/demo", resource_types=["weft.dev/ArtifactVersion"]
        )
    )
    kinds = [(event.type, event.name.rpartition("/")[2]) for event in events.events]
    assert kinds == [(1, "1"), (1, "2"), (3, "2"), (1, "3")]


async def test_what_a_step_took_is_not_deleted(ws: Harness) -> None:
    made, step = await taken_version(ws)
    for call in (
        ws.artifacts().DeleteArtifactVersion(pb.DeleteArtifactVersionRequest(name=made.name)),
        ws.artifacts().DeleteArtifact(pb.DeleteArtifactRequest(name=ARTIFACT)),
    ):
        async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
            await call
        assert refusal.error
        assert refusal.error.metadata["dependents"] == step
    assert await get(ws, made.name) == made


async def test_what_a_step_took_over_from_the_cache_stays(ws: Harness) -> None:
    made, _ = await make(ws, new("data"), new("data"))
    run, me = await running(ws, "load")
    cached = step_report(2, "load", "CACHED", attempt=0, outputs={"data": made.name})
    for _ in range(2):
        await ws.report(run, me, cached, run_report(3, "SUCCEEDED"))
    assert not (await prune(ws)).artifact_versions
    delete = pb.DeleteArtifactVersionRequest(name=made.name)
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await ws.artifacts().DeleteArtifactVersion(delete)
    assert refusal.error
    assert refusal.error.metadata["dependents"] == f"{run}/steps/load"
    await ws.runs().DeleteRun(runs_pb2.DeleteRunRequest(name=run))
    assert [v.name for v in (await prune(ws)).artifact_versions] == [made.name]


async def test_what_a_model_links_is_not_deleted(ws: Harness) -> None:
    made, _ = await make(ws, new("data"), new("data"))
    await new_model(ws)
    model = await new_version(ws)
    await ws.models().LinkModelVersion(
        models_pb2.LinkModelVersionRequest(name=model.name, artifact_versions=[made.name])
    )
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await ws.artifacts().DeleteArtifactVersion(pb.DeleteArtifactVersionRequest(name=made.name))
    assert refusal.error
    assert refusal.error.metadata["dependents"] == model.name
    assert not (await prune(ws)).artifact_versions


async def test_prune_spares_what_is_used_named_labelled_newest_or_young(ws: Harness) -> None:
    used, _ = await taken_version(ws)
    run, _ = await running(ws, "load")
    (growing,) = await make(ws, new("data", step=f"{run}/steps/load", output="data"))
    plain, aliased, labelled, newest = await make(
        ws,
        new("data", size_bytes=7),
        new("data", alias="gold"),
        new("data", labels={"a": "b"}),
        new("data"),
    )
    tried = await prune(ws, validate_only=True)
    assert [v.name for v in tried.artifact_versions] == [plain.name]
    assert tried.size_bytes == 7
    assert await get(ws, plain.name) == plain
    young = pb.PruneArtifactVersionsRequest(parent="projects/demo")
    assert not (await ws.artifacts().PruneArtifactVersions(young)).artifact_versions
    pruned = await prune(ws)
    assert [v.name for v in pruned.artifact_versions] == [plain.name]
    assert not (await prune(ws)).artifact_versions
    for kept in (used, growing, aliased, labelled, newest):
        assert await get(ws, kept.name) == kept
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await get(ws, plain.name)


async def test_prune_goes_on_page_by_page(ws: Harness) -> None:
    made = [version for _ in range(5) for version in await make(ws, new("data"))]
    found: list[str] = []
    token, pages = "", 0
    while token or not pages:
        page = await prune(ws, page_size=2, page_token=token)
        found += [version.name for version in page.artifact_versions]
        token, pages = page.next_page_token, pages + 1
    assert found == [version.name for version in made[:4]]
    assert pages == 3
    async with refused("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN"):
        await prune(ws, page_token="x")


async def test_deleting_takes_an_administrator(ws: Harness) -> None:
    (made, _) = await make(ws, new("data"), new("data"))
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await prune(ws, ws.token(EDITOR))
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.artifacts(ws.token(EDITOR)).DeleteArtifactVersion(
            pb.DeleteArtifactVersionRequest(name=made.name)
        )
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.artifacts(ws.token(VIEWER)).UpdateArtifactVersion(
            pb.UpdateArtifactVersionRequest(
                artifact_version=artifact_types_pb2.ArtifactVersion(name=made.name, alias="x")
            )
        )


async def test_bytes_go_with_their_last_version_and_no_others(ws: Harness, tmp_path: Path) -> None:
    root = tmp_path / "data" / "artifacts"
    base = f"file://{root}"
    folders = [f"demo/run/load/{n}/out" for n in range(1, 4)] + ["demo/flat", "other/run/a/1/out"]
    for folder in folders:
        (root / folder).mkdir(parents=True)
        (root / folder / "x.bin").write_bytes(b"x")
    uris = [f"{base}/{folder}" for folder in folders]
    uris += [f"file://{tmp_path}/data", "s3://elsewhere/x"]
    versions = []
    for place, uri in enumerate([*uris, uris[1], uris[0]]):
        request = pb.CreateArtifactVersionRequest(
            parent=f"projects/demo/artifacts/a{place}", artifact_version=version(uri=uri)
        )
        versions.append(await ws.artifacts().CreateArtifactVersion(request))
    for made in (*versions[:2], *versions[3:]):
        await ws.artifacts().DeleteArtifactVersion(
            pb.DeleteArtifactVersionRequest(
                name=made.name, delete_content=made.name != versions[7].name
            )
        )
    await run_job(ws, "contents")
    left = sorted(path.relative_to(root).as_posix() for path in root.rglob("x.bin"))
    # The first's bytes went with their second version; the second's were to stay; the rest
    # lie where no run of this project puts artifacts.
    assert left == [f"{folder}/x.bin" for folder in (folders[3], *folders[1:3], folders[4])]
    assert (tmp_path / "data" / "page-token.key").exists()
