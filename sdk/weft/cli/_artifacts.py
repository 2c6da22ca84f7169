"""What the commands about artifacts share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weft.cli._exit import CommandError, Exit

if TYPE_CHECKING:
    from weft._connection import Connection
    from weftapi.workspace.v1 import artifact_types_pb2, artifacts_pb2_grpc


def connect() -> tuple[Connection, artifacts_pb2_grpc.ArtifactServiceStub]:
    from weft._connection import Connection
    from weftapi.workspace.v1 import artifacts_pb2_grpc

    connection = Connection.current()
    return connection, connection.workspace.stub(artifacts_pb2_grpc.ArtifactServiceStub)


def find(
    connection: Connection, stub: artifacts_pb2_grpc.ArtifactServiceStub, text: str
) -> artifact_types_pb2.ArtifactVersion:
    from weftapi.workspace.v1 import artifacts_pb2

    if text.startswith("projects/"):
        name = text
    else:
        artifact_id, _, number = text.partition("@")
        artifact = f"{connection.project}/artifacts/{artifact_id}"
        if not number:
            found: Any = connection.workspace.call(
                stub.GetArtifact, artifacts_pb2.GetArtifactRequest(name=artifact)
            )
            number = str(found.latest_version)
        name = f"{artifact}/versions/{number}"
    request = artifacts_pb2.GetArtifactVersionRequest(name=name)
    return connection.workspace.call(stub.GetArtifactVersion, request)


def artifact_name(connection: Connection, text: str) -> str:
    """The resource name of an artifact, from its id."""
    return text if text.startswith("projects/") else f"{connection.project}/artifacts/{text}"


def labels_of(pairs: tuple[str, ...]) -> dict[str, str]:
    """The labels of `KEY=VALUE` options."""
    wrong = [pair for pair in pairs if "=" not in pair]
    if wrong:
        raise CommandError(f"{wrong[0]!r} is not KEY=VALUE", Exit.USAGE)
    return dict(pair.split("=", 1) for pair in pairs)


def label(name: str) -> str:
    parts = name.split("/")
    return f"{parts[3]}@{parts[5]}"


def size_of(count: int) -> str:
    size = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000 or unit == "GB":  # noqa: PLR2004
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1000
    return ""
