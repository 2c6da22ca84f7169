"""Artifacts and their versions as messages, and messages as what operations take."""

from typing import Any

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from meshkit.ids import new_uid
from meshkit.objects.keys import checked
from meshkit.objects.port import ObjectStoreError
from meshkit.rules import resolve_update_mask
from weftapi.workspace.v1 import artifact_types_pb2, artifacts_pb2
from workspace import names
from workspace.contents import Link
from workspace.operations import artifacts as operations
from workspace.operations.refusals import invalid
from workspace.servicers.converting import (
    dict_to_values,
    numbers,
    short_names,
    stamp,
    struct_to_dict,
    uuid_or,
    values_to_dict,
)
from workspace.store.schema_artifacts import Artifact, ArtifactVersion, LineageEdge

Versions = artifacts_pb2.BatchCreateArtifactVersionsResponse
_DOWNLOADS = "/api/workspace/v1/downloads/"
_TYPES = numbers(artifact_types_pb2.ArtifactType)
_TYPE_NAMES = short_names(artifact_types_pb2.ArtifactType)
_KINDS = short_names(artifact_types_pb2.VisualizationKind)
_KIND_NUMBERS = numbers(artifact_types_pb2.VisualizationKind)
# Updates carry the same message without them.
_REQUIRED = ("uri", "data_type", "materializer", "content_hash")
_SAID = ("alias", "description", "labels", "metadata")


def new_version(
    artifact: str, version: artifact_types_pb2.ArtifactVersion
) -> operations.NewVersion:
    missing = next((name for name in _REQUIRED if not getattr(version, name)), None)
    if missing:
        raise invalid(f"artifact_version.{missing}", "is required")
    producer = names.ids(version.producer_step)
    return operations.NewVersion(
        uid=uuid_or(version.uid, new_uid),
        artifact=artifact,
        type=_TYPE_NAMES.get(version.type) or "DATA",
        uri=version.uri,
        data_type=version.data_type,
        materializer=version.materializer,
        content_hash=version.content_hash,
        size_bytes=version.size_bytes,
        producer_run=producer[1] if producer else "",
        producer_step=producer[2] if producer else "",
        producer_output=version.producer_output,
        schema=struct_to_dict(version.schema),
        unsafe=version.unsafe,
        written_with=dict(version.written_with),
        visualizations=[_visualization_to_dict(v) for v in version.visualizations],
        said={path: _plain_value(version, path) for path in _SAID},
    )


def changes(message: Message, mask: FieldMask) -> dict[str, Any]:
    """The values that an update gives."""
    return {path: _plain_value(message, path) for path in resolve_update_mask(message, mask)}


def _plain_value(message: Message, path: str) -> Any:
    value = getattr(message, path)
    if path == "labels":
        return dict(value)
    if path == "metadata":
        return values_to_dict(value)
    return (value or None) if path == "alias" else value


def _visualization_to_dict(shown: artifact_types_pb2.Visualization) -> dict[str, Any]:
    try:
        checked(shown.file)
    except ObjectStoreError as error:
        raise invalid("visualizations.file", "must be a path below the version") from error
    return {
        "kind": _KINDS.get(shown.kind, ""),
        "file": shown.file,
        "size_bytes": shown.size_bytes,
        "title": shown.title,
    }


def versions_to_proto(rows: list[ArtifactVersion]) -> Versions:
    return Versions(artifact_versions=[version_to_proto(row) for row in rows])


def artifact_to_proto(row: Artifact) -> artifact_types_pb2.Artifact:
    return artifact_types_pb2.Artifact(
        name=row.name,
        uid=str(row.uid),
        creator=row.creator,
        create_time=stamp(row.create_time),
        update_time=stamp(row.update_time),
        revision=row.revision,
        latest_version=row.latest_version,
        display_name=row.display_name,
        description=row.description,
        labels=row.labels,
        metadata=dict_to_values(row.metadata),
        etag=names.etag(row.uid, row.changes),
    )


def version_to_proto(row: ArtifactVersion) -> artifact_types_pb2.ArtifactVersion:
    type_: Any = _TYPES[row.type]
    is_produced = bool(row.producer_step)
    producer = names.step(row.project, row.producer_run, row.producer_step) if is_produced else ""
    version = artifact_types_pb2.ArtifactVersion(
        name=row.name,
        uid=str(row.uid),
        creator=row.creator,
        create_time=stamp(row.create_time),
        revision=row.revision,
        version=row.version,
        type=type_,
        uri=row.uri,
        data_type=row.data_type,
        materializer=row.materializer,
        content_hash=row.content_hash,
        size_bytes=row.size_bytes,
        producer_step=producer,
        producer_output=row.producer_output,
        unsafe=row.unsafe,
        written_with=row.written_with,
        alias=row.alias or "",
        description=row.description,
        labels=row.labels,
        metadata=dict_to_values(row.metadata),
        visualizations=[_visualization_to_proto(shown) for shown in row.visualizations],
        update_time=stamp(row.update_time or row.create_time),
        etag=names.etag(row.uid, row.changes),
    )
    if row.schema:
        version.schema.update(row.schema)
    return version


def edge_to_proto(edge: LineageEdge, step: str, version: str) -> artifacts_pb2.LineageEdge:
    is_output = edge.is_output
    return artifacts_pb2.LineageEdge(
        step=step,
        artifact_version=version,
        input="" if is_output else edge.slot,
        output=edge.slot if is_output else "",
    )


def _visualization_to_proto(shown: dict[str, Any]) -> artifact_types_pb2.Visualization:
    kind: Any = _KIND_NUMBERS.get(shown["kind"], 0)
    return artifact_types_pb2.Visualization(**{**shown, "kind": kind})


def basic_version(row: ArtifactVersion) -> artifact_types_pb2.ArtifactVersion:
    """A version without what may be large: a page of hundreds must fit a message."""
    version = version_to_proto(row)
    for name in ("schema", "metadata", "description", "written_with", "visualizations"):
        version.ClearField(name)
    return version


def link_to_proto(link: Link) -> artifacts_pb2.DownloadableFile:
    return artifacts_pb2.DownloadableFile(
        file=link.file.key,
        size_bytes=link.file.size_bytes,
        uri=link.uri or _DOWNLOADS + link.token,
    )
