"""What a run tells the workspace, as messages of the contract, and artifact versions back."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable, Mapping
from typing import Any, cast

from google.protobuf import json_format, timestamp_pb2

from weft._enums import word
from weft._ids import resource_id
from weft._records import (
    ArtifactVersion,
    CacheCandidate,
    Failure,
    LogLine,
    RunRecord,
    RunReport,
    StepRecord,
    StepReport,
)
from weft._spec import struct
from weftapi.common.v1 import types_pb2
from weftapi.workspace.v1 import artifact_types_pb2, artifacts_pb2, reports_pb2, run_types_pb2

NameOf = Callable[[ArtifactVersion], str]
_REASON, _EXCERPT, _TRACEBACK, _LOCATION = 1_024, 4_096, 16_384, 1_024
_MAX_INPUTS = 1_000
_MAX_VISUALIZATIONS = 16
_KINDS = {
    **dict.fromkeys(("png", "jpg", "jpeg", "gif", "webp"), "IMAGE"),
    "html": "HTML",
    "md": "MARKDOWN",
    "csv": "CSV",
    "json": "JSON",
}
_CHANNELS = {"stdout": "STDOUT", "stderr": "STDERR", "structured": "LOGGING"}


def new_step(record: StepRecord) -> reports_pb2.NewStep:
    """Give a step to add to a run."""
    step = reports_pb2.NewStep(step_id=record.id, upstream=record.upstream)
    if record.parent:
        step.map_group = record.parent
        step.map_index = record.index or 0
    return step


def report(record: RunReport | StepReport, name_of: NameOf) -> reports_pb2.Report:
    """Give a report; `name_of` gives the resource name of an artifact version."""
    message = reports_pb2.Report(sequence=record.sequence, time=timestamp(record.time))
    if isinstance(record, RunReport):
        message.run.state = run_types_pb2.RunState.Value(f"RUN_STATE_{record.state}")
        message.run.reason = record.reason[:_REASON]
    else:
        message.step.CopyFrom(_step_report(record, name_of))
    if record.failure is not None:
        subject = message.run if isinstance(record, RunReport) else message.step
        subject.failure.CopyFrom(failure(record.failure))
    return message


def failure(record: Failure) -> run_types_pb2.Failure:
    """Give a failure, its long parts cut to what the wire takes."""
    return run_types_pb2.Failure(
        kind=run_types_pb2.FailureKind.Value(f"FAILURE_KIND_{record.kind}"),
        code=record.code,
        message=record.message or record.exception or record.code,
        step=record.step,
        exception_type=record.exception[:256],
        location=record.location[-_LOCATION:],
        excerpt=record.excerpt[:_EXCERPT],
        traceback=record.traceback[-_TRACEBACK:],  # the end says what happened
    )


def read_failure(message: run_types_pb2.Failure) -> Failure:
    """Read a failure."""
    kind = word(run_types_pb2.FailureKind, message.kind)
    return Failure(
        cast("Any", kind),
        message.code,
        message.message,
        message.exception_type,
        message.location,
        excerpt=message.excerpt,
        traceback=message.traceback,
        step=message.step,
    )


def new_artifact_version(
    version: ArtifactVersion, record: RunRecord, *, step: str, output: str
) -> artifacts_pb2.NewArtifactVersion:
    """Give an artifact version to create; `step` is the fan-out's id where an item made it."""
    steps = f"projects/{record.project}/runs/{record.name}/steps"
    return artifacts_pb2.NewArtifactVersion(
        artifact_id=artifact_id(record.pipeline, step, output),
        artifact_version=artifact_types_pb2.ArtifactVersion(
            uid=version.uid,
            type=artifact_types_pb2.ArtifactType.Value(f"ARTIFACT_TYPE_{version.type}"),
            uri=version.uri,
            data_type=version.data_type[:512],
            materializer=version.materializer,
            content_hash=version.content_hash,
            size_bytes=version.size_bytes,
            producer_step=f"{steps}/{version.producer_step}",
            producer_output=output,
            schema=struct(_described(version)),
            unsafe=version.is_pickled,
            written_with=dict(version.libraries),
            visualizations=_visualizations(version.visualizations),
        ),
    )


def _visualizations(files: tuple[str, ...]) -> list[artifact_types_pb2.Visualization]:
    """Say how files are shown; one whose ending says nothing is not."""
    found = []
    for file in files:
        if kind := _KINDS.get(file.rpartition(".")[2].lower()):
            number = artifact_types_pb2.VisualizationKind.Value(f"VISUALIZATION_KIND_{kind}")
            found.append(artifact_types_pb2.Visualization(kind=number, file=file))
    return found[:_MAX_VISUALIZATIONS]


def artifact_version(message: artifact_types_pb2.ArtifactVersion) -> ArtifactVersion:
    """Read an artifact version."""
    described = json_format.MessageToDict(message.schema)
    _, _, run, _, step = (message.producer_step.split("/")[1:] + [""] * 5)[:5]
    kind = word(artifact_types_pb2.ArtifactType, message.type)
    return ArtifactVersion(
        uid=message.uid,
        name=f"{step}.{message.producer_output}",
        uri=message.uri,
        data_type=message.data_type,
        materializer=message.materializer,
        format=described.get("format", ""),
        content_hash=message.content_hash,
        size_bytes=message.size_bytes,
        type="MODEL" if kind == "MODEL" else "DATA",
        schema=described.get("schema", {}),
        statistics=described.get("statistics", {}),
        libraries=dict(message.written_with),
        visualizations=tuple(shown.file for shown in message.visualizations),
        is_pickled=message.unsafe,
        producer_run=run,
        producer_step=step,
        resource=message.name,
    )


def artifact_id(pipeline: str, step: str, output: str) -> str:
    """Name the artifact that an output's versions belong to."""
    whole = f"{pipeline}-{step}" if output == "output" else f"{pipeline}-{step}-{output}"
    if len(whole) <= 63:  # noqa: PLR2004 - the longest resource id
        return resource_id(whole)
    return f"{resource_id(whole[:54])}-{hashlib.sha256(whole.encode()).hexdigest()[:8]}"


def log_line(record: LogLine) -> types_pb2.LogLine:
    """Give a log line; its offset is the writer's to set."""
    plain = record.stream != "structured" and record.level == "INFO"
    level = "UNSPECIFIED" if plain else record.level
    return types_pb2.LogLine(
        time=timestamp(record.time),
        level=types_pb2.LogLevel.Value(f"LOG_LEVEL_{level}"),
        origin=types_pb2.LogOrigin.Value(f"LOG_ORIGIN_{record.origin}"),
        channel=types_pb2.LogChannel.Value(f"LOG_CHANNEL_{_CHANNELS[record.stream]}"),
        message=record.message,
        continued=record.continued,
        logger=record.attributes.get("logger", "")[:256],
    )


def timestamp(time: dt.datetime) -> timestamp_pb2.Timestamp:
    """Give a Timestamp."""
    message = timestamp_pb2.Timestamp()
    message.FromDatetime(time)
    return message


def _step_report(record: StepReport, name_of: NameOf) -> reports_pb2.StepReport:
    return reports_pb2.StepReport(
        step_id=record.step,
        attempt=record.attempt,
        state=run_types_pb2.StepState.Value(f"STEP_STATE_{record.state}"),
        reason=record.reason[:_REASON],
        inputs=_named(record.inputs, name_of),
        # A fan-out's outputs are those of its items, which report their own.
        outputs={n: name_of(found[0]) for n, found in record.outputs.items() if len(found) == 1},
        cache_key=record.cache_key,
        cache_key_parts=dict(record.cache_components),
        cached_from=record.cached_from,
        cache_reason=record.cache_reason[:_REASON],
    )


def _named(versions: Mapping[str, tuple[ArtifactVersion, ...]], name_of: NameOf) -> dict[str, str]:
    """Name several versions of one argument `name[0]`, `name[1]`, ..."""
    pairs = [
        (name if len(found) == 1 else f"{name}[{index}]", version)
        for name, found in versions.items()
        for index, version in enumerate(found)
    ]
    named = {name: name_of(version) for name, version in pairs[:_MAX_INPUTS]}
    return {name: resource for name, resource in named.items() if resource}


def _described(version: ArtifactVersion) -> dict[str, Any]:
    """Keep in the wire's one Struct what has no field of its own."""
    return {
        "format": version.format,
        "schema": dict(version.schema),
        "statistics": dict(version.statistics),
    }


def candidate(
    step: run_types_pb2.Step,
    components: Mapping[str, str],
    outputs: Mapping[str, tuple[ArtifactVersion, ...]],
) -> CacheCandidate:
    """Give a cached step, with its outputs as they were read."""
    made = step.create_time.ToDatetime(dt.UTC)
    return CacheCandidate(step.cache_key, step.name, made, dict(components), outputs)
