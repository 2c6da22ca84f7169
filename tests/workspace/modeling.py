"""Models and versions that several tests begin with."""

from typing import Any
from uuid import uuid4

from tests.workspace.harness import Harness
from weftapi.workspace.v1 import (
    artifact_types_pb2,
    artifacts_pb2,
    model_stages_pb2,
    model_types_pb2,
    models_pb2,
)

DEMO = "projects/demo"
FRAUD = f"{DEMO}/models/fraud"
NONE, STAGING, PRODUCTION, ARCHIVED = (
    model_types_pb2.MODEL_STAGE_NONE,
    model_types_pb2.MODEL_STAGE_STAGING,
    model_types_pb2.MODEL_STAGE_PRODUCTION,
    model_types_pb2.MODEL_STAGE_ARCHIVED,
)


async def new_model(ws: Harness, model: str = "fraud", **fields: Any) -> model_types_pb2.Model:
    return await ws.models().CreateModel(
        models_pb2.CreateModelRequest(
            parent=DEMO, model_id=model, model=model_types_pb2.Model(**fields)
        )
    )


async def new_version(
    ws: Harness,
    version_id: str = "",
    *,
    parent: str = FRAUD,
    token: str | None = None,
    **fields: Any,
) -> model_types_pb2.ModelVersion:
    return await ws.models(token).CreateModelVersion(
        models_pb2.CreateModelVersionRequest(
            parent=parent,
            version_id=version_id,
            model_version=model_types_pb2.ModelVersion(**fields),
        )
    )


async def get(ws: Harness, version: str) -> model_types_pb2.ModelVersion:
    """A version of the model "fraud" by whatever stands for it."""
    name = f"{FRAUD}/versions/{version}"
    return await ws.models().GetModelVersion(models_pb2.GetModelVersionRequest(name=name))


async def move(
    ws: Harness,
    version: Any,
    stage: Any,
    *,
    demote: bool = False,
    token: str | None = None,
    **more: Any,
) -> model_types_pb2.ModelVersion:
    return await ws.models(token).TransitionModelVersionStage(
        model_stages_pb2.TransitionModelVersionStageRequest(
            name=f"{FRAUD}/versions/{version}", stage=stage, demote_existing=demote, **more
        )
    )


async def ask(
    ws: Harness, version: Any, stage: Any = PRODUCTION, *, token: str | None = None, **more: Any
) -> model_types_pb2.StageRequest:
    return await ws.models(token).RequestStageTransition(
        model_stages_pb2.RequestStageTransitionRequest(
            parent=f"{FRAUD}/versions/{version}", stage=stage, **more
        )
    )


async def history(ws: Harness, parent: str = FRAUD, **more: Any) -> list[tuple[str, str, str]]:
    """Moves, newest first: which version, from where, to where."""
    request = model_stages_pb2.ListStageTransitionsRequest(parent=parent, **more)
    listed = await ws.models().ListStageTransitions(request)
    return [
        (line.model_version.rpartition("/")[2], _short(getattr(line, "from")), _short(line.to))
        for line in listed.stage_transitions
    ]


def _short(stage: Any) -> str:
    return model_types_pb2.ModelStage.Name(stage).removeprefix("MODEL_STAGE_")


async def new_artifact(ws: Harness, artifact: str = "weights", *, project: str = "demo") -> str:
    """The name of a new version of an artifact."""
    version = artifact_types_pb2.ArtifactVersion(
        uid=str(uuid4()),
        uri=f"file:///{artifact}",
        data_type="numpy.ndarray",
        materializer="numpy",
        content_hash="b" * 64,
    )
    made = await ws.artifacts().BatchCreateArtifactVersions(
        artifacts_pb2.BatchCreateArtifactVersionsRequest(
            parent=f"projects/{project}",
            requests=[
                artifacts_pb2.NewArtifactVersion(artifact_id=artifact, artifact_version=version)
            ],
        )
    )
    return str(made.artifact_versions[0].name)
