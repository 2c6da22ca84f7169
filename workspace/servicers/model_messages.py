"""Models, their versions and their history, between rows and messages."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from google.protobuf.message import Message

from weftapi.workspace.v1 import model_types_pb2
from workspace import names
from workspace.operations.refusals import invalid
from workspace.servicers.converting import numbers, short_names, stamp, struct_to_dict
from workspace.store.schema_models import (
    Model,
    ModelVersion,
    ModelVersionLink,
    StageRequest,
    StageTransition,
)

_STAGES = short_names(model_types_pb2.ModelStage)
_STAGE_NUMBERS = numbers(model_types_pb2.ModelStage)
_STATE_NUMBERS = numbers(model_types_pb2.StageRequestState)
_MAX_METADATA_BYTES = 64 * 1024


def values_of(message: Message, paths: Iterable[str]) -> dict[str, Any]:
    """Plain values of the named fields of a model or a version."""
    values: dict[str, Any] = {}
    for path in paths:
        value = getattr(message, path)
        if path in ("labels", "annotations"):
            value = dict(value)
        elif path == "approval_stages":
            value = _stages(value)
        elif path == "metadata":
            value = _metadata(message)
        values[path] = value
    return values


def stage_name(number: int) -> str:
    return _STAGES[number]


def _stages(given: Sequence[int]) -> list[str]:
    """Stages once each, in their order."""
    if 0 in given:
        raise invalid("model.approval_stages", "must name stages")
    return [_STAGES[number] for number in sorted(set(given))]


def _metadata(message: Message) -> dict[str, Any]:
    values = struct_to_dict(message.metadata)  # type: ignore[attr-defined]
    if len(json.dumps(values)) > _MAX_METADATA_BYTES:
        raise invalid("model_version.metadata", f"must have at most {_MAX_METADATA_BYTES} bytes")
    return values


def model_to_proto(row: Model) -> model_types_pb2.Model:
    return model_types_pb2.Model(
        name=row.name,
        uid=str(row.uid),
        display_name=row.display_name,
        description=row.description,
        labels=row.labels,
        annotations=row.annotations,
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        etag=names.etag(row.uid, row.changes),
        latest_number=row.latest_number,
        approval_stages=[_stage(stage) for stage in row.approval_stages],
        staging_version=row.version(row.staging),
        production_version=row.version(row.production),
    )


def version_to_proto(row: ModelVersion) -> model_types_pb2.ModelVersion:
    version = model_types_pb2.ModelVersion(
        name=row.name,
        uid=str(row.uid),
        description=row.description,
        labels=row.labels,
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        etag=names.etag(row.uid, row.changes),
        number=row.number,
        version_id=row.version_id,
        stage=_stage(row.stage),
        run=names.run(row.project, row.run) if row.run else "",
    )
    if row.metadata:
        version.metadata.update(row.metadata)
    return version


def link_to_proto(row: ModelVersionLink) -> model_types_pb2.ModelVersionLink:
    target: Mapping[str, Any] = (
        {"artifact_version": row.artifact_version} if row.artifact_version else {"run": row.run}
    )
    return model_types_pb2.ModelVersionLink(
        model_version=_version(row.project, row.model, row.number),
        uid=str(row.uid),
        creator=row.creator,
        create_time=stamp(row.create_time),
        **target,
    )


def transition_to_proto(row: StageTransition) -> model_types_pb2.StageTransition:
    parent = f"{names.project(row.project)}/models/{row.model}"
    transition = model_types_pb2.StageTransition(
        model_version=_version(row.project, row.model, row.number),
        uid=str(row.uid),
        creator=row.creator,
        create_time=stamp(row.create_time),
        to=_stage(row.to_stage),
        comment=row.comment,
        stage_request=f"{parent}/stageRequests/{row.request}" if row.request else "",
        successor=_version(row.project, row.model, row.successor) if row.successor else "",
    )
    # `from` is a word of Python.
    setattr(transition, "from", _stage(row.from_stage))
    return transition


def request_to_proto(row: StageRequest) -> model_types_pb2.StageRequest:
    return model_types_pb2.StageRequest(
        name=row.name,
        uid=str(row.uid),
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        model_version=_version(row.project, row.model, row.number),
        stage=_stage(row.stage),
        demote_existing=row.demote_existing,
        comment=row.comment,
        state=_state(row.state),
        decider=row.decider,
        decision_comment=row.decision_comment,
    )


def _stage(name: str) -> Any:
    return _STAGE_NUMBERS[name]


def _state(name: str) -> Any:
    return _STATE_NUMBERS[name]


def _version(project: str, model: str, number: int) -> str:
    return f"{names.project(project)}/models/{model}/versions/{number}"
