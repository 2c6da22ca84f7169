"""ModelService: models, their versions, and what these link."""

import asyncio
from typing import Any
from uuid import uuid4

from google.protobuf.field_mask_pb2 import FieldMask

from tests.workspace.harness import EDITOR, VIEWER, Harness, refused
from tests.workspace.modeling import (
    ARCHIVED,
    DEMO,
    FRAUD,
    PRODUCTION,
    STAGING,
    ask,
    get,
    history,
    move,
    new_artifact,
    new_model,
    new_version,
)
from weftapi.workspace.v1 import (
    artifacts_pb2,
    events_pb2,
    model_stages_pb2,
    model_types_pb2,
    models_pb2,
    projects_pb2,
)

Model = model_types_pb2.Model
Version = model_types_pb2.ModelVersion


async def update(ws: Harness, model: Model, *paths: str, token: str | None = None) -> Model:
    mask = FieldMask(paths=paths) if paths else None
    request = models_pb2.UpdateModelRequest(model=model, update_mask=mask)
    return await ws.models(token).UpdateModel(request)


async def update_version(ws: Harness, version: Version, *paths: str) -> Version:
    request = models_pb2.UpdateModelVersionRequest(
        model_version=version, update_mask=FieldMask(paths=paths)
    )
    return await ws.models().UpdateModelVersion(request)


async def delete(ws: Harness, name: str, etag: str = "") -> None:
    if "/versions/" in name:
        await ws.models().DeleteModelVersion(
            models_pb2.DeleteModelVersionRequest(name=name, etag=etag)
        )
    else:
        await ws.models().DeleteModel(models_pb2.DeleteModelRequest(name=name, etag=etag))


async def links(ws: Harness, parent: str, filter_: str = "") -> list[str]:
    request = models_pb2.ListModelVersionLinksRequest(parent=parent, filter=filter_)
    listed = await ws.models().ListModelVersionLinks(request)
    return [link.artifact_version or link.run for link in listed.links]


async def link(ws: Harness, name: str, token: str | None = None, **targets: Any) -> Any:
    request = models_pb2.LinkModelVersionRequest(name=name, **targets)
    return await ws.models(token).LinkModelVersion(request)


async def test_a_model_is_made_got_changed_and_listed(ws: Harness) -> None:
    made = await new_model(
        ws, display_name="Fraud", labels={"team": "a"}, approval_stages=[3, 2, 3]
    )
    assert (made.name, made.latest_number) == (FRAUD, 0)
    assert list(made.approval_stages) == [STAGING, PRODUCTION]
    got = await ws.models().GetModel(models_pb2.GetModelRequest(name=FRAUD))
    assert got == made
    changed = await update(ws, Model(name=FRAUD, description="# Card", etag=made.etag))
    assert (changed.description, changed.display_name) == ("# Card", "Fraud")
    assert await update(ws, Model(name=FRAUD, description="# Card")) == changed
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await update(ws, Model(name=FRAUD, description="late", etag=made.etag))
    await new_model(ws, "churn")
    listed = await ws.models().ListModels(models_pb2.ListModelsRequest(parent=DEMO, page_size=1))
    assert [model.name for model in listed.models] == [f"{DEMO}/models/churn"]
    rest = models_pb2.ListModelsRequest(parent=DEMO, page_size=1, page_token=listed.next_page_token)
    assert list((await ws.models().ListModels(rest)).models) == [changed]
    named = models_pb2.ListModelsRequest(parent=DEMO, filter='display_name = "Fraud"')
    assert [model.name for model in (await ws.models().ListModels(named)).models] == [FRAUD]


async def test_bad_models_are_refused(ws: Harness) -> None:
    await new_model(ws)
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await new_model(ws)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await new_model(ws, "../evil")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await new_model(ws, "long", description="x" * 20_000)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await new_model(ws, "unset", approval_stages=[0])
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await update(ws, Model(name=FRAUD), "latest_number")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await update(ws, Model(name=f"{DEMO}/models/absent", description="x"))
    for unnamed in ("", "projects/demo/runs/fraud"):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await update(ws, Model(name=unnamed, description="x"))
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await update_version(ws, Version(name=unnamed, description="x"), "description")
    absent = models_pb2.CreateModelRequest(parent="projects/absent", model_id="fraud")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.models().CreateModel(absent)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.models().ListModels(models_pb2.ListModelsRequest(parent="projects/absent"))
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.models().GetModel(models_pb2.GetModelRequest(name=f"{DEMO}/models/absent"))
    async with refused("INVALID_ARGUMENT", "INVALID_FILTER"):
        await ws.models().ListModels(
            models_pb2.ListModelsRequest(parent=DEMO, filter="creator = x")
        )
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.models(ws.token(VIEWER)).CreateModel(
            models_pb2.CreateModelRequest(parent=DEMO, model_id="mine")
        )


async def test_making_with_one_request_id_makes_one(ws: Harness) -> None:
    request = models_pb2.CreateModelRequest(parent=DEMO, model_id="once", request_id=str(uuid4()))
    first = await ws.models().CreateModel(request)
    assert await ws.models().CreateModel(request) == first
    again = models_pb2.CreateModelVersionRequest(parent=first.name, request_id=str(uuid4()))
    version = await ws.models().CreateModelVersion(again)
    assert await ws.models().CreateModelVersion(again) == version
    again.version_id = "other"
    async with refused("INVALID_ARGUMENT", "REQUEST_ID_REUSED"):
        await ws.models().CreateModelVersion(again)


async def test_versions_are_found_by_number_name_stage_and_latest(ws: Harness) -> None:
    await new_model(ws)
    first = await new_version(ws, "candidate-a", metadata={"auc": 0.93, "folds": 5})
    second = await new_version(ws, description="more data")
    assert (first.name, second.number) == (f"{FRAUD}/versions/1", 2)
    assert dict(first.metadata) == {"auc": 0.93, "folds": 5}
    assert await get(ws, "1") == await get(ws, "candidate-a") == first
    assert await get(ws, "latest") == second
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await get(ws, "production")
    staged = await move(ws, "candidate-a", STAGING)
    assert await get(ws, "staging") == staged
    model = await ws.models().GetModel(models_pb2.GetModelRequest(name=FRAUD))
    assert (model.staging_version, model.production_version) == (first.name, "")
    assert model.latest_number == 2


async def test_versions_are_listed_within_and_across_models(ws: Harness) -> None:
    await new_model(ws)
    await new_model(ws, "churn")
    first, second = await new_version(ws), await new_version(ws)
    other = await new_version(ws, parent=f"{DEMO}/models/churn")
    await move(ws, 1, STAGING)

    async def listed(parent: str, filter_: str = "") -> list[str]:
        request = models_pb2.ListModelVersionsRequest(parent=parent, filter=filter_)
        found = await ws.models().ListModelVersions(request)
        return [version.name for version in found.model_versions]

    assert await listed(FRAUD) == [second.name, first.name]
    assert await listed(f"{DEMO}/models/-") == [other.name, second.name, first.name]
    assert await listed(f"{DEMO}/models/-", "stage = STAGING") == [first.name]
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await listed("projects/absent/models/-")
    async with refused("INVALID_ARGUMENT", "INVALID_FILTER"):
        await listed(FRAUD, "metadata.auc > high")


async def test_bad_versions_are_refused(ws: Harness) -> None:
    await new_model(ws)
    await new_version(ws, "mine")
    async with refused("ALREADY_EXISTS", "RESOURCE_EXISTS"):
        await new_version(ws, "mine")
    for reserved in ("latest", "production", "staging", "none", "archived"):
        async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
            await new_version(ws, reserved)
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await new_version(ws, "7")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await new_version(ws, parent=f"{DEMO}/models/absent")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await new_version(ws, run=f"{DEMO}/runs/absent")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await new_version(ws, metadata={"huge": "x" * 70_000})


async def test_a_version_is_changed_by_its_mask(ws: Harness) -> None:
    await new_model(ws)
    made = await new_version(ws, metadata={"auc": 0.9})
    changed = await update_version(
        ws,
        Version(name=made.name, metadata={"auc": 0.95}, description="kept out", etag=made.etag),
        "metadata",
    )
    assert (changed.metadata["auc"], changed.description) == (0.95, "")
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await update_version(ws, Version(name=made.name, etag=made.etag), "labels")
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await update_version(ws, Version(name=made.name, run=f"{DEMO}/runs/a"), "run")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await update_version(
            ws, Version(name=f"{FRAUD}/versions/9", description="x"), "description"
        )


async def test_many_who_make_versions_at_once_get_different_numbers(ws: Harness) -> None:
    await new_model(ws)
    made = await asyncio.gather(*(new_version(ws) for _ in range(20)))
    assert sorted(version.number for version in made) == list(range(1, 21))


async def test_what_is_in_use_is_not_deleted(ws: Harness) -> None:
    await new_model(ws)
    await new_version(ws)
    await move(ws, 1, STAGING)
    request = await ask(ws, 1)
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await delete(ws, f"{FRAUD}/versions/1")
    assert refusal.error
    assert refusal.error.metadata["dependents"] == f"the stage STAGING,{request.name}"
    await ws.models().DenyStageRequest(model_stages_pb2.DenyStageRequestRequest(name=request.name))
    await move(ws, 1, ARCHIVED)
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE") as refusal:
        await delete(ws, FRAUD)
    assert refusal.error
    assert refusal.error.metadata["dependents"] == f"{FRAUD}/versions/1"
    async with refused("ABORTED", "ETAG_MISMATCH"):
        await delete(ws, f"{FRAUD}/versions/1", etag="other")
    await link(ws, f"{FRAUD}/versions/1", artifact_versions=[await new_artifact(ws)])
    await delete(ws, f"{FRAUD}/versions/latest")
    # Its history is that of the model; its number is not given again.
    assert await history(ws) == [("1", "STAGING", "ARCHIVED"), ("1", "NONE", "STAGING")]
    assert (await new_version(ws)).number == 2
    await delete(ws, f"{FRAUD}/versions/2")
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await delete(ws, f"{FRAUD}/versions/2")
    async with refused("FAILED_PRECONDITION", "RESOURCE_IN_USE"):
        await ws.projects().DeleteProject(projects_pb2.DeleteProjectRequest(name=DEMO))
    await delete(ws, FRAUD)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await delete(ws, FRAUD)
    assert await history(ws, f"{DEMO}/models/-") == []


async def test_artifacts_and_runs_are_linked_and_found_both_ways(ws: Harness) -> None:
    await new_model(ws)
    first, second = await new_version(ws), await new_version(ws)
    weights, data = await new_artifact(ws), await new_artifact(ws, "data")
    run = (await ws.create_run()).name
    made = await link(ws, first.name, artifact_versions=[weights, data], runs=[run, run])
    assert [each.artifact_version or each.run for each in made.links] == [weights, data, run]
    # Again, with one more: what is there stays as it is.
    again = await link(ws, second.name, artifact_versions=[weights])
    assert await link(ws, second.name, artifact_versions=[weights]) == again
    assert set(await links(ws, first.name)) == {weights, data, run}
    everywhere = f"{DEMO}/models/-/versions/-"
    request = models_pb2.ListModelVersionLinksRequest(
        parent=everywhere, filter=f'artifact_version = "{weights}"'
    )
    users = (await ws.models().ListModelVersionLinks(request)).links
    assert [each.model_version for each in users] == [second.name, first.name]
    assert await links(ws, everywhere, f'run = "{run}"') == [run]
    unlink = models_pb2.UnlinkModelVersionRequest(name=first.name, artifact_versions=[data])
    await ws.models().UnlinkModelVersion(unlink)
    assert set(await links(ws, first.name)) == {weights, run}
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await ws.models().UnlinkModelVersion(unlink)


async def test_bad_links_are_refused_whole(ws: Harness) -> None:
    await new_model(ws)
    version = (await new_version(ws)).name
    await ws.create_project("other")
    mine, theirs = await new_artifact(ws), await new_artifact(ws, project="other")
    for bad in (theirs, f"{DEMO}/artifacts/absent/versions/1"):
        async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
            await link(ws, version, artifact_versions=[mine, bad])
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await link(ws, version, artifact_versions=[mine], runs=[f"{DEMO}/runs/absent"])
    async with refused("INVALID_ARGUMENT", "INVALID_FIELDS"):
        await link(ws, version)
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await link(ws, f"{FRAUD}/versions/9", artifact_versions=[mine])
    assert await links(ws, version) == []
    async with refused("NOT_FOUND", "RESOURCE_NOT_FOUND"):
        await links(ws, f"{FRAUD}/versions/9")


async def test_a_run_makes_one_version_with_its_model(ws: Harness) -> None:
    run = (await ws.create_run(run_id="mine")).name
    theirs = (await ws.create_run(run_id="theirs")).name
    token = await ws.run_token(run)
    made = await new_version(ws, token=token, run=run)
    assert (made.name, made.run, made.creator) == (f"{FRAUD}/versions/1", run, f"{run}/attempts/1")
    assert await new_version(ws, token=token, run=run) == made
    weights = await new_artifact(ws)
    await link(ws, made.name, token, artifact_versions=[weights], runs=[run])
    listed = await ws.models(token).ListModelVersionLinks(
        models_pb2.ListModelVersionLinksRequest(parent=made.name)
    )
    assert len(listed.links) == 2
    got = models_pb2.GetModelVersionRequest(name=f"{FRAUD}/versions/latest")
    assert (await ws.models(token).GetModelVersion(got)).name == made.name
    # And nothing beyond its own.
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await new_version(ws, token=token, run=theirs)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await new_version(ws, token=token)
    other = await new_version(ws)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await link(ws, other.name, token, artifact_versions=[weights])
    async with refused("PERMISSION_DENIED", "CALLER_NOT_ALLOWED"):
        await move(ws, 1, PRODUCTION, token=token)
    elsewhere = models_pb2.GetModelVersionRequest(name="projects/other/models/a/versions/1")
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await ws.models(token).GetModelVersion(elsewhere)


async def test_the_rule_of_approval_belongs_to_those_who_approve(ws: Harness) -> None:
    await new_model(ws, approval_stages=[PRODUCTION])
    editor = ws.token(EDITOR)
    for paths in (["approval_stages"], ["*"]):
        async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
            await update(ws, Model(name=FRAUD), *paths, token=editor)
    async with refused("PERMISSION_DENIED", "NOT_PERMITTED"):
        await update(ws, Model(name=FRAUD, approval_stages=[STAGING]), token=editor)
    changed = await update(ws, Model(name=FRAUD, description="mine to change"), token=editor)
    assert list(changed.approval_stages) == [PRODUCTION]
    opened = await update(ws, Model(name=FRAUD), "approval_stages")
    assert not opened.approval_stages


async def test_watchers_see_what_becomes_of_versions(ws: Harness) -> None:
    await new_model(ws)
    made = await new_version(ws)
    await move(ws, 1, STAGING, comment="try it")
    request = events_pb2.ListEventsRequest(
        parent=DEMO, after_revision=made.revision, resource_types=["weft.dev/ModelVersion"]
    )
    (event,) = (await ws.events().ListEvents(request)).events
    assert event.model_version.stage == STAGING
    assert (event.transition.to, event.transition.reason) == ("STAGING", "try it")
    request.resource_types[:] = ["weft.dev/Model"]
    (event,) = (await ws.events().ListEvents(request)).events
    assert event.model.staging_version == made.name


async def test_what_a_model_consists_of_is_known_by_the_artifact(ws: Harness) -> None:
    """The store's answer to who uses an artifact, for those who want to delete it."""
    from workspace.store import artifacts, models

    await new_model(ws)
    version, weights = (await new_version(ws)).name, await new_artifact(ws)
    await link(ws, version, artifact_versions=[weights])
    row = await ws.workspace.database.read(artifacts.version, "demo", "weights", 1)
    assert row
    assert await ws.workspace.database.read(models.users_of, [row.uid], 10) == [version]
    got = artifacts_pb2.GetArtifactVersionRequest(name=weights)
    assert (await ws.artifacts().GetArtifactVersion(got)).name == weights
